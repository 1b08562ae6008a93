"""Signs of life of runs, by the database's clock: what tells over several hosts that a run's process is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from factory_assets.domain.leases import RunGivenUpError
from factory_assets.registry.builds import release_build
from factory_assets.registry.database import Connection
from factory_assets.registry.leases import LEASE_SECONDS, RENEW_SECONDS, revoke_leases
from factory_assets.registry.rows import fetch

SILENT_SECONDS = LEASE_SECONDS + 2 * RENEW_SECONDS
"""After how many seconds without a sign a run counts as dead. Its hold on a spec has run out by then."""

_GIVE = """
INSERT INTO run_signs (run_id, host, pid, renewed_at) VALUES ($1, $2, $3, now() AT TIME ZONE 'UTC')
ON CONFLICT (run_id) DO UPDATE SET host = excluded.host, pid = excluded.pid, renewed_at = excluded.renewed_at
"""
_RENEW = "UPDATE run_signs SET renewed_at = now() AT TIME ZONE 'UTC' WHERE run_id = $1 RETURNING run_id"
_SEEN = """
INSERT INTO run_signs (run_id, renewed_at) SELECT unnest($1::TEXT[]), now() AT TIME ZONE 'UTC'
ON CONFLICT (run_id) DO NOTHING
"""
_WAITS = """
UPDATE run_signs SET renewed_at = now() AT TIME ZONE 'UTC' WHERE run_id = ANY($1) AND host IS NULL
"""
_SILENT = """
SELECT run_id, host, pid, EXTRACT(epoch FROM (now() AT TIME ZONE 'UTC') - renewed_at) AS seconds
FROM run_signs
WHERE run_id = ANY($1) AND EXTRACT(epoch FROM (now() AT TIME ZONE 'UTC') - renewed_at) >= $2
ORDER BY run_id
"""
_ALL_SILENT = """
SELECT run_id FROM run_signs WHERE EXTRACT(epoch FROM (now() AT TIME ZONE 'UTC') - renewed_at) >= $1 ORDER BY run_id
"""
_AT_HOST = "SELECT pid FROM run_signs WHERE host = $1 AND run_id = ANY($2) ORDER BY pid"
_END = "DELETE FROM run_signs WHERE run_id = $1"


@dataclass(frozen=True)
class SilentRun:
    """A run that nothing was heard of for so many seconds. `host` and `pid` are None where nothing ever was."""

    run_id: str
    host: str | None
    pid: int | None
    seconds: float


def give_sign(connection: Connection, run_id: str, *, host: str, pid: int) -> None:
    """Say that a process of this host executes the run."""
    connection.execute(_GIVE, [run_id, host, pid])


def renew_sign(connection: Connection, run_id: str) -> None:
    """Say that it still does.

    Raises:
        RunGivenUpError: the run was taken for dead meanwhile.
    """
    if connection.execute(_RENEW, [run_id]).fetchone() is None:
        raise RunGivenUpError(
            "This run was given up, because nothing was heard of its worker for a while.",
            fix="Nothing is to be done: what it had not done yet is done by another run.",
        )


def end_sign(connection: Connection, run_id: str) -> None:
    """Say that the run has ended."""
    connection.execute(_END, [run_id])


def note_seen(connection: Connection, run_ids: Sequence[str]) -> None:
    """Count the silence of runs that have given no sign yet from now on."""
    connection.execute(_SEEN, [list(run_ids)])


def note_waiting(connection: Connection, run_ids: Sequence[str]) -> None:
    """Count no silence of runs that have no process yet, and need none."""
    connection.execute(_WAITS, [list(run_ids)])


def silent_runs(connection: Connection, run_ids: Sequence[str]) -> list[SilentRun]:
    """Those of some runs that have been silent for too long."""
    rows = fetch(connection, _SILENT, [list(run_ids), SILENT_SECONDS])
    return [SilentRun(**{**row, "seconds": float(row["seconds"])}) for row in rows]


def all_silent(connection: Connection) -> list[str]:
    """Every run that has been silent for too long, those that have ended since included."""
    return [run_id for (run_id,) in connection.execute(_ALL_SILENT, [SILENT_SECONDS]).fetchall()]


def pids_at(connection: Connection, host: str, run_ids: Sequence[str]) -> list[int]:
    """The processes that execute some of these runs at this host."""
    return [pid for (pid,) in connection.execute(_AT_HOST, [host, list(run_ids)]).fetchall()]


def give_up(connection: Connection, run_id: str) -> SilentRun | None:
    """Take a run for dead: its specs go back to the queue, and it can write nothing more for them.

    None where a sign has come after all.
    """
    found = silent_runs(connection, [run_id])
    if not found:
        return None
    for spec_id in revoke_leases(connection, run_id):
        release_build(connection, spec_id, run_id=run_id)
    end_sign(connection, run_id)
    return found[0]
