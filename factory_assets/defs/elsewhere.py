"""Runs that were handed to a worker, which may be on another machine."""

from __future__ import annotations

import dagster as dg

from factory_assets.defs.dagster_private.core import EngineEventData

# As dagster_celery.tags has it, which is not installed everywhere.
TASK_TAG = "dagster-celery/task_id"
_HOST = "worker's host"


def is_elsewhere(run: dg.DagsterRun) -> bool:
    """Whether the run was handed to a worker."""
    return TASK_TAG in run.tags


def note_begun(instance: dg.DagsterInstance, run: dg.DagsterRun, host: str) -> None:
    """Say that a worker on this host has begun with the run."""
    data = EngineEventData(metadata={_HOST: dg.MetadataValue.text(host)})
    instance.report_engine_event(f"A worker on {host} has begun with it.", run, data)


def has_begun(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a worker has begun with the run; else it waits at the broker."""
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    return any(
        entry.dagster_event and _HOST in entry.dagster_event.engine_event_data.metadata for entry in events
    )
