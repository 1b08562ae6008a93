"""What the hourly gather asks for: its window, and once a day the earlier dates of which something is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg

from factory_assets.defs.runs import OUTCOME_TAG, RunOutcome
from factory_assets.domain.automation import dates_to_ask_again, trailing_window
from factory_assets.registry import Registry

GATHER_SCHEDULE = "gather_hourly"
_SCHEDULE_TAG = "dagster/schedule_name"
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
# On runs for earlier dates, which say nothing of how far the gathers of the window have got.
_AGAIN_TAG = "factory/gathered-again"
# Among so many runs there is one of a window, however many earlier dates are asked for in a day.
_LOOK_BACK = 200


@dataclass(frozen=True)
class GatherDates:
    """The dates that are partitions, and how many of the last the hourly gather asks for."""

    first: date
    last: date | None
    window_days: int


def gather_window(
    instance: dg.DagsterInstance, dates: GatherDates, now: datetime
) -> tuple[date, date] | None:
    """The dates to gather now. What was gathered by hand, in ranges of its own, says nothing of them."""
    return trailing_window(
        now.date(),
        days=dates.window_days,
        first=dates.first,
        last=dates.last,
        gathered_to=_gathered_to(instance),
    )


def gather_requests(
    registry: Registry, dates: GatherDates, window: tuple[date, date], now: datetime
) -> Iterator[dg.RunRequest]:
    """The window, then the earlier dates of which something is missing; Dagster launches one key only once."""
    yield dg.RunRequest(run_key=f"gather {now:%Y-%m-%dT%H:%M}", tags=_range(*window))
    incomplete = {
        day: since
        for day, since in registry.gathers.incomplete_dates().items()
        if dates.first <= day <= (dates.last or now.date())
    }
    for first, last in dates_to_ask_again(incomplete, window, now):
        yield dg.RunRequest(
            run_key=f"gather {first} to {last} again {now:%Y-%m-%d}",
            tags={**_range(first, last), _AGAIN_TAG: "true"},
        )


def _range(first: date, last: date) -> dict[str, str]:
    return {_RANGE_START: first.isoformat(), _RANGE_END: last.isoformat()}


def _gathered_to(instance: dg.DagsterInstance) -> date | None:
    """The end of the latest window that arXiv answered; single dates of it may be missing."""
    schedule = {_SCHEDULE_TAG: GATHER_SCHEDULE}
    whole = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS], tags=schedule)
    in_part = dg.RunsFilter(tags={**schedule, OUTCOME_TAG: RunOutcome.UNFINISHED.value})
    runs = [
        *instance.get_run_records(whole, limit=_LOOK_BACK),
        *instance.get_run_records(in_part, limit=_LOOK_BACK),
    ]
    windows = [record for record in runs if _AGAIN_TAG not in record.dagster_run.tags]
    if not windows:
        return None
    latest = max(windows, key=lambda record: record.storage_id)
    return date.fromisoformat(latest.dagster_run.tags[_RANGE_END])
