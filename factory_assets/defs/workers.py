"""Which process executes a run, and whether it lives."""

from __future__ import annotations

import dagster as dg
import psutil

GOING_ON = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
# The mark of a process that Python's multiprocessing has spawned; a code server spawns one for each run.
_SPAWNED = "--multiprocessing-fork"
_CLOCK_SECONDS = 60.0


def has_died(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the process that executes the run is gone, whoever started it.

    A run notes its process before anything of it is executed (`dagster._grpc.impl`, 1.13.27). One that is starting and
    has noted none has done nothing yet, and does nothing once it counts as failed (`execute_run_iterator`).
    """
    noted = _noted_process(instance, run)
    if noted is None:
        return run.status is not dg.DagsterRunStatus.STARTED
    return not _lives(*noted)


def living_workers(instance: dg.DagsterInstance) -> list[int]:
    """The processes that a code server has started for runs which go on, whether or not it lives still."""
    going_on = instance.get_runs(filters=dg.RunsFilter(statuses=list(GOING_ON)))
    noted = [_noted_process(instance, run) for run in going_on]
    return [process[0] for process in noted if process is not None and _is_spawned(process[0])]


def _noted_process(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[int, float] | None:
    """Its process id, and when it was written down, in seconds since the epoch."""
    noted = None
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        pid = entry.dagster_event and entry.dagster_event.engine_event_data.metadata.get("pid")
        if isinstance(pid, dg.TextMetadataValue) and pid.text:
            noted = int(pid.text), entry.timestamp
    return noted


def _lives(pid: int, noted_at: float) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # The number may be another process's by now, which then began later. A worker looks so too once the clock was
        # set forward, and is known by its mark.
        return process.create_time() <= noted_at + _CLOCK_SECONDS or _is_spawned(pid)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _is_spawned(pid: int) -> bool:
    try:
        return _SPAWNED in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
