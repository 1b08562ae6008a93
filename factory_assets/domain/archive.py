"""Papers as the archive keeps them: all of arXiv's metadata, the licence of the full text with them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from factory_assets.domain.papers import StorableText, UtcDatetime


class ArchiveRecord(BaseModel):
    """One paper. `submitted` is version 1's time; `changed` the date on which arXiv last changed what it says of it.

    The metadata is in the public domain (CC0); `licence` is the address of the full text's own, where one is known.
    What arXiv has `deleted` since is still told of, and not found by those who look for papers.
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
    changed: date
    deleted: bool = False

    @property
    def month(self) -> str:
        """The month of its first submission, as in 2026-06."""
        return f"{self.submitted:%Y-%m}"


class HarvestedRecord(BaseModel):
    """One paper as OAI-PMH tells it in the format `arXiv`, which names neither versions nor times.

    `submitted` is midnight of the date of version 1; `version` the lowest that it can be: 1, or 2 once it was replaced.
    """

    model_config = ConfigDict(frozen=True)

    arxiv_id: StorableText
    version: int = Field(ge=1, le=2)
    title: StorableText
    abstract: StorableText
    authors: tuple[StorableText, ...]
    categories: tuple[StorableText, ...]
    comment: StorableText | None
    journal_ref: StorableText | None
    doi: StorableText | None
    licence: StorableText | None
    submitted: UtcDatetime
    changed: date
    dated: Literal[True] = True
    deleted: Literal[False] = False


class DeletedRecord(BaseModel):
    """A paper that arXiv has deleted, as OAI-PMH tells it: nothing but its id, and `changed`, the date of that."""

    model_config = ConfigDict(frozen=True)

    arxiv_id: StorableText
    changed: date
    dated: Literal[True] = True
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
