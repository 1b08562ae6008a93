"""Ranks without a spec: what is asked for there is answered on the spot, without a process and without a slot.

A backfill ends when each of its partitions was materialized by one of its runs, or has failed, and Dagster has no
skipped partition. So a rank without a spec is materialized with the outcome `no spec`. What this rests on was read in
Dagster 1.13.27 (`asset_backfill.py`, `submit_asset_runs.py`), and tests/defs/test_empty_ranks.py holds it:

- A backfill counts what any of its runs materialized, asked for or not, and asks no more for what it has counted.
- It stores the ids of the runs that it is about to make, and does not make one that has ended already. To make one
  costs Dagster up to a second, for the events that it plans; so one run holds the answers for many ranks, and those
  that would be made next are stored as ended.
- What it has counted stays counted when the run and its events are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from factory_assets.defs.dagster_private.core import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    DATA_VERSION_TAG,
    NOT_FINISHED_STATUSES,
    PARTITION_NAME_TAG,
    AssetBackfillData,
    BaseAssetGraph,
    BulkActionsFilter,
    BulkActionStatus,
    DagsterDefinitionChangedDeserializationError,
    PartitionBackfill,
    StepMaterializationData,
    make_new_run_id,
)
from factory_assets.defs.externals import BUILT_REPOS, MIRRORED_REPOS, SPECS
from factory_assets.defs.jobs import ANALYZE_JOB, BUILD_JOB, MIRROR_JOB
from factory_assets.defs.partitions import date_rank_key, parse_date_rank
from factory_assets.defs.runs import DATE_TAG, OUTCOME_TAG, RANK_TAG, RunOutcome
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.specs import rank_key
from factory_assets.registry import Registry

# On a run that a backfill would have made: the run that holds its answer.
_ANSWERED_BY_TAG = "factory/answered-by"
_ANSWERS_TAG = "factory/answers"
_ANSWERS = "ranks without a spec"
_JOB_ASSETS = {BUILD_JOB: frozenset({BUILT_REPOS}), MIRROR_JOB: frozenset({MIRRORED_REPOS})}
_RANKED = frozenset({BUILT_REPOS, MIRRORED_REPOS})


@dataclass(frozen=True)
class AskedRanks:
    """What a run is asked to make: these assets at one date and rank."""

    assets: frozenset[dg.AssetKey]
    day: date
    rank: int


def asked_of_run(run: dg.DagsterRun) -> AskedRanks | None:
    """What the run builds or mirrors; None of any other run, of one over a range, and of one that only checks."""
    if run.asset_selection is None and run.asset_check_selection is None:
        assets = _JOB_ASSETS.get(run.job_name, frozenset())
    else:
        assets = frozenset(run.asset_selection or ())
    return _asked(assets, run.tags)


def _asked(assets: Collection[dg.AssetKey], tags: Mapping[str, str]) -> AskedRanks | None:
    # An asset with a backfill policy is asked for by ranges, of one partition each.
    start, end = tags.get(ASSET_PARTITION_RANGE_START_TAG), tags.get(ASSET_PARTITION_RANGE_END_TAG)
    partition = tags.get(PARTITION_NAME_TAG) or (start if start == end else None)
    if not assets or not _RANKED.issuperset(assets) or not partition:
        return None
    try:
        day, rank = parse_date_rank(partition)
    except ValueError:
        # It has no such partition, and the run will say so.
        return None
    return AskedRanks(frozenset(assets), day, rank)


class EmptyRanks:
    """Which ranks have no spec, read once a date; `graph` is the workspace's. `warn` gets what cannot be read."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        registry: Registry,
        graph: BaseAssetGraph[Any],
        warn: Callable[[str], None],
    ) -> None:
        self._instance = instance
        self._registry = registry
        self._graph = graph
        self._warn = warn
        self._taken: dict[date, Collection[int] | None] = {}

    def hold(self, asked: AskedRanks) -> bool:
        """Whether the rank is one of the instance's, has no spec, and no analysis is on its way that may bring one."""
        if not all(self._is_partition(asset, asked) for asset in asked.assets):
            return False
        if asked.day not in self._taken:
            self._taken[asked.day] = self._read(asked.day)
        taken = self._taken[asked.day]
        return taken is not None and asked.rank not in taken

    def _is_partition(self, asset: dg.AssetKey, asked: AskedRanks) -> bool:
        partitions = self._graph.get(asset).partitions_def if self._graph.has(asset) else None
        return partitions is not None and partitions.has_partition_key(date_rank_key(asked.day, asked.rank))

    def _read(self, day: date) -> Collection[int] | None:
        # In this order: the specs of an analysis that ends in between are read.
        if self._is_analysed(day):
            return None
        try:
            return {queued.rank for queued in self._registry.queue.of_day(day) if queued.rank is not None}
        except FactoryError as error:
            self._warn(
                f"Runs of {day} are queued, with a spec or without, and ask the registry again: {error}"
            )
            return None

    def _is_analysed(self, day: date) -> bool:
        """Whether a run of specs is queued or at work on the date, or a backfill will still make one."""
        runs = self._instance.get_runs(
            dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES), tags={PARTITION_NAME_TAG: day.isoformat()})
        )
        return any(
            run.job_name == ANALYZE_JOB or SPECS in (run.asset_selection or ()) for run in runs
        ) or any(day.isoformat() in ahead for ahead in self._analyses_ahead())

    def _analyses_ahead(self) -> Iterator[Collection[str]]:
        for backfill in self._instance.get_backfills(
            BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])
        ):
            data = backfill_data(backfill, self._graph)
            if data is not None:
                ahead = data.get_targeted_partitions_without_materialization_status()
                if SPECS in ahead.asset_keys:
                    yield set(ahead.get_partitions_subset(SPECS).get_partition_keys())


