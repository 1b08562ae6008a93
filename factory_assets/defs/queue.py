"""Which repos have a run, or will have one without anybody's doing, and what became of earlier runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from factory_assets.defs.backfills import cancelled_by_backfill
from factory_assets.defs.dagster_private.core import (
    BaseAssetGraph,
    BulkActionsFilter,
    BulkActionStatus,
    DagsterDefinitionChangedDeserializationError,
)
from factory_assets.defs.externals import BUILT_REPOS, MIRRORED_REPOS
from factory_assets.defs.jobs import BUILD_JOB, MIRROR_JOB
from factory_assets.defs.partitions import date_rank_key, parse_date_rank
from factory_assets.defs.runs import OUTCOME_TAG, REPO_TAG, RunOutcome
from factory_assets.domain.automation import Crashes
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus, WaitCause
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

_PARTITION_TAG = "dagster/partition"
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# Dagster follows a run that crashed with another one within a minute, if it does so at all.
_RETRIED_WITHIN = timedelta(minutes=15)
_CRASHES_COUNT_FOR = timedelta(days=1)
# Dagster makes the runs of one tick one after the other, each in a second or two, and those of a tick that was broken
# off when it is back.
_LAUNCHED_WITHIN, _EACH_WITHIN = timedelta(minutes=3), timedelta(seconds=5)
_CANCELS_COUNT_FOR = timedelta(days=1)
_CANCELLED_PAUSE = timedelta(days=1)
_CANCEL_SEEN_TAG = "factory/cancel-seen"
# In the words of dagster/_daemon/monitoring/run_monitoring.py (1.13.27).
_TOOK_TOO_LONG = "exceeding maximum runtime"


def busy_repos(
    instance: dg.DagsterInstance, registry: Registry, graph: BaseAssetGraph[Any] | None, *, now: datetime
) -> dict[str, str]:
    """The repos that have a build which is queued, running or about to be, with the id of its run or backfill.

    A run from the UI or a backfill is tagged with its repo only once it has started; until then its partition
    tells which repo it will build. A backfill makes its runs little by little.
    """
    places = {
        str(date_rank_key(queued.day, queued.rank)): queued.spec.name
        for queued in registry.queue.specs({BuildStatus.QUEUED, BuildStatus.FAILED, *IN_PROGRESS})
        if queued.day is not None and queued.rank is not None
    }
    found = dict(_backfilled(instance, graph)) if graph is not None else {}
    busy = {places[key]: backfill_id for key, backfill_id in found.items() if key in places}
    for run in _alive(instance, now):
        key = run.tags.get(_PARTITION_TAG, "")
        name = run.tags.get(REPO_TAG) or places.get(key)
        if name is not None and not _only_mirrors(run):
            busy[name] = run.run_id
    return busy


def repos_being_mirrored(instance: dg.DagsterInstance) -> set[str]:
    """The repos of the mirror's runs that are queued or at work."""
    runs = instance.get_runs(dg.RunsFilter(job_name=MIRROR_JOB, statuses=_UNFINISHED))
    return {name for run in runs if (name := run.tags.get(REPO_TAG))}


def settled_launches(instance: dg.DagsterInstance, registry: Registry, now: datetime) -> dict[str, datetime]:
    """The launches that have become runs, or never will, by repo with the time at which they were asked for.

    To be read before `busy_repos`: a run that comes in between is busy then, and its launch is not settled yet.
    """
    asked = registry.launches.asked_for()
    # What one tick asks for, it asks for at one moment. A moment to come is of a clock that was ahead.
    together = Counter(asked.values())
    settled = {
        name: at
        for name, at in asked.items()
        if abs(now - at) >= _LAUNCHED_WITHIN + _EACH_WITHIN * together[at]
    }
    if open_since := [at for name, at in asked.items() if name not in settled]:
        for record in instance.get_run_records(dg.RunsFilter(created_after=min(open_since))):
            name = record.dagster_run.tags.get(REPO_TAG, "")
            if name in asked and record.create_timestamp >= asked[name]:
                settled[name] = asked[name]
    return settled


def crashes(instance: dg.DagsterInstance, now: datetime) -> dict[str, Crashes]:
    """The runs of the last day, by repo, that ended red and left their spec in the queue."""
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - _CRASHES_COUNT_FOR)
    )
    found: dict[str, Crashes] = {}
    for record in records:
        run = record.dagster_run
        name = run.tags.get(REPO_TAG)
        if name is None or _only_mirrors(run) or run.tags.get(OUTCOME_TAG) == RunOutcome.FAILED:
            continue
        ended = datetime.fromtimestamp(record.end_time or record.update_timestamp.timestamp(), UTC)
        before = found.get(name)
        found[name] = Crashes(before.count + 1, max(before.last_at, ended)) if before else Crashes(1, ended)
    return found


@dataclass(frozen=True)
class Cancelled:
    """A run that was cancelled since the last tick, with its spec where that is to be put off for it."""

    run_id: str
    spec: QueuedSpec | None


