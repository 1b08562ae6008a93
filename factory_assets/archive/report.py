"""What a harvest brought, as it is told of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from factory_assets.domain.archive import MergeCounts


@dataclass(frozen=True)
class UnreadRecord:
    """A record that cannot be read: its id, where it has one, and why."""

    id: str
    why: str


@dataclass(frozen=True)
class HarvestReport:
    """What the harvest of some dates brought.

    Attributes:
        first, last: the dates of change, both included.
        counts: what it changed in the archive.
        by_day: the records that arXiv lists, by date of change; one that is in two sets counts once.
        told_deleted: how many of them are deletions, of papers that were never held too.
        unread: records that cannot be read.
        asked_at: since when it was asked for (UTC), of several sets the earliest.
        requests, seconds: what it took; a window that an earlier process began counts from where it was taken up.
    """

    first: date
    last: date
    counts: MergeCounts
    by_day: Counter[date]
    told_deleted: int
    unread: tuple[UnreadRecord, ...]
    asked_at: datetime
    requests: int
    seconds: float

    @property
    def days(self) -> tuple[date, ...]:
        """Its dates, in order."""
        return tuple(
            self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)
        )

    @property
    def records(self) -> int:
        """How many records arXiv listed."""
        return self.by_day.total()

    def is_whole(self, day: date) -> bool:
        """Whether a date was over when it was asked for."""
        return self.asked_at.date() > day
