"""How a factory stands at one moment: what `factory status --json` prints, and what Prometheus reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.papers import UtcDatetime

# A daemon says that it lives each half minute; Dagster's own patience is as long.
DAEMON_SILENT = timedelta(minutes=5)


class RegistryState(BaseModel):
    """What the registry says.

    Args:
        specs: how many there are, by status; those that failed or shipped are of all time.
        waiting: the queued ones, by what they wait for.
        oldest_queued_at: when the oldest of them came into the queue.
        unmirrored: shipped repos that are published nowhere yet.
        leases: specs that a build holds.
        oldest_lease_seconds: how long ago the lease was renewed that has not been for longest.
        holds: what stops the whole queue, by cause.
        spent_usd: of today (UTC), what is set aside for builds under way included.
    """

    model_config = ConfigDict(frozen=True)

    specs: Mapping[str, int] = {}
    waiting: Mapping[str, int] = {}
    oldest_queued_at: UtcDatetime | None = None
    unmirrored: int = 0
    leases: int = 0
    oldest_lease_seconds: float = 0.0
    holds: tuple[str, ...] = ()
    spent_usd: float = 0.0


class DagsterState(BaseModel):
    """What Dagster's storage says.

    Args:
        runs: those that are not over, by status.
        failed_runs: of the last 24 hours.
        materialized_at: when each asset was last materialized, whatever its partition.
        daemons_seen_at: when each daemon last gave a sign of life.
        failing_ticks: the schedules and sensors whose last tick failed.
    """

    model_config = ConfigDict(frozen=True)

    runs: Mapping[str, int] = {}
    failed_runs: int = 0
    materialized_at: Mapping[str, UtcDatetime] = {}
    daemons_seen_at: Mapping[str, UtcDatetime] = {}
    failing_ticks: tuple[str, ...] = ()


class FactoryState(BaseModel):
    """Both, each as far as it could be asked; `problems` says what could not, or does not work."""

    model_config = ConfigDict(frozen=True)

    at: UtcDatetime
    day_budget_usd: float
    registry: RegistryState | None
    dagster: DagsterState | None
    problems: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether a load balancer or a person may rely on it."""
        return not self.problems


def daemon_problem(seen_at: Mapping[str, datetime], now: datetime) -> str | None:
    """What is wrong with the daemons, in a line; one that is stopped by design is as silent as one that died."""
    if not seen_at:
        return "No daemon has given a sign of life: nothing runs by itself. Start it with `make up`."
    silent = sorted(name for name, at in seen_at.items() if now - at > DAEMON_SILENT)
    if not silent:
        return None
    minutes = DAEMON_SILENT.total_seconds() / 60
    return f"Nothing was heard for {minutes:.0f} minutes of: {', '.join(silent)}. See logs/daemon.log."
