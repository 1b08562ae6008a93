"""How the registry stands at one moment, in counts."""

from __future__ import annotations

from datetime import datetime, time

from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.observed import RegistryState
from factory_assets.registry.calls import spent_since
from factory_assets.registry.database import Connection
from factory_assets.registry.holds import holds
from factory_assets.registry.rows import fetch, from_db

_SPECS = "SELECT status, count(*) AS specs FROM build_queue GROUP BY status"
_WAITING = """
SELECT coalesce(wait_cause, CASE WHEN day IS NULL THEN 'a rank' ELSE 'a slot' END) AS cause, count(*) AS specs,
       min(queued_at) AS oldest
FROM queued_specs WHERE status = $1 GROUP BY 1
"""
_UNMIRRORED = "SELECT count(*) AS repos FROM repos WHERE mirrored_to = 'nowhere'"
_LEASES = """
SELECT count(*) AS held, coalesce(max(EXTRACT(epoch FROM (now() AT TIME ZONE 'UTC') - renewed_at)), 0) AS seconds
FROM leases WHERE renewed_at IS NOT NULL
"""


def registry_state(connection: Connection, now: datetime) -> RegistryState:
    """Counts of specs, repos and leases, what stops the queue, and the dollars of the day of `now` (UTC)."""
    counts = dict.fromkeys(map(str, BuildStatus), 0)
    counts |= {row["status"]: row["specs"] for row in fetch(connection, _SPECS)}
    waiting = fetch(connection, _WAITING, [BuildStatus.QUEUED])
    (repos,) = fetch(connection, _UNMIRRORED)
    (leases,) = fetch(connection, _LEASES)
    return RegistryState(
        specs=counts,
        waiting={row["cause"]: row["specs"] for row in waiting},
        oldest_queued_at=min((from_db(row["oldest"]) for row in waiting), default=None),
        unmirrored=repos["repos"],
        leases=leases["held"],
        oldest_lease_seconds=float(leases["seconds"]),
        holds=tuple(hold.cause for hold in holds(connection)),
        spent_usd=spent_since(connection, datetime.combine(now.date(), time(), now.tzinfo)),
    )
