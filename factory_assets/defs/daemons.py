"""What is done on an instance before its daemon starts and after it has ended: by `up`, and by a command of its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import dagster as dg

from factory_assets.defs.holds import lift_holds, set_builds
from factory_assets.defs.stages import Building
from factory_assets.domain.automation import Hold
from factory_assets.registry import Registry

GOING_ON = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
_STARTS_RUNS = "QUEUED_RUN_COORDINATOR"
# A daemon reports every 30 seconds.
_HEARTBEAT_SECONDS = 75.0


def daemon_is_running(instance: dg.DagsterInstance) -> bool:
    """Whether a daemon that starts queued runs has reported in the last minute or so.

    Dagster's own word "healthy" is no help: it goes on for half an hour after the last report.
    """
    heartbeat = instance.get_daemon_heartbeats().get(_STARTS_RUNS)
    # One from the future was written before the clock was set back, and says nothing of now.
    return heartbeat is not None and abs(time.time() - heartbeat.timestamp) < _HEARTBEAT_SECONDS


def forget_daemon(instance: dg.DagsterInstance) -> None:
    """Forget the reports of a daemon that was stopped, so that it is not taken for a running one."""
    instance.wipe_daemon_heartbeats()


def open_queue(
    instance: dg.DagsterInstance, registry: Registry, building: Building, workers: int
) -> list[Hold]:
    """Let so many builds run at once, unless the queue is stopped still; return the stops that stand."""
    standing = lift_holds(
        instance,
        registry,
        building,
        workers=workers,
        may_probe=registry.holds(),
        now=datetime.now(UTC),
    )
    set_builds(instance, 0 if any(hold.stops_builds for hold in standing) else workers)
    return standing


def release_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report runs as failed that were going on when their worker died unwatched, and free their slots.

    Only to be called while nothing of this instance runs.
    """
    dead = instance.get_runs(filters=dg.RunsFilter(statuses=list(GOING_ON)))
    for run in dead:
        instance.report_run_failed(run, "Its worker was gone when the factory started again.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in dead]
