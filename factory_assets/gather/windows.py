"""Dates as windows: contiguous spans that one query can answer. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

MAX_HITS = 10_000
"""Hits from which on arXiv's deep pages start to fail."""

# Days differ in how busy they are, so a window is sized to stay clear of the limit and of a page that is
# nearly empty: four pages hold 8,000.
_AIMED_HITS = 7_500
FIRST_DAYS = 30
_MOST_DAYS = 366


@dataclass(frozen=True)
class DateWindow:
    """Every UTC day from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it holds."""
        return (self.last - self.first).days + 1

    @property
    def dates(self) -> tuple[date, ...]:
        """Its days, in order."""
        return tuple(self.first + timedelta(days=offset) for offset in range(self.days))

    @property
    def start(self) -> datetime:
        """Midnight at which it begins."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """Midnight at which it is over."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)

    def holds(self, moment: datetime) -> bool:
        """Whether a UTC moment lies in it."""
        return self.start <= moment < self.end

    def cut(self, days: int) -> tuple[DateWindow, ...]:
        """The first `days` days, and the rest where there is one."""
        if days >= self.days:
            return (self,)
        last = self.first + timedelta(days=days - 1)
        return DateWindow(self.first, last), DateWindow(last + timedelta(days=1), self.last)

    def halves(self) -> tuple[DateWindow, ...]:
        """Two windows of about the same size; itself where it is a single day."""
        return self.cut((self.days + 1) // 2)

    def __str__(self) -> str:
        return f"{self.first}" if self.days == 1 else f"{self.first} to {self.last}"


def contiguous(dates: Iterable[date]) -> tuple[DateWindow, ...]:
    """The fewest windows that hold exactly these dates, in order."""
    windows: list[DateWindow] = []
    for day in sorted(set(dates)):
        if windows and day == windows[-1].last + timedelta(days=1):
            windows[-1] = DateWindow(windows[-1].first, day)
        else:
            windows.append(DateWindow(day, day))
    return tuple(windows)


def spans(dates: Iterable[date]) -> str:
    """Dates in words: contiguous ones as a span."""
    return ", ".join(str(window) for window in contiguous(dates))


def next_days(*, days: int, hits: int) -> int:
    """How many days the next window may span, when `days` days just brought `hits` hits."""
    return _MOST_DAYS if hits == 0 else max(1, min(_MOST_DAYS, days * _AIMED_HITS // hits))
