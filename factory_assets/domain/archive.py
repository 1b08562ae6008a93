"""Papers as the archive keeps them: all of arXiv's metadata, the licence of the full text with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from factory_assets.domain.papers import Paper, StorableText, UtcDatetime


class ArchiveRecord(BaseModel):
    """One paper. `submitted` is version 1's time, `updated` the latest version's, where one is known.

    `changed` is the date on which arXiv last changed what it says of the paper. The metadata is in the public domain
    (CC0); `licence` is the address of the full text's own, where one is known. What arXiv has `deleted` since is still
    told of, and not found by those who look for papers.
    """

    model_config = ConfigDict(frozen=True)

    arxiv_id: StorableText
    version: int = Field(ge=1, lt=2**31)
    title: StorableText
    abstract: StorableText
    authors: tuple[StorableText, ...]
    categories: tuple[StorableText, ...]
    comment: StorableText | None
    journal_ref: StorableText | None
    doi: StorableText | None
    licence: StorableText | None
    submitted: UtcDatetime
    updated: UtcDatetime | None = None
    changed: date
    deleted: bool = False

    @property
    def month(self) -> str:
        """The month of its first submission, as in 2026-06."""
        return f"{self.submitted:%Y-%m}"

    @property
    def paper(self) -> Paper:
        """The same as a gather brings it."""
        return Paper(
            arxiv_id=self.arxiv_id,
            version=self.version,
            title=self.title,
            abstract=self.abstract,
            authors=self.authors,
            categories=self.categories,
            comment=self.comment,
            published=self.submitted,
            updated=self.updated or self.submitted,
        )


class DeletedRecord(BaseModel):
    """A paper that arXiv has deleted, as OAI-PMH tells it: nothing but its id, and `changed`, the date of that."""

    model_config = ConfigDict(frozen=True)

    arxiv_id: StorableText
    changed: date
    deleted: Literal[True] = True


class MergeCounts(BaseModel):
    """What storing records changed; `deleted` are those that were marked as deleted now."""

    model_config = ConfigDict(frozen=True)

    new: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    months: int = 0

    def __add__(self, other: MergeCounts) -> MergeCounts:
        return MergeCounts(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            deleted=self.deleted + other.deleted,
            unchanged=self.unchanged + other.unchanged,
            months=self.months + other.months,
        )


class ArchiveStats(BaseModel):
    """What the archive holds; `records` leaves the deleted ones out. `bytes_on_disk` counts its files of records."""

    model_config = ConfigDict(frozen=True)

    records: int = 0
    deleted: int = 0
    months: int = 0
    first_month: str | None = None
    last_month: str | None = None
    last_changed: date | None = None
    first_submitted: UtcDatetime | None = None
    last_submitted: UtcDatetime | None = None
    bytes_on_disk: int = 0
    by_category: dict[str, int] = {}


def is_held(day: date, asked: Mapping[date, datetime], settled: datetime) -> bool:
    """Whether an archive holds all papers first submitted on a date.

    arXiv lists records by the date of their last change, and whatever changes moves on to a later one. So a date is
    held when every date from it to the last harvest was asked for after it was over, the last one as late as any, and
    that after `settled`.

    Args:
        day: the UTC date.
        asked: when each date of change was asked for.
        settled: when arXiv has announced the date in full.
    """
    end = day
    while end in asked:
        end += timedelta(days=1)
    if end == day:
        return False
    days = [day + timedelta(days=number) for number in range((end - day).days)]
    last = asked[days[-1]]
    return (
        last >= settled
        and last.date() == days[-1]
        and all(asked[one] <= last for one in days)
        and all(asked[one].date() > one for one in days[:-1])
    )
