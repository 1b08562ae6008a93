"""Atom as XML: read as it is, else without what XML forbids, else entry by entry: a bad one costs no other."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from factory_assets.gather.failures import BadFeedError

ATOM = "{http://www.w3.org/2005/Atom}"

_FIX = "Run the same dates again; if it stays, compare the answer of FACTORY_ARXIV_URL with arXiv's manual."
# https://www.w3.org/TR/xml/#charsets: no other character may stand in a document, not as a reference either.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE = re.compile(r"&#(?:x(?P<hex>[0-9a-fA-F]+)|(?P<dec>[0-9]+));")
# Without a document type there are these five names (https://www.w3.org/TR/xml/#sec-predefined-ent), so that any
# other ampersand can only be meant as itself.
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)")
_CODE_DIGITS = 8
_ENTRY = re.compile(r"<entry[\s>]")
_END = "</feed>"


@dataclass(frozen=True)
class BrokenEntry:
    """An entry that is no XML: why, and what could be made out of it."""

    why: str
    id: str
    published: str


class _NoDoctype(ET.TreeBuilder):
    """Atom has no document type; without one, no entity can be declared that grows when it is read."""

    def doctype(self, *_named: str | None) -> None:
        raise BadFeedError("The answer declares a document type, which Atom has not.", fix=_FIX)


def read_markup(body: bytes) -> tuple[ET.Element, list[ET.Element | BrokenEntry]]:
    """The feed's root and its entries, in order.

    Raises:
        BadFeedError: another document, a document type, or broken outside of its entries.
    """
    try:
        return _feed(body)
    except ET.ParseError:
        text = _legal(body.decode("utf-8", errors="replace"))
    try:
        return _feed(text)
    except ET.ParseError as error:
        return _by_entry(text, error)


def _feed(document: bytes | str) -> tuple[ET.Element, list[ET.Element | BrokenEntry]]:
    root = _parsed(document)
    if root.tag != f"{ATOM}feed":
        raise BadFeedError(f"The answer is {root.tag!r} and no Atom feed.", fix=_FIX)
    return root, [*root.findall(f"{ATOM}entry")]


def _parsed(document: bytes | str) -> ET.Element:
    try:
        return ET.fromstring(document, ET.XMLParser(target=_NoDoctype()))  # noqa: S314 - no entities
    except (LookupError, ValueError) as error:
        raise BadFeedError(f"The answer's encoding cannot be read: {error}.", fix=_FIX) from None


def _legal(text: str) -> str:
    """The text without what XML forbids, as a reader would have meant it."""
    text = _FORBIDDEN.sub(lambda found: _in_place_of(found[0]), text)
    text = _REFERENCE.sub(_legal_reference, text)
    return text if "<![CDATA[" in text else _BARE_AMPERSAND.sub("&amp;", text)


def _legal_reference(found: re.Match[str]) -> str:
    digits, base = (found["hex"], 16) if found["hex"] else (found["dec"], 10)
    code = int(digits, base) if len(digits) <= _CODE_DIGITS else -1
    if not 0 <= code <= 0x10FFFF:
        return ""
    return _in_place_of(chr(code)) if _FORBIDDEN.match(chr(code)) else found[0]


def _in_place_of(forbidden: str) -> str:
    return " " if forbidden.isspace() else ""


def _by_entry(text: str, error: ET.ParseError) -> tuple[ET.Element, list[ET.Element | BrokenEntry]]:
    """Every entry read by itself, between the feed's own head and end.

    Raises:
        BadFeedError: there is no entry, the feed breaks off, or its head is broken too.
    """
    broken = BadFeedError(f"The answer is broken XML: {error}.", fix=_FIX)
    starts = [found.start() for found in _ENTRY.finditer(text)]
    end = text.rfind(_END)
    if not starts or end < starts[-1]:
        raise broken
    head = text[: starts[0]]
    try:
        root, _ = _feed(head + _END)
    except ET.ParseError:
        raise broken from None
    chunks = [text[start:stop] for start, stop in zip(starts, [*starts[1:], end], strict=True)]
    return root, [_entry(head, chunk) for chunk in chunks]


def _entry(head: str, chunk: str) -> ET.Element | BrokenEntry:
    try:
        _, entries = _feed(f"{head}{chunk}{_END}")
        if len(entries) == 1:
            return entries[0]
        why = "it does not end"
    except ET.ParseError as error:
        why = f"broken XML: {error.msg.partition(':')[0]}"
    return BrokenEntry(why=why, id=_field(chunk, "id"), published=_field(chunk, "published"))


def _field(chunk: str, name: str) -> str:
    found = re.search(rf"<{name}>\s*([^<>&]*?)\s*</{name}>", chunk)
    return found[1] if found else ""
