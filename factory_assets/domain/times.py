"""When schedules fire: cron expressions and time zones that Dagster takes too."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import available_timezones

from croniter import CroniterError, croniter

# They are on many machines, but name no place that a browser or another machine knows.
_NAMELESS = frozenset({"localtime", "Factory", "posixrules"})
# A leap day in a year that is no leap year's neighbour: the longest that a date can be away is eight years.
_LONGEST_YEARS = 9


def check_cron(expression: str) -> None:
    """Refuse what Dagster's schedules refuse, and what never fires.

    Dagster carries a copy of croniter and takes expressions of five fields only (dagster/_utils/schedules.py).

    Raises:
        ValueError: saying which of the two.
    """
    form = f"{expression!r} is no cron expression of five fields, as 30 6 * * *"
    fields = expression.lower().split()
    # The copy knows no nearest weekday (1W), and an R would be another time at every start.
    odd = (len(fields) > 2 and "w" in fields[2]) or any(field.startswith("r") for field in fields)
    if odd or not croniter.is_valid(expression) or len(croniter.expand(expression)[0]) != 5:
        raise ValueError(form)
    try:
        croniter(
            expression, datetime(2026, 1, 1, tzinfo=UTC), max_years_between_matches=_LONGEST_YEARS
        ).get_next(datetime)
    except CroniterError:
        raise ValueError(f"{expression!r} never comes: no month has such a day") from None


def check_zone(name: str) -> None:
    """Refuse what is no time zone by which schedules can run and the UI can show them.

    Raises:
        ValueError: naming it.
    """
    if name in _NAMELESS or name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone, as UTC or Europe/Berlin")
