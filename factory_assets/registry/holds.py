"""Stops of the whole queue: who set them, and what lifts them."""

from __future__ import annotations

from datetime import datetime, timedelta

from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, from_db, to_db

# A stop that comes back so soon after a try was not fixed.
SOON = timedelta(hours=1)

_HOLD = """
INSERT INTO holds (cause, reason, mend, since, credential, until) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (cause) DO UPDATE SET
    reason = excluded.reason, mend = excluded.mend, since = excluded.since, credential = excluded.credential,
    until = excluded.until
"""

_TRIES = """
INSERT INTO hold_tries (cause, tries, lifted_at) VALUES ($1, $2, $3)
ON CONFLICT (cause) DO UPDATE SET tries = excluded.tries, lifted_at = excluded.lifted_at
"""

_STANDING = """
SELECT holds.*, coalesce(hold_tries.tries, 0) AS tries
FROM holds LEFT JOIN hold_tries ON hold_tries.cause = holds.cause ORDER BY since, holds.cause
"""

_END_WAITS = """
UPDATE build_queue SET not_before = NULL
WHERE status = $1 AND id IN (SELECT spec_id FROM spec_waits WHERE cause = $2)
"""


def record_hold(connection: Connection, hold: Hold) -> None:
    """Set the stop; a later one of the same cause takes its place."""
    until = to_db(hold.until) if hold.until else None
    connection.execute(_HOLD, [hold.cause, hold.reason, hold.fix, to_db(hold.since), hold.credential, until])
    connection.execute(_TRIES, [hold.cause, hold.tries, None])


def holds(connection: Connection) -> list[Hold]:
    """The stops that stand, oldest first."""
    return [
        Hold(
            cause=WaitCause(row["cause"]),
            reason=row["reason"],
            fix=row["mend"],
            since=from_db(row["since"]),
            credential=row["credential"],
            tries=row["tries"],
            until=from_db(row["until"]) if row["until"] else None,
        )
        for row in fetch(connection, _STANDING)
    ]


def tries_so_far(connection: Connection, cause: WaitCause, now: datetime) -> int:
    """How often in a row a stop of this cause was lifted to try it, if it is set now."""
    rows = fetch(connection, "SELECT tries, lifted_at FROM hold_tries WHERE cause = $1", [cause])
    if not rows:
        return 0
    (row,) = rows
    if row["lifted_at"] is None:
        return int(row["tries"])
    return int(row["tries"]) + 1 if now - from_db(row["lifted_at"]) <= SOON else 0


def try_hold(connection: Connection, cause: WaitCause, now: datetime) -> None:
    """Lift the stop as `release_hold`, but remember that this is a try."""
    tries = tries_so_far(connection, cause, now)
    release_hold(connection, cause)
    connection.execute(_TRIES, [cause, tries, to_db(now)])


def release_hold(connection: Connection, cause: WaitCause) -> None:
    """Lift the stop, and let what waits for the same cause start at once; nothing where none stands."""
    connection.execute("DELETE FROM holds WHERE cause = $1", [cause])
    connection.execute("DELETE FROM hold_tries WHERE cause = $1", [cause])
    connection.execute(_END_WAITS, [BuildStatus.QUEUED, cause])
