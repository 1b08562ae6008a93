"""Which process executes a run, and whether it lives.

On one machine its list of processes tells. Where several share a registry, a process may be any host's, so that runs
give signs of life there, and only these tell.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import dagster as dg
import psutil

from factory_assets.registry import Patience, Registry

GOING_ON = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
# The mark of a process that Python's multiprocessing has spawned; a code server spawns one for each run.
_SPAWNED = "--multiprocessing-fork"
_CLOCK_SECONDS = 60.0
# A database that restarts must not end a run.
_WAIT = timedelta(hours=1)


@contextmanager
def signs_of_life(registry: Registry, run_id: str) -> Iterator[None]:
    """Give signs of life of this process while it executes the run.

    Raises:
        RunGivenUpError: the run was taken for dead meanwhile.
        RegistryBusyError, InfrastructureError: no sign can be given.
    """
    signs = registry.writing()
    signs.wait_with(Patience(_WAIT.total_seconds()))
    with signs.runs.executed(run_id, host=socket.gethostname(), pid=os.getpid()):
        yield


def has_died(instance: dg.DagsterInstance, run: dg.DagsterRun, registry: Registry) -> bool:
    """Whether the process that executes the run is gone, whoever started it."""
    if registry.is_shared:
        return bool(registry.reading().runs.silent([run.run_id]))
    return has_died_here(instance, run)


def has_died_here(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """The same for a run of this machine.

    A run notes its process before anything of it is executed (`dagster._grpc.impl`, 1.13.27). One that is starting and
    has noted none has done nothing yet, and does nothing once it counts as failed (`execute_run_iterator`).
    """
    noted = _noted_process(instance, run)
    if noted is None:
        return run.status is not dg.DagsterRunStatus.STARTED
    return not _lives(*noted)


def living_workers(instance: dg.DagsterInstance, registry: Registry) -> list[int]:
    """This machine's processes that a code server has started for runs which go on, whether or not it lives still."""
    going_on = instance.get_runs(filters=dg.RunsFilter(statuses=list(GOING_ON)))
    if registry.is_shared:
        run_ids = [run.run_id for run in going_on]
        pids = registry.reading().runs.pids_at(socket.gethostname(), run_ids)
    else:
        pids = [noted[0] for run in going_on if (noted := _noted_process(instance, run)) is not None]
    return [pid for pid in pids if _is_spawned(pid)]


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