def backfill_data(backfill: PartitionBackfill, graph: BaseAssetGraph[Any]) -> AssetBackfillData | None:
    """How far the backfill is, or None where its definitions have changed or are not loaded."""
    if not backfill.is_asset_backfill:
        return None
    try:
        return backfill.get_asset_backfill_data(graph)
    except DagsterDefinitionChangedDeserializationError:
        return None


@dataclass(frozen=True)
class BackfillAtWork:
    """A backfill whose runs are being made, with what it is to make in all."""

    backfill: PartitionBackfill
    data: AssetBackfillData

    @classmethod
    def of(
        cls, instance: dg.DagsterInstance, run: dg.DagsterRun, graph: BaseAssetGraph[Any]
    ) -> BackfillAtWork | None:
        """The backfill that is making this run, or None; a run that is executed again only inherits its tag."""
        backfill_id = run.tags.get(BACKFILL_ID_TAG)
        backfill = instance.get_backfill(backfill_id) if backfill_id else None
        if backfill is None or run.run_id not in backfill.reserved_run_ids:
            return None
        data = backfill_data(backfill, graph)
        return cls(backfill, data) if data is not None else None

    def wants(self, asset: dg.AssetKey, asked: AskedRanks) -> bool:
        """Whether this asset at this rank is to be made by the backfill, sooner or later."""
        if asset not in self.data.target_subset.asset_keys:
            return False
        keys = self.data.target_subset.get_partitions_subset(asset)
        return date_rank_key(asked.day, asked.rank) in keys

    def after(self, run: dg.DagsterRun) -> Iterator[tuple[str, dg.RunRequest]]:
        """The runs that it makes next, by the ids that they will have."""
        ids, requests = self.backfill.reserved_run_ids, self.backfill.submitting_run_requests
        start = list(ids).index(run.run_id) + 1
        return zip(ids[start:], requests[start:], strict=True)


def answer_run(
    instance: dg.DagsterInstance, run: dg.DagsterRun, asked: AskedRanks, at_work: BackfillAtWork | None
) -> None:
    """End a run of a rank without a spec, which has not started. Broken off, it may be done again."""
    instance.add_run_tags(run.run_id, _tags(asked))
    instance.report_engine_event(_why(asked), run)
    _materialize(instance, run, asked, at_work)
    _succeed(instance, run)


def answer_ahead(
    instance: dg.DagsterInstance, run: dg.DagsterRun, empty: EmptyRanks, at_work: BackfillAtWork
) -> None:
    """Answer for the runs that the backfill would make after this one, up to the first that has something to do.

    Those that it has passed by are removed: it will not ask for them again.
    """
    backfill_id = at_work.backfill.backfill_id
    ahead = list(at_work.after(run))
    tags = {BACKFILL_ID_TAG: backfill_id, OUTCOME_TAG: RunOutcome.NO_SPEC.value}
    answered = {other.run_id: other for other in instance.get_runs(dg.RunsFilter(tags=tags))}
    for other in answered.keys() - {run_id for run_id, _ in ahead}:
        if is_answered_by_another(answered[other]):
            instance.run_storage.delete_run(other)
    record: dg.DagsterRun | None = None
    for run_id, request in ahead:
        asked = _asked(request.asset_selection or (), request.tags)
        if asked is None or not empty.hold(asked):
            return
        if run_id in answered:
            continue
        record = record or _record(instance, run, backfill_id)
        # In this order: a partition whose run has ended without an answer would end the backfill red.
        _materialize(instance, record, asked, at_work)
        instance.add_run(
            _like(
                run,
                run_id=run_id,
                assets=asked.assets,
                tags={
                    **request.tags,
                    **at_work.backfill.tags,
                    **_tags(asked),
                    BACKFILL_ID_TAG: backfill_id,
                    _ANSWERED_BY_TAG: record.run_id,
                },
                status=dg.DagsterRunStatus.SUCCESS,
            )
        )


