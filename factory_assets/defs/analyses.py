"""Which dates were gathered, and which of them are analysed now: what failed before ever more seldom, in the budget."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg

from factory_assets.defs.externals import PAPERS
from factory_assets.defs.jobs import ANALYZE_JOB
from factory_assets.defs.runs import OUTCOME_TAG, RunOutcome
from factory_assets.domain.alerts import Alert
from factory_assets.domain.analysis_report import ANALYSIS_STAGES
from factory_assets.domain.automation import FailedAnalysis, choose_analyses
from factory_assets.registry import Registry

_PARTITION_TAG = "dagster/partition"
_COUNT_FOR = timedelta(days=60)


@dataclass(frozen=True)
class Analyses:
    """The dates to analyse now, in words why others wait, and what to tell of that once a day."""

    days: tuple[date, ...]
    waits: str = ""
    alert: Alert | None = None


def gathered_days(instance: dg.DagsterInstance) -> list[date]:
    """The dates whose papers were gathered."""
    return [date.fromisoformat(key) for key in instance.get_materialized_partitions(PAPERS)]


def gathered_at(instance: dg.DagsterInstance, days: Sequence[date]) -> dict[date, datetime]:
    """When each of these dates that was gathered in full was so last."""
    found = {}
    for day in days:
        chosen = dg.AssetRecordsFilter(asset_key=PAPERS, asset_partitions=[day.isoformat()])
        for record in instance.fetch_materializations(chosen, limit=1).records:
            found[day] = datetime.fromtimestamp(record.timestamp, UTC)
    return found


def analyses_to_launch(
    instance: dg.DagsterInstance,
    registry: Registry,
    days: Sequence[date],
    *,
    day_usd: float,
    link: str,
    now: datetime,
) -> Analyses:
    """Choose among the dates that could be analysed."""
    midnight = datetime.combine(now.date(), time(), UTC)
    failed = {
        day: FailedAnalysis(
            count,
            last_at,
            sum(registry.ledger.usage(day=day, stage=stage).cost_usd for stage in ANALYSIS_STAGES),
        )
        for day, (count, last_at) in _failed_in_a_row(instance, days, now).items()
    }
    chosen = choose_analyses(days, failed, room_usd=day_usd - registry.ledger.spent_since(midnight), now=now)
    texts = [
        f"{day} failed {failed[day].count} times (${failed[day].dollars:.2f} so far), again from"
        f" {failed[day].not_before:%Y-%m-%d %H:%M} UTC"
        for day in chosen.paused
    ]
    if chosen.over_budget:
        over = ", ".join(map(str, chosen.over_budget))
        texts.append(f"{over}: failed before, and the day's budget has no room (FACTORY_DAY_BUDGET_USD)")
    if not texts:
        return Analyses(chosen.days)
    waits = f"Analyses that wait: {'; '.join(texts)}."
    alert = Alert(
        cause="analysis keeps failing",
        title="Analyses of the same dates keep failing",
        text=f"{waits} Look at their last runs; `factory analyze` starts one at once.",
        link=f"{link}/assets/specs",
    )
    return Analyses(chosen.days, waits, alert)


def _failed_in_a_row(
    instance: dg.DagsterInstance, days: Collection[date], now: datetime
) -> dict[date, tuple[int, datetime]]:
    """How often the analysis of each date has failed, or left papers unread, since it last succeeded, and when last.

    What the outside world or the account was to blame for does not count.
    """
    ends = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
    records = instance.get_run_records(
        dg.RunsFilter(job_name=ANALYZE_JOB, statuses=ends, updated_after=now - _COUNT_FOR)
    )
    keys = {day.isoformat(): day for day in days}
    failed: dict[date, tuple[int, datetime]] = {}
    settled: set[date] = set()
    # The newest first.
    for record in records:
        run = record.dagster_run
        day = keys.get(run.tags.get(_PARTITION_TAG, ""))
        if day is None or day in settled or run.tags.get(OUTCOME_TAG) == RunOutcome.DEFERRED:
            continue
        is_done = run.tags.get(OUTCOME_TAG) != RunOutcome.UNFINISHED
        if run.status is dg.DagsterRunStatus.SUCCESS and is_done:
            settled.add(day)
            continue
        ended = datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)
        count, last_at = failed.get(day, (0, ended))
        failed[day] = (count + 1, max(last_at, ended))
    return failed
