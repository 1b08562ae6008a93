"""Failed and waiting specs back to the front of their life: queued, with nothing they wait for."""

from __future__ import annotations

from datetime import datetime

from factory_assets.domain.builds import BuildStatus, check_transition
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry.database import Connection
from factory_assets.registry.novelty import release_novelty
from factory_assets.registry.rows import fetch, queued_spec, to_db
from factory_assets.registry.specs import spec_by_id

# A build has failed when its last gate decided, or, where no gate came to decide, at some time after its start.
_FAILED_SINCE = """
SELECT queued_specs.* FROM queued_specs
LEFT JOIN (SELECT spec_id, attempt, max(decided_at) AS decided_at FROM verdicts GROUP BY spec_id, attempt)
    AS judged ON judged.spec_id = queued_specs.id AND judged.attempt = queued_specs.attempts
WHERE status = $1 AND coalesce(judged.decided_at, started_at, queued_at) >= $2
ORDER BY day, rank, id
"""


def requeue(connection: Connection, spec_id: int) -> QueuedSpec:
    """A failed spec is queued again for a fresh attempt; one that waits in the queue waits no longer, for whatever.

    Raises:
        StatusError: when it has shipped.
    """
    queued = spec_by_id(connection, spec_id)
    if queued.status is not BuildStatus.QUEUED:
        check_transition(queued.spec.name, queued.status, BuildStatus.QUEUED)
    connection.execute(
        "UPDATE build_queue SET status = $1, not_before = NULL, error_log = NULL WHERE id = $2",
        [BuildStatus.QUEUED, spec_id],
    )
    connection.execute("DELETE FROM spec_waits WHERE spec_id = $1", [spec_id])
    release_novelty(connection, spec_id)
    return spec_by_id(connection, spec_id)


def failed_since(connection: Connection, moment: datetime) -> list[QueuedSpec]:
    """The failed specs whose last attempt was judged, or else started, at that moment or later."""
    rows = fetch(connection, _FAILED_SINCE, [BuildStatus.FAILED, to_db(moment)])
    return [queued_spec(row) for row in rows]