def is_answered_by_another(run: dg.DagsterRun) -> bool:
    """Whether the run has no events of its own; one that executes such a run again has inherited its tags only."""
    return _ANSWERED_BY_TAG in run.tags and run.parent_run_id is None


def _record(instance: dg.DagsterInstance, run: dg.DagsterRun, backfill_id: str) -> dg.DagsterRun:
    """The run that holds the backfill's answers."""
    tags = {BACKFILL_ID_TAG: backfill_id, _ANSWERS_TAG: _ANSWERS, OUTCOME_TAG: RunOutcome.NO_SPEC.value}
    for found in instance.get_runs(dg.RunsFilter(tags=tags), limit=1):
        return found
    # It stands as ended from the first: a backfill waits for runs that are not, and nothing would ever end this one.
    record = _like(
        run, run_id=make_new_run_id(), assets=_RANKED, tags=tags, status=dg.DagsterRunStatus.SUCCESS
    )
    instance.add_run(record)
    instance.report_engine_event(
        "The ranks without a spec of this backfill stand here, one materialization each. None of them had a process"
        " or a slot. When the backfill has ended, this run is removed, and they are missing again.",
        record,
    )
    _succeed(instance, record)
    return record


def _like(
    run: dg.DagsterRun,
    *,
    run_id: str,
    assets: frozenset[dg.AssetKey],
    tags: dict[str, str],
    status: dg.DagsterRunStatus,
) -> dg.DagsterRun:
    return dg.DagsterRun(
        job_name=run.job_name,
        run_id=run_id,
        asset_selection=assets,
        status=status,
        tags=tags,
        job_snapshot_id=run.job_snapshot_id,
        execution_plan_snapshot_id=run.execution_plan_snapshot_id,
        remote_job_origin=run.remote_job_origin,
        job_code_origin=run.job_code_origin,
    )


def _materialize(
    instance: dg.DagsterInstance, run: dg.DagsterRun, asked: AskedRanks, at_work: BackfillAtWork | None
) -> None:
    """Answer for what was asked; what a backfill will want at a rank that is not built, it has at once too."""
    assets = set(asked.assets)
    if at_work is not None:
        assets |= {asset for asset in _RANKED if at_work.wants(asset, asked)}
    for asset in sorted(assets):
        materialization = dg.AssetMaterialization(
            asset,
            partition=date_rank_key(asked.day, asked.rank),
            metadata={"outcome": RunOutcome.NO_SPEC.value},
            tags={DATA_VERSION_TAG: RunOutcome.NO_SPEC.value},
        )
        report_materialization(instance, run, materialization, _why(asked))


def report_materialization(
    instance: dg.DagsterInstance, run: dg.DagsterRun, materialization: dg.AssetMaterialization, why: str
) -> None:
    """Write a materialization into the log of a run that has no step."""
    instance.report_dagster_event(
        dg.DagsterEvent(
            event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
            job_name=run.job_name,
            message=why,
            event_specific_data=StepMaterializationData(materialization),
        ),
        run_id=run.run_id,
    )


def _succeed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    # Without a start before it: a run that was broken off in between would stand as started, with no process.
    instance.report_dagster_event(
        dg.DagsterEvent(
            event_type_value=dg.DagsterEventType.RUN_SUCCESS.value,
            job_name=run.job_name,
            message="There was nothing to do, so no process was started and no slot was taken.",
        ),
        run_id=run.run_id,
    )


def _tags(asked: AskedRanks) -> dict[str, str]:
    return {
        OUTCOME_TAG: RunOutcome.NO_SPEC.value,
        DATE_TAG: asked.day.isoformat(),
        RANK_TAG: rank_key(asked.rank),
    }


def _why(asked: AskedRanks) -> str:
    return f"No spec has rank {rank_key(asked.rank)} of {asked.day}: there is no repo to build or to mirror."
