"""arXiv's announcement calendar: when a date is settled, that is, normally announced in full."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# https://info.arxiv.org/help/availability.html: papers received until 14:00 US Eastern are announced at 20:00,
# Sunday to Thursday; what comes after Thursday's cut-off until Friday's is announced on Sunday.
_EASTERN = ZoneInfo("America/New_York")
_CUT_OFF = time(14)
_ANNOUNCED = time(20)
# An announcement takes some hours to reach the query API.
_GRACE = timedelta(hours=6)
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6


def announced_at(day: date) -> datetime:
    """The UTC time at which arXiv normally announces the last papers of `day` (a UTC date of submission)."""
    last_submission = datetime.combine(day + timedelta(days=1), time(), UTC).astimezone(_EASTERN)
    cut_off = last_submission.date()
    if last_submission.time() > _CUT_OFF:
        cut_off += timedelta(days=1)
    while cut_off.weekday() in {_SATURDAY, _SUNDAY}:
        cut_off += timedelta(days=1)
    announced = cut_off + timedelta(days=2) if cut_off.weekday() == _FRIDAY else cut_off
    return datetime.combine(announced, _ANNOUNCED, _EASTERN).astimezone(UTC)


def settled_at(day: date) -> datetime:
    """The UTC time from which `day` is normally announced in full and found by the query API."""
    return announced_at(day) + _GRACE


def is_settled(day: date, now: datetime) -> bool:
    """Whether arXiv has normally announced all papers submitted on `day` by `now`."""
    return now >= settled_at(day)
