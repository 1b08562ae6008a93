"""The job `housekeeping` and its daily schedule: what an instance may forget, so that it can run for years."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, runtime_checkable

import dagster as dg

from factory_assets.defs.left_out import LEFT_OUT_TAG
from factory_assets.defs.stages import InstanceParts
from factory_assets.domain.clock import Clock

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE]
_PAGE = 200


@runtime_checkable
class _FilePerRun(Protocol):
    """Dagster's SQLite event log storage; its class costs the import of SQLAlchemy, in every process."""

    def path_for_shard(self, run_id: str) -> str: ...


@dataclass(frozen=True)
class SweptRuns:
    """Old runs that were removed, or would be, and old ones that are kept because something shows them."""

    removed: int
    kept: int


def sweep_runs(instance: dg.DagsterInstance, *, before: datetime, remove: bool) -> SweptRuns:
    """Remove runs that ended before this time, with their events and logs.

    A run stays for ever whose materialization is the latest of its partition: with its events Dagster would forget
    that the partition was ever made. Failed runs stay until their partition was made after all.
    """
    shown = _latest_runs(instance)
    made = {key: instance.get_materialized_partitions(key) for key in instance.all_asset_keys()}
    old = [
        record
        for record in _records(instance, before)
        if record.dagster_run.run_id not in shown and not _explains_a_failure(instance, record, made)
    ]
    total = sum(1 for _ in _records(instance, before))
    if remove:
        for record in old:
            remove_run(instance, record.dagster_run.run_id)
    return SweptRuns(removed=len(old), kept=total - len(old))


def remove_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Remove a run with its events, its logs and the checks that it did not come to."""
    _remove_planned_checks(instance, run_id)
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    _remove_events_file(instance, run_id)


def build_housekeeping(
    timezone: str, keep_days: int, executor: dg.ExecutorDefinition
) -> dg.ScheduleDefinition:
    """The schedule `housekeeping_daily`, on from the start, and its job."""

    @dg.op(description="Remove what is older than FACTORY_KEEP_DAYS and shown nowhere.", name="sweep")
    def sweep(
        context: dg.OpExecutionContext,
        instance: dg.ResourceParam[InstanceParts],
        clock: dg.ResourceParam[Clock],
    ) -> None:
        before = clock.now() - timedelta(days=keep_days)
        if instance.housekeeping.send_logs(context.log.info):
            runs = sweep_runs(context.instance, before=before, remove=True)
            context.log.info(
                "%d old runs removed, %d kept because something shows them.", runs.removed, runs.kept
            )
        else:
            context.log.warning(
                "No old run is removed: logs of runs are to be sent to FACTORY_LOG_STORE first."
            )
        for line in instance.housekeeping.sweep(before=before, remove=True):
            context.log.info(line)

    @dg.job(
        name="housekeeping",
        description=f"Remove runs, transcripts and failed states older than {keep_days} days (FACTORY_KEEP_DAYS).",
        executor_def=executor,
    )
    def housekeeping() -> None:
        sweep()

    return dg.ScheduleDefinition(
        name="housekeeping_daily",
        job=housekeeping,
        cron_schedule="0 3 * * *",
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every night: remove what is older than FACTORY_KEEP_DAYS and shown nowhere.",
    )


def _remove_planned_checks(instance: dg.DagsterInstance, run_id: str) -> None:
    """Dagster keeps them, and with their run gone the UI shows them as in progress and lets nobody execute them.

    Seen in 1.13.27: `delete_events` of sql_event_log.py leaves the table, and asset_check_state.py asks the run.
    """
    from factory_assets.defs.dagster_private.storage import (  # noqa: PLC0415  slow to import
        AssetCheckExecutionsTable,
        SqlEventLogStorage,
    )

    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        table = AssetCheckExecutionsTable.c
        planned = (table.run_id == run_id) & (table.execution_status == "PLANNED")
        with storage.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.delete().where(planned))


def _remove_events_file(instance: dg.DagsterInstance, run_id: str) -> None:
    """SQLite's storage has a file for each run, which Dagster empties with the run and leaves there for ever."""
    storage = instance.event_log_storage
    if isinstance(storage, _FilePerRun):
        file = Path(storage.path_for_shard(run_id))
        for path in (file, *(file.with_name(f"{file.name}-{end}") for end in ("wal", "shm"))):
            path.unlink(missing_ok=True)


def _records(instance: dg.DagsterInstance, before: datetime) -> Iterator[dg.RunRecord]:
    cursor = None
    while True:
        page = instance.get_run_records(
            filters=dg.RunsFilter(statuses=_FINISHED, updated_before=before), limit=_PAGE, cursor=cursor
        )
        yield from page
        if len(page) < _PAGE:
            return
        cursor = page[-1].dagster_run.run_id


def _explains_a_failure(
    instance: dg.DagsterInstance, record: dg.RunRecord, made: Mapping[dg.AssetKey, Collection[str]]
) -> bool:
    """Whether this run failed at a partition that nothing has made since, or shows such a run's checks as grey."""
    run = record.dagster_run
    if LEFT_OUT_TAG in run.tags:
        failed = instance.get_run_record_by_id(run.tags[LEFT_OUT_TAG])
        return failed is not None and _explains_a_failure(instance, failed, made)
    if run.status is not dg.DagsterRunStatus.FAILURE:
        return False
    planned = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    ).records
    return any(
        record.partition_key is not None
        and record.asset_key is not None
        and record.partition_key not in made.get(record.asset_key, ())
        for record in planned
    )


def _latest_runs(instance: dg.DagsterInstance) -> set[str]:
    """The runs that hold the latest materialization of a partition, or of an asset without partitions."""
    runs: set[str] = set()
    for key in instance.all_asset_keys():
        latest = instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
        for ids in _pieces(list(latest.values())):
            records = instance.fetch_materializations(
                dg.AssetRecordsFilter(asset_key=key, storage_ids=ids), limit=_PAGE
            ).records
            runs |= {record.run_id for record in records}
        event = instance.get_latest_materialization_event(key)
        if event is not None:
            runs.add(event.run_id)
    return runs


def _pieces(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _PAGE):
        yield ids[start : start + _PAGE]
