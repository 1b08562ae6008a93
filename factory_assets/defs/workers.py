"""Which process executes a run, and whether it lives."""

from __future__ import annotations

import dagster as dg
import psutil

# The mark of a process that Python's multiprocessing has spawned; a code server spawns one for each run.
_SPAWNED = "--multiprocessing-fork"
_CLOCK_SECONDS = 60.0


def has_died(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the process that executes the run is gone, whoever started it.

    A run notes its process before anything of it is executed (`dagster._grpc.impl`, 1.13.27). One that is starting and
    has noted none has done nothing yet, and does nothing once it counts as failed (`execute_run_iterator`).
    """
    noted = None
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        pid = entry.dagster_event and entry.dagster_event.engine_event_data.metadata.get("pid")
        if isinstance(pid, dg.TextMetadataValue) and pid.text:
            noted = int(pid.text), entry.timestamp
    if noted is None:
        return run.status is not dg.DagsterRunStatus.STARTED
    return not _lives(*noted)


def _lives(pid: int, noted_at: float) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        # By now the number may be another process's, which began later. Whose clock was set since is not looked at so.
        return process.create_time() <= noted_at + _CLOCK_SECONDS or _SPAWNED in process.cmdline()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
