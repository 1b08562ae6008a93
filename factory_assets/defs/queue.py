"""Which repos have a run, or will have one without anybody's doing, and what became of earlier runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.errors import DagsterDefinitionChangedDeserializationError
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

from factory_assets.defs.externals import BUILT_REPOS, MIRRORED_REPOS
from factory_assets.defs.jobs import BUILD_JOB, MIRROR_JOB
from factory_assets.defs.partitions import date_rank_key
from factory_assets.defs.runs import OUTCOME_TAG, REPO_TAG, RunOutcome
from factory_assets.domain.automation import Crashes
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus, WaitCause
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
_CANCELS_COUNT_FOR = timedelta(days=1)


def busy_repos(
    instance: dg.DagsterInstance, registry: Registry, graph: BaseAssetGraph[Any] | None, *, now: datetime
) -> dict[str, str]:
    """The repos that have a build which is queued, running or about to be, with the id of its run or backfill.

    A run from the UI or a backfill is tagged with its repo only once it has started; until then its partition
    tells which repo it will build. A backfill makes its runs little by little.
    """
    places = {
        str(date_rank_key(queued.day, queued.rank)): queued.spec.name
        for queued in registry.queue({BuildStatus.QUEUED, BuildStatus.FAILED, *IN_PROGRESS})
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


def put_off_cancelled(instance: dg.DagsterInstance, registry: Registry, now: datetime) -> None:
    """Put off what a person cancelled after it had started; otherwise it would be launched again within a minute.

    Each run is taken once, so that a retry by hand stands. A run that was cancelled in Dagster's queue says nothing
    about its spec.
    """
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.CANCELED], updated_after=now - _CANCELS_COUNT_FOR)
    )
    for record in records:
        run = record.dagster_run
        name = run.tags.get(REPO_TAG)
        if name is None or OUTCOME_TAG in run.tags or record.start_time is None or _only_mirrors(run):
            continue
        queued = registry.spec_named(name)
        waits = queued is not None and queued.status in {BuildStatus.QUEUED, *IN_PROGRESS}
        if queued is not None and waits and latest_run_id(instance, name) == run.run_id:
            registry.defer_build(
                queued.id,
                cause=WaitCause.CANCELLED,
                until=now + _CANCELS_COUNT_FOR,
                reason=f"cancelled by hand; `factory retry {name}` launches it again",
            )
        instance.add_run_tags(run.run_id, {OUTCOME_TAG: RunOutcome.CANCELLED.value})


def latest_run_id(instance: dg.DagsterInstance, name: str) -> str:
    """The id of the latest run of that repo; empty where it has had none."""
    runs = instance.get_runs(dg.RunsFilter(tags={REPO_TAG: name}), limit=1)
    return runs[0].run_id if runs else ""


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
