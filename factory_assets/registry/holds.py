"""Stops of the whole queue: who set them, and what lifts them."""

from __future__ import annotations

from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, from_db, to_db

_HOLD = """
INSERT INTO holds (cause, reason, mend, since, credential) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (cause) DO UPDATE SET
    reason = excluded.reason, mend = excluded.mend, since = excluded.since, credential = excluded.credential
"""

_END_WAITS = """
UPDATE build_queue SET not_before = NULL
WHERE status = $1 AND id IN (SELECT spec_id FROM spec_waits WHERE cause = $2)
"""


def record_hold(connection: Connection, hold: Hold) -> None:
    """Set the stop; a later one of the same cause takes its place."""
    connection.execute(_HOLD, [hold.cause, hold.reason, hold.mend, to_db(hold.since), hold.credential])


def holds(connection: Connection) -> list[Hold]:
    """The stops that stand, oldest first."""
    return [
        Hold(
            cause=WaitCause(row["cause"]),
            reason=row["reason"],
            mend=row["mend"],
            since=from_db(row["since"]),
            credential=row["credential"],
        )
        for row in fetch(connection, "SELECT * FROM holds ORDER BY since, cause")
    ]


def release_hold(connection: Connection, cause: WaitCause) -> None:
    """Lift the stop, and let what waits for the same cause start at once; nothing where none stands."""
    connection.execute("DELETE FROM holds WHERE cause = $1", [cause])
    connection.execute(_END_WAITS, [BuildStatus.QUEUED, cause])
