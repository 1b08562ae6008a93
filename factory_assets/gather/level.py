"""Whether a date brought as many papers as such a date usually does: a query that broke still answers something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

from factory_assets.domain.announcements import is_settled

_SATURDAY = 5
# Fewer working days say little about what is usual.
_FEWEST_DAYS = 5
# Low enough for most public holidays, high enough for a query that hardly finds anything any more.
LOWEST_SHARE = 0.25


@dataclass(frozen=True)
class LowDay:
    """A settled working day with far fewer papers than usual."""

    day: date
    papers: int
    usual: float


def low_days(gathered: Mapping[date, int], history: Mapping[date, int], now: datetime) -> list[LowDay]:
    """The settled working days of a gather that brought less than a quarter of what is usual.

    Args:
        gathered: papers by date of this gather.
        history: papers by date of everything stored; the usual is the median of its other working days.
        now: the time, in UTC.
    """
    working = {
        day: papers for day, papers in history.items() if day.weekday() < _SATURDAY and is_settled(day, now)
    }
    low = []
    for day, papers in sorted(gathered.items()):
        others = [count for other, count in working.items() if other not in gathered]
        if day.weekday() >= _SATURDAY or not is_settled(day, now) or len(others) < _FEWEST_DAYS:
            continue
        usual = median(others)
        if papers < LOWEST_SHARE * usual:
            low.append(LowDay(day, papers, usual))
    return low
