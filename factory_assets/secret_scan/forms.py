"""The factory's own secrets as bytes in files: every form, also broken over lines or into pieces of code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from factory_assets.domain.redaction import SHORTEST_SECRET, is_recognisable, text_forms

# What stands between the pieces of a text that was wrapped, concatenated, or written two bytes a character.
_BETWEEN = b" \t\r\n\0\"'`\\,+"


@dataclass(frozen=True)
class Match:
    """A form that was found. `offset` counts bytes of the data as it was given."""

    offset: int
    form: bytes


def forms_of(secret: str) -> tuple[bytes, ...]:
    """Plain, JSON, base64 (three alignments, both alphabets), URL-encoded and hex, longest first."""
    return tuple(form.encode("utf-8", "surrogateescape") for form in text_forms(secret))


class Finder:
    """Finds the forms of some secrets in bytes."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = dict.fromkeys(
            form for secret in secrets if is_recognisable(secret) for form in forms_of(secret)
        )
        self._forms = tuple(forms)
        squeezed = dict.fromkeys(_squeeze(form) for form in forms)
        self._squeezed = tuple(form for form in squeezed if len(form) >= SHORTEST_SECRET)

    def find(self, data: bytes) -> Iterator[Match]:
        """Each form that the data holds, once. A form that was broken up is found without what is between."""
        if not self._forms:
            return
        found = False
        for form in self._forms:
            offset = data.find(form)
            if offset >= 0:
                found = True
                yield Match(offset, form)
        if found:
            return
        squeezed = _squeeze(data)
        for form in self._squeezed:
            offset = squeezed.find(form)
            if offset >= 0:
                yield Match(_unsqueezed(data, offset), form)


def _squeeze(data: bytes) -> bytes:
    return data.translate(None, _BETWEEN)


def _unsqueezed(data: bytes, offset: int) -> int:
    kept = -1
    for position, byte in enumerate(data):
        kept += byte not in _BETWEEN
        if kept == offset:
            return position
    return 0
