"""Why queued specs wait, and how often they were put off."""

from __future__ import annotations

from datetime import datetime

from factory_assets.domain.builds import BuildStatus, Phase, WaitCause
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry.database import Connection

_RECORD = """
INSERT INTO spec_waits (spec_id, cause, phase, limit_usd, times) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (spec_id) DO UPDATE SET
    cause = excluded.cause, phase = coalesce(excluded.phase, spec_waits.phase), limit_usd = excluded.limit_usd,
    times = excluded.times
"""

# What may last for hours and fixes itself: each time again the wait is longer.
_COUNTED = frozenset({WaitCause.RATE_LIMIT, WaitCause.INFRASTRUCTURE, WaitCause.NOT_UNDERSTOOD})
_PHASES = {phase.status: phase for phase in Phase}


def record_wait(
    connection: Connection,
    spec: QueuedSpec,
    *,
    cause: WaitCause,
    until: datetime | None,
    limit_usd: float | None,
) -> None:
    """Write down why `spec`, as it stood before, waits from now on. The same deferral twice counts once."""
    repeated = spec.status is BuildStatus.QUEUED and spec.not_before == until
    times = spec.waits + int(cause in _COUNTED and not repeated)
    connection.execute(_RECORD, [spec.id, cause, _PHASES.get(spec.status), limit_usd, times])


def end_waits(connection: Connection, spec_id: int) -> None:
    """Forget how often a spec was put off: it has come on."""
    connection.execute("DELETE FROM spec_waits WHERE spec_id = $1", [spec_id])
