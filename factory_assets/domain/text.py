"""Text from outside: normalising it, and taking out what a reader cannot see."""

from __future__ import annotations

import json
import unicodedata

from pydantic import JsonValue

_KEPT_CONTROLS = "\n\t"


def single_line(text: str) -> str:
    """Fold every run of white space into one space; LaTeX stays as it is."""
    folded = " ".join(text.split())
    # The usual text hides nothing; looking at it character by character would take a second a page of papers.
    if folded.isprintable() and unicodedata.is_normalized("NFC", folded):
        return folded
    return " ".join(strip_hidden(text).split())


def as_text(said: JsonValue) -> str:
    """Text as it is, anything else as JSON."""
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def strip_hidden(text: str) -> str:
    """Remove control, format and private-use characters, which can hide instructions from a reader."""
    return "".join(
        char
        for char in unicodedata.normalize("NFC", text)
        if char in _KEPT_CONTROLS or unicodedata.category(char) not in {"Cc", "Cf", "Co", "Cs", "Cn"}
    )


def tail(text: str, *, lines: int = 40, chars: int = 4000) -> str:
    """The end of a long output: at most `lines` lines and `chars` characters."""
    return "\n".join(text.rstrip().splitlines()[-lines:])[-chars:]


def counted(number: int, one: str, more: str) -> str:
    """A number and what it counts: 1 paper, 1,200 papers."""
    return f"{number:,} {one if number == 1 else more}"
