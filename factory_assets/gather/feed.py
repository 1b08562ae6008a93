"""arXiv's Atom feed: an entry that cannot be read is told apart from the others, a feed that is none is a failure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import ValidationError

from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import Paper, as_utc, split_arxiv_id
from factory_assets.domain.text import single_line
from factory_assets.gather.failures import BadFeedError
from factory_assets.gather.markup import ATOM, BrokenEntry, read_markup

_ARXIV = "{http://arxiv.org/schemas/atom}"
_TOTAL = "{http://a9.com/-/spec/opensearch/1.1/}totalResults"
_FIX = "Run the same dates again; if it stays, compare the answer of FACTORY_ARXIV_URL with arXiv's manual."
# More digits than any count has; Python refuses to read some thousands of them.
_LONGEST_COUNT = 9


@dataclass(frozen=True)
class UnreadEntry:
    """An entry that is no paper: its place on the page from 0, its id where it has one, and why.

    It was submitted between `after` and `before`, the days of its neighbours; where its own is legible, both are that.
    """

    index: int
    id: str
    why: str
    after: date | None
    before: date | None


@dataclass(frozen=True)
class Feed:
    """One page: the total over all pages, its papers and unread entries, or the text of the error entry it was."""

    total: int
    papers: tuple[Paper, ...] = ()
    unread: tuple[UnreadEntry, ...] = ()
    error: str | None = None

    @property
    def entries(self) -> int:
        """How many entries it holds, read or not."""
        return len(self.papers) + len(self.unread)


@dataclass(frozen=True)
class _Unreadable:
    id: str
    why: str
    day: date | None


def parse_feed(body: bytes) -> Feed:
    """Read one answer of arXiv's query API.

    Raises:
        BadFeedError: another document, broken beyond its entries, or most of its entries cannot be read.
    """
    root, entries = read_markup(body)
    if len(entries) == 1 and (error := _error(entries[0])) is not None:
        return Feed(total=0, error=error)
    total = _total(root)
    read = [_read(entry) for entry in entries]
    unread = [one for one in read if isinstance(one, _Unreadable)]
    # One entry is the fault of that entry; most of them are the fault of the feed.
    if len(unread) > 1 and 2 * len(unread) > len(read):
        raise BadFeedError(
            f"{len(unread)} of {len(read)} entries cannot be read. Entry {unread[0].id!r} is no paper:"
            f" {unread[0].why}.",
            fix=_FIX,
        )
    return Feed(
        total=total,
        papers=tuple(one for one in read if isinstance(one, Paper)),
        unread=tuple(
            _placed(one, index, read) for index, one in enumerate(read) if isinstance(one, _Unreadable)
        ),
    )


def _placed(one: _Unreadable, index: int, read: Sequence[Paper | _Unreadable]) -> UnreadEntry:
    """With the days of the nearest papers on both sides: arXiv was asked for the oldest first."""
    after = before = one.day
    if one.day is None:
        after = next((other.day for other in reversed(read[:index]) if isinstance(other, Paper)), None)
        before = next((other.day for other in read[index + 1 :] if isinstance(other, Paper)), None)
    return UnreadEntry(index=index, id=one.id, why=one.why, after=after, before=before)


def _error(entry: ET.Element | BrokenEntry) -> str | None:
    """The text of an entry that is arXiv's error; None where it is another."""
    if isinstance(entry, BrokenEntry) or "/api/errors" not in entry.findtext(f"{ATOM}id", ""):
        return None
    return single_line(entry.findtext(f"{ATOM}summary", "")) or "no reason given"


def _total(root: ET.Element) -> int:
    text = root.findtext(_TOTAL, "").strip()
    if not text.isdecimal() or len(text) > _LONGEST_COUNT:
        raise BadFeedError(f"opensearch:totalResults is {text[:40]!r} and no number.", fix=_FIX)
    return int(text)


def _read(entry: ET.Element | BrokenEntry) -> Paper | _Unreadable:
    if isinstance(entry, BrokenEntry):
        return _Unreadable(entry.id, entry.why, _day(entry.published))
    raw_id = single_line(entry.findtext(f"{ATOM}id", ""))
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
    except (InputError, ValidationError, ValueError, OverflowError) as error:
        why = error.what if isinstance(error, InputError) else single_line(str(error))
        return _Unreadable(raw_id, why.rstrip("."), _day(entry.findtext(f"{ATOM}published", "")))


def _present(entry: ET.Element, name: str) -> str:
    text = entry.findtext(f"{ATOM}{name}")
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


def _day(text: str) -> date | None:
    try:
        return _moment(single_line(text)).date()
    except (ValueError, OverflowError):
        return None


def _authors(entry: ET.Element) -> tuple[str, ...]:
    names = (single_line(author.findtext(f"{ATOM}name", "")) for author in entry.findall(f"{ATOM}author"))
    return tuple(name for name in names if name)


def _categories(entry: ET.Element) -> tuple[str, ...]:
    """Every category once, the primary one first."""
    primary = entry.find(f"{_ARXIV}primary_category")
    found = [] if primary is None else [primary.get("term", "")]
    found += [category.get("term", "") for category in entry.findall(f"{ATOM}category")]
    return tuple(dict.fromkeys(term for term in found if term))
