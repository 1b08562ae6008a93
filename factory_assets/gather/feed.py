"""arXiv's Atom feed, read strictly: what is broken is a failure, never an empty page."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import Paper, as_utc, split_arxiv_id
from factory_assets.domain.text import single_line
from factory_assets.gather.failures import BadFeedError

_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_TOTAL = "{http://a9.com/-/spec/opensearch/1.1/}totalResults"
_MEND = "Run the same dates again; if it stays, compare the answer of FACTORY_ARXIV_URL with arXiv's manual."


@dataclass(frozen=True)
class Feed:
    """One page: the total over all pages and its papers, or the text of the error entry it was instead."""

    total: int
    papers: tuple[Paper, ...]
    error: str | None = None


def parse_feed(body: bytes) -> Feed:
    """Read one answer of arXiv's query API.

    Raises:
        BadFeedError: broken XML, another document, or an entry without what every paper has.
    """
    # Atom has no document type; without one, no entity can be declared that grows when it is read.
    if b"<!DOCTYPE" in body:
        raise BadFeedError("The answer declares a document type, which Atom has not.", mend=_MEND)
    try:
        root = ET.fromstring(body)  # noqa: S314 - no document type, no entities
    except ET.ParseError as error:
        raise BadFeedError(f"The answer is broken XML: {error}.", mend=_MEND) from None
    if root.tag != f"{_ATOM}feed":
        raise BadFeedError(f"The answer is {root.tag!r} and no Atom feed.", mend=_MEND)
    entries = root.findall(f"{_ATOM}entry")
    for entry in entries:
        if "/api/errors" in entry.findtext(f"{_ATOM}id", ""):
            text = single_line(entry.findtext(f"{_ATOM}summary", "")) or "no reason given"
            return Feed(total=0, papers=(), error=text)
    return Feed(total=_total(root), papers=tuple(_paper(entry) for entry in entries))


def _total(root: ET.Element) -> int:
    text = root.findtext(_TOTAL, "").strip()
    if not text.isdecimal():
        raise BadFeedError(f"opensearch:totalResults is {text!r} and no number.", mend=_MEND)
    return int(text)


def _paper(entry: ET.Element) -> Paper:
    raw_id = entry.findtext(f"{_ATOM}id", "").strip()
    try:
        arxiv_id, version = split_arxiv_id(raw_id)
        comment = single_line(entry.findtext(f"{_ARXIV}comment", ""))
        return Paper(
            arxiv_id=arxiv_id,
            version=version,
            title=_required(entry, "title"),
            abstract=_present(entry, "summary"),
            authors=_authors(entry),
            categories=_categories(entry),
            comment=comment or None,
            published=_moment(_required(entry, "published")),
            updated=_moment(_required(entry, "updated")),
        )
    except (InputError, ValidationError, ValueError) as error:
        text = error.what if isinstance(error, InputError) else single_line(str(error))
        raise BadFeedError(f"Entry {raw_id!r} is no paper: {text}.", mend=_MEND) from None


def _present(entry: ET.Element, name: str) -> str:
    text = entry.findtext(f"{_ATOM}{name}")
    if text is None:
        raise ValueError(f"its field {name!r} is missing")
    return single_line(text)


def _required(entry: ET.Element, name: str) -> str:
    text = _present(entry, name)
    if not text:
        raise ValueError(f"its field {name!r} is empty")
    return text


def _moment(text: str) -> datetime:
    return as_utc(datetime.fromisoformat(text))


def _authors(entry: ET.Element) -> tuple[str, ...]:
    names = (single_line(author.findtext(f"{_ATOM}name", "")) for author in entry.findall(f"{_ATOM}author"))
    return tuple(name for name in names if name)


def _categories(entry: ET.Element) -> tuple[str, ...]:
    """Every category once, the primary one first."""
    primary = entry.find(f"{_ARXIV}primary_category")
    found = [] if primary is None else [primary.get("term", "")]
    found += [category.get("term", "") for category in entry.findall(f"{_ATOM}category")]
    return tuple(dict.fromkeys(term for term in found if term))