def put_off_cancelled(
    instance: dg.DagsterInstance, registry: Registry, now: datetime, *, busy: Mapping[str, str]
) -> None:
    """Put off what a person cancelled, running or queued; otherwise it would be launched again within a minute."""
    for _ in put_off(instance, registry, cancelled_runs(instance, registry, now, busy=busy), now):
        pass


def put_off(
    instance: dg.DagsterInstance, registry: Registry, cancelled: Iterable[Cancelled], now: datetime
) -> Iterator[Cancelled]:
    """Put the specs off by a day, and mark their runs as seen. Each is taken once, so that a retry by hand stands.

    Each is written as soon as it is found, so that next to no time is left for a retry in between.
    """
    for run in cancelled:
        if run.spec is not None:
            registry.builds.defer(
                run.spec.id,
                cause=WaitCause.CANCELLED,
                until=now + _CANCELLED_PAUSE,
                reason=f"Cancelled by hand; `factory retry {run.spec.spec.name}` launches it again at once.",
            )
        instance.add_run_tags(run.run_id, {_CANCEL_SEEN_TAG: run.run_id})
        yield run


def cancelled_runs(
    instance: dg.DagsterInstance, registry: Registry, now: datetime, *, busy: Mapping[str, str]
) -> Iterator[Cancelled]:
    """The runs of builds that were cancelled and not seen yet, the oldest first.

    What a command of the factory took back from Dagster's queue puts nothing off: its spec is free. Nor does a run
    whose repo has another one since, one of the `busy_repos`.
    """
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.CANCELED], updated_after=now - _CANCELS_COUNT_FOR)
    )
    # So that the newest one of a repo has the last word.
    for record in reversed(records):
        run = record.dagster_run
        # A run that is executed again inherits the tags of the first.
        if run.tags.get(_CANCEL_SEEN_TAG) == run.run_id or _only_mirrors(run):
            continue
        queued = _spec_of(run, registry)
        stops = (
            queued is not None
            and queued.status in {BuildStatus.QUEUED, *IN_PROGRESS}
            and busy.get(queued.spec.name, run.run_id) == run.run_id
            and not _has_later_run(instance, queued, record)
            and _by_hand(instance, run)
        )
        yield Cancelled(run.run_id, queued if stops else None)


def _has_later_run(instance: dg.DagsterInstance, queued: QueuedSpec, record: dg.RunRecord) -> bool:
    """Whether the run that has worked on the spec last was made after this one."""
    last = instance.get_run_record_by_id(queued.run_id) if queued.run_id else None
    return last is not None and last.create_timestamp > record.create_timestamp


def _spec_of(run: dg.DagsterRun, registry: Registry) -> QueuedSpec | None:
    """The spec of a run; one from the UI or a backfill is tagged with its repo only once it has started."""
    if name := run.tags.get(REPO_TAG):
        return registry.queue.named(name)
    key = run.tags.get(_PARTITION_TAG, "")
    is_build = run.job_name == BUILD_JOB or BUILT_REPOS in (run.asset_selection or ())
    return registry.queue.at(*parse_date_rank(key)) if is_build and key else None


def _by_hand(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    # The UI asks a run to end before it is cancelled, a queued one too; FactoryClient.cancel_queued does not. So do a
    # backfill that fails and Dagster's watch over runs that take too long.
    asked = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_CANCELING)
    if not asked or any(_TOOK_TOO_LONG in entry.message for entry in asked):
        return False
    return not cancelled_by_backfill(instance, run, asked[0].timestamp)


def launches_so_far(instance: dg.DagsterInstance) -> int:
    """How many builds automation and the command line have ever launched here."""
    return instance.get_runs_count(dg.RunsFilter(job_name=BUILD_JOB))


def _alive(instance: dg.DagsterInstance, now: datetime) -> Iterator[dg.DagsterRun]:
    yield from instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    crashed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=now - _RETRIED_WITHIN)
    yield from (run for run in instance.get_runs(crashed) if run.is_complete_and_waiting_to_retry)


def _backfilled(instance: dg.DagsterInstance, graph: BaseAssetGraph[Any]) -> Iterator[tuple[str, str]]:
    """The partitions of built repos that a backfill in flight has made no run for yet."""
    for backfill in instance.get_backfills(BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])):
        if not backfill.is_asset_backfill:
            continue
        try:
            data = backfill.get_asset_backfill_data(graph)
        except DagsterDefinitionChangedDeserializationError:
            continue
        ahead = data.get_targeted_partitions_without_materialization_status() - data.requested_subset
        if BUILT_REPOS in ahead.asset_keys:
            for key in ahead.get_partitions_subset(BUILT_REPOS).get_partition_keys():
                yield str(key), backfill.backfill_id


def _only_mirrors(run: dg.DagsterRun) -> bool:
    # Mirroring costs nothing, so such a run must not hold a repo's share of the day's budget.
    return run.job_name == MIRROR_JOB or run.asset_selection == {MIRRORED_REPOS}
