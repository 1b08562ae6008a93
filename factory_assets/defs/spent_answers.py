"""The sensor `spent_answers` and its job: what answers for ranks without a spec leave in Dagster's storage goes again.

A backfill needs them while it goes on; what the UI says of runs and partitions is truer without them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from factory_assets.defs.dagster_private.core import (
    BACKFILL_ID_TAG,
    NOT_FINISHED_STATUSES,
    BulkActionStatus,
    PartitionBackfill,
)
from factory_assets.defs.empty_ranks import is_answered_by_another
from factory_assets.defs.externals import BUILT_REPOS, MIRRORED_REPOS
from factory_assets.defs.housekeeping import remove_run
from factory_assets.defs.runs import OUTCOME_TAG, RunOutcome
from factory_assets.domain.clock import Clock

FORGET_JOB = "forget_answers"
_GOING_ON = {BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING}
# Whoever launched a run by hand looks at it today.
_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class SpentAnswers:
    """Runs that nobody needs any more: those with events of their own, and those that another run answered for."""

    with_events: Sequence[str]
    without: Sequence[str]

    def __len__(self) -> int:
        return len(self.with_events) + len(self.without)


def spent_answers(instance: dg.DagsterInstance, *, now: datetime, ended_before: datetime) -> SpentAnswers:
    """What can go: answers of backfills that had ended, and those by hand after a day."""
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS], tags={OUTCOME_TAG: RunOutcome.NO_SPEC.value})
    )
    names = {record.dagster_run.tags.get(BACKFILL_ID_TAG, "") for record in records} - {""}
    backfills = {name: backfill for name in names if (backfill := instance.get_backfill(name)) is not None}
    with_events: list[str] = []
    without: list[str] = []
    for record in records:
        run = record.dagster_run
        backfill = backfills.get(run.tags.get(BACKFILL_ID_TAG, ""))
        if _ended_before(backfill, ended_before) if backfill else record.create_timestamp < now - _KEPT:
            (without if is_answered_by_another(run) else with_events).append(run.run_id)
    return SpentAnswers(with_events, without)


def forget(instance: dg.DagsterInstance, spent: SpentAnswers) -> None:
    """Remove the runs and their events; the partitions are missing again, or as they were made otherwise."""
    # The runs go last: what is broken off in between is found by them again.
    for run_id in spent.with_events:
        instance.event_log_storage.delete_events(run_id)
    if spent.with_events:
        # What the UI says of partitions is kept beside the events, and only ever added to.
        instance.wipe_asset_cached_status([BUILT_REPOS, MIRRORED_REPOS])
    for run_id in spent.with_events:
        remove_run(instance, run_id)
    for run_id in spent.without:
        # They have no events, and to look for them would make a file for each.
        instance.run_storage.delete_run(run_id)


def build_spent_answers(executor: dg.ExecutorDefinition) -> dg.SensorDefinition:
    """The sensor, on from the start, and its job."""

    @dg.op(description="Remove the answers for ranks without a spec that no backfill needs any more.")
    def forget_spent(context: dg.OpExecutionContext, clock: dg.ResourceParam[Clock]) -> None:
        record = context.instance.get_run_record_by_id(context.run_id)
        # SQLite gives the ids of the newest events again when these are removed, and Dagster's cursors, a backfill's
        # too, would pass by the next ones. This run's start is an event, so what ended before it is not the newest.
        started = datetime.fromtimestamp((record and record.start_time) or 0, UTC)
        spent = spent_answers(context.instance, now=clock.now(), ended_before=started)
        forget(context.instance, spent)
        context.log.info("%d answers for ranks without a spec removed.", len(spent))

    @dg.job(
        name=FORGET_JOB,
        description="Remove from the list of runs what backfills have left of ranks without a spec.",
        executor_def=executor,
    )
    def forget_answers() -> None:
        forget_spent()

    @dg.sensor(
        name="spent_answers",
        job=forget_answers,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "A backfill answers for ranks without a spec without running them. When it has ended, this removes the"
            " answers: such a rank is missing, not materialized, and stands in no list of runs."
        ),
    )
    def look(
        context: dg.SensorEvaluationContext, clock: dg.ResourceParam[Clock]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = clock.now()
        at_work = dg.RunsFilter(job_name=FORGET_JOB, statuses=list(NOT_FINISHED_STATUSES))
        if context.instance.get_run_ids(at_work, limit=1):
            yield dg.SkipReason("They are being removed.")
        elif len(spent_answers(context.instance, now=now, ended_before=now)):
            yield dg.RunRequest()
        else:
            yield dg.SkipReason("No answer is spent.")

    return look


def _ended_before(backfill: PartitionBackfill, time: datetime) -> bool:
    ended = backfill.backfill_end_timestamp
    return backfill.status not in _GOING_ON and ended is not None and ended < time.timestamp()
