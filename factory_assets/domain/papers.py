"""Papers as the factory knows them, whatever source they came from."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from factory_assets.domain.errors import InputError

_ARXIV_ID = re.compile(
    r"^(?:https?://(?:export\.)?arxiv\.org/abs/)?"
    # Until March 2007 an archive, mostly with its subject class: math.GT/0309136, cond-mat.mes-hall/0606070.
    r"(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Za-z-]+)?/\d{7})(?:v(?P<version>\d{1,4}))?$",
    re.ASCII,
)
_MONTH_OF_ID = re.compile(r"^(?:.*/)?(?P<year>\d\d)(?P<month>0[1-9]|1[0-2])", re.ASCII)


def split_arxiv_id(raw: str) -> tuple[str, int]:
    """Split an arXiv id or abs URL into the version-free id and the version (1 where none is named).

    Raises:
        InputError: when the text is no arXiv id (https://info.arxiv.org/help/arxiv_identifier.html).
    """
    match = _ARXIV_ID.match(raw.strip())
    if match is None:
        raise InputError(f"{raw!r} is not an arXiv id.", fix="Write it as 2606.01234 or hep-th/9901001.")
    return match["id"], int(match["version"] or 1)


def likely_months(arxiv_id: str) -> tuple[str, str] | None:
    """The months, as 2026-06, in which a paper was submitted first, by its id: the likeliest and the next likely.

    An id names the month in which arXiv gave it, which for the papers of a month's last days is the next one. None
    where it names no month.
    """
    named = _MONTH_OF_ID.search(arxiv_id)
    if named is None:
        return None
    year, month = int(named["year"]), int(named["month"])
    # arXiv began in 1991.
    year += 1900 if year >= 91 else 2000
    before = (year - 1, 12) if month == 1 else (year, month - 1)
    return f"{year}-{month:02}", f"{before[0]}-{before[1]:02}"


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; a time without a zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


UtcDatetime = Annotated[datetime, AfterValidator(as_utc)]


_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def _storable(text: str) -> str:
    # Most texts are ASCII, which a string knows of itself.
    if "\0" in text or (not text.isascii() and _HALF_A_PAIR.search(text)):
        raise ValueError("it holds characters that no text has")
    return text


# PostgreSQL takes no NUL, and half of a surrogate pair cannot be encoded: one such paper would lose its whole batch.
StorableText = Annotated[str, AfterValidator(_storable)]


class Paper(BaseModel):
    """One paper, keyed by its version-free arXiv id. `published` is version 1's time, UTC.

    A paper that there is can be stored: what the registry could not take is refused here.
    """

    model_config = ConfigDict(frozen=True)

    arxiv_id: StorableText
    version: int = Field(ge=1, lt=2**31)
    title: StorableText
    abstract: StorableText
    authors: tuple[StorableText, ...]
    categories: tuple[StorableText, ...]
    comment: StorableText | None
    published: UtcDatetime
    updated: UtcDatetime

    @property
    def url(self) -> str:
        """The version-free abstract page; the unique key of raw_items."""
        return paper_url(self.arxiv_id)

    @property
    def day(self) -> date:
        """The partition that this paper belongs to: the UTC day of its first submission."""
        return self.published.date()


class LabelledPaper(BaseModel):
    """A paper and the names of the topics it matches."""

    model_config = ConfigDict(frozen=True)

    paper: Paper
    topics: tuple[str, ...]


class UpsertCounts(BaseModel):
    """What storing a batch of papers changed."""

    model_config = ConfigDict(frozen=True)

    new: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: UpsertCounts) -> UpsertCounts:
        return UpsertCounts(
            new=self.new + other.new,
            updated=self.updated + other.updated,
            unchanged=self.unchanged + other.unchanged,
        )


def paper_url(arxiv_id: str) -> str:
    """The abstract page of a version-free arXiv id."""
    return f"https://arxiv.org/abs/{arxiv_id}"
