"""What is done on an instance before its daemon starts and after it has ended: by `up`, and by a command of its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from factory_assets.daemon_notes import DaemonNote, daemon_notes, forget_ended, living_daemons
from factory_assets.defs.holds import lift_holds
from factory_assets.defs.pools import set_builds
from factory_assets.defs.shared_reports import FRESH_SECONDS, STARTS_RUNS, SharedReports
from factory_assets.defs.silent_runs import end_silent_runs
from factory_assets.defs.stages import Credential
from factory_assets.defs.storage import data_dir_of
from factory_assets.defs.workers import GOING_ON, has_died_here
from factory_assets.domain.automation import Hold
from factory_assets.domain.errors import InputError
from factory_assets.registry import Registry

if TYPE_CHECKING:
    from factory_assets.defs.dagster_private.daemon import DaemonHeartbeat


def daemon_is_running(instance: dg.DagsterInstance) -> bool:
    """Whether a daemon that starts queued runs has reported in the last minute or so, and not ended since.

    Dagster's own word "healthy" is no help: it goes on for half an hour after the last report.
    """
    return any(heartbeat.daemon_type == STARTS_RUNS for heartbeat in _fresh_heartbeats(instance))


def check_no_daemon(instance: dg.DagsterInstance) -> None:
    """Refuse where a daemon works on this instance, whoever started it.

    Raises:
        InputError: which one, and how to go on.
    """
    if living := living_daemons(data_dir_of(instance)):
        raise InputError(
            f"This instance has a daemon already: {', '.join(map(str, living))}.",
            where=str(data_dir_of(instance)),
            fix="Stop it where it was started, or let it do the work: `factory build` and the like use it.",
        )
    if heartbeats := _fresh_heartbeats(instance):
        newest = max(heartbeats, key=lambda heartbeat: heartbeat.timestamp)
        runs_where = "on another host, or " if _may_be_of_others(instance) else ""
        raise InputError(
            f"This instance has a daemon already: it runs {runs_where}where this command cannot see its process, and"
            f" its {newest.daemon_type} last reported {abs(_now(instance) - newest.timestamp):.0f} seconds ago.",
            where=str(data_dir_of(instance)),
            fix="Stop it where it was started. Once it has been silent for"
            f" {FRESH_SECONDS:.0f} seconds, it counts as stopped.",
        )


def forget_daemon(instance: dg.DagsterInstance) -> None:
    """Forget the reports of a daemon that was stopped, so that it is not taken for a running one.

    Of a storage that hosts may share, only what daemons of this folder have reported is removed.
    """
    data_dir, storage = data_dir_of(instance), instance.run_storage
    if not _may_be_of_others(instance):
        instance.wipe_daemon_heartbeats()
    elif isinstance(storage, SharedReports):
        storage.forget_reports(_ended_ids(daemon_notes(data_dir)))
    forget_ended(data_dir)


def _fresh_heartbeats(instance: dg.DagsterInstance) -> list[DaemonHeartbeat]:
    """Those of the last minute or so, unless the daemon that may have written them is known to have ended."""
    notes, now = daemon_notes(data_dir_of(instance)), _now(instance)
    fresh = [
        heartbeat
        for heartbeat in instance.get_daemon_heartbeats().values()
        # One from the future was written before the clock was set back, and says nothing of now.
        if abs(now - heartbeat.timestamp) < FRESH_SECONDS
    ]
    if _may_be_of_others(instance):
        ended = _ended_ids(notes)
        return [heartbeat for heartbeat in fresh if heartbeat.daemon_id not in ended]
    if any(note.lives for note in notes):
        return fresh
    return [heartbeat for heartbeat in fresh if not any(note.since <= heartbeat.timestamp for note in notes)]


def _may_be_of_others(instance: dg.DagsterInstance) -> bool:
    """Whether daemons of other hosts may report there too: only a database that is a file is one machine's."""
    from factory_assets.defs.dagster_private.storage import SqliteRunStorage  # noqa: PLC0415  slow to import

    return not isinstance(instance.run_storage, SqliteRunStorage)


def _now(instance: dg.DagsterInstance) -> float:
    storage = instance.run_storage
    return storage.now() if isinstance(storage, SharedReports) else time.time()


def _ended_ids(notes: list[DaemonNote]) -> set[str]:
    return {note.daemon_id for note in notes if note.daemon_id is not None and not note.lives}


def open_queue(
    instance: dg.DagsterInstance, registry: Registry, credential: Credential, workers: int
) -> list[Hold]:
    """Let so many builds run at once, unless the queue is stopped still; return the stops that stand."""
    standing = lift_holds(
        instance,
        registry,
        credential,
        workers=workers,
        may_probe=registry.holds.standing(),
        now=datetime.now(UTC),
    )
    set_builds(instance, 0 if any(hold.stops_builds for hold in standing) else workers)
    return standing


def runs_going_on(instance: dg.DagsterInstance) -> list[str]:
    """The ids of the runs that have started and not ended."""
    return [run.run_id for run in instance.get_runs(filters=dg.RunsFilter(statuses=list(GOING_ON)))]


def release_dead_runs(instance: dg.DagsterInstance, registry: Registry) -> list[str]:
    """Report runs as failed whose worker died while nobody watched it, and free their slots.

    Workers outlive the daemon that started them, so those of other runs may be at work still.
    """
    if registry.is_shared:
        return [silent.run_id for silent in end_silent_runs(instance, registry)]
    going_on = instance.get_runs(filters=dg.RunsFilter(statuses=list(GOING_ON)))
    gone = [run.run_id for run in going_on if has_died_here(instance, run)]
    # Read anew: what has ended in between has said how.
    dead = instance.get_runs(filters=dg.RunsFilter(run_ids=gone, statuses=list(GOING_ON))) if gone else []
    for run in dead:
        instance.report_run_failed(run, "Its worker was gone when the factory started again.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in dead]
