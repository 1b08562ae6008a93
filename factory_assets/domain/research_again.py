"""Which dates are looked around once more because something could not be looked up: ever more seldom, for two weeks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from factory_assets.domain.research import NOT_HELD, OpenDate

# As long as arXiv is asked for what is missing of a date: a source that has not answered by then hardly will.
LOOK_AGAIN_FOR = timedelta(days=14)
# A limit counts by the hour; what was away for a day is not there within the next hour.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(hours=1), timedelta(days=1)
# They look one after another, each for minutes. So many new ones an hour are more than get done.
_MOST_AT_ONCE = 10


@dataclass(frozen=True)
class LooksAgain:
    """The dates to look around now, those that wait with the time of their next look, and those that are given up."""

    days: tuple[date, ...]
    waiting: tuple[tuple[date, datetime], ...] = ()
    given_up: tuple[OpenDate, ...] = ()


def choose_looks(
    dates: Iterable[OpenDate], *, under_way: Collection[date], with_archive: bool, now: datetime
) -> LooksAgain:
    """Choose among dates of which something is missing, those first around which nobody has looked for longest.

    Args:
        dates: with their gaps.
        under_way: dates that are being looked around, or are about to be.
        with_archive: whether the archive is filled; without it what only the archive could tell stays unknown.
        now: the time, in UTC.
    """
    healing = [one for one in dates if with_archive or any(NOT_HELD not in gap for gap in one.gaps)]
    open_ones = [one for one in healing if now - one.since <= LOOK_AGAIN_FOR]
    idle = sorted(
        (one for one in open_ones if one.day not in under_way), key=lambda one: (one.looked_at, one.day)
    )
    due = [one.day for one in idle if next_look(one) <= now]
    return LooksAgain(
        days=tuple(due[:_MOST_AT_ONCE]),
        waiting=tuple((one.day, next_look(one)) for one in idle if one.day not in due[:_MOST_AT_ONCE]),
        given_up=tuple(one for one in healing if one not in open_ones),
    )


def next_look(one: OpenDate) -> datetime:
    """When to look again: after as long a time as something had been missing at the last look; an hour to a day."""
    return one.looked_at + min(max(one.looked_at - one.since, _FIRST_PAUSE), _LONGEST_PAUSE)
