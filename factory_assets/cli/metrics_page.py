"""What Prometheus reads of the factory: https://prometheus.io/docs/practices/naming.

Times are told as times, not as ages: how old something is, whoever asks reckons for the moment at which he does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from factory_assets.domain.observed import DagsterState, FactoryState, RegistryState

CONTENT_TYPE = CONTENT_TYPE_LATEST


def page(observed: Callable[[], FactoryState]) -> bytes:
    """The page of one moment, in Prometheus' text form."""
    registry = CollectorRegistry()
    registry.register(_State(observed))
    return generate_latest(registry)


class _State(Collector):
    def __init__(self, observed: Callable[[], FactoryState]) -> None:
        self._observed = observed

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked for when it is registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        state = self._observed()
        asked = {"registry": float(state.registry is not None), "dagster": float(state.dagster is not None)}
        yield _by("factory_up", "1 where it could be asked.", "part", asked)
        yield _one(
            "factory_healthy", "1 where nothing is wrong that /health would tell.", float(state.is_healthy)
        )
        yield _one("factory_day_budget_dollars", "FACTORY_DAY_BUDGET_USD.", state.day_budget_usd)
        if state.registry is not None:
            yield from _of_registry(state.registry)
        if state.dagster is not None:
            yield from _of_dagster(state.dagster)


def _of_registry(state: RegistryState) -> Iterator[Metric]:
    yield _by("factory_specs", "Specs, by status; shipped and failed are of all time.", "status", state.specs)
    yield _by("factory_waiting_specs", "Queued specs, by what they wait for.", "cause", state.waiting)
    yield _one(
        "factory_oldest_queued_timestamp_seconds",
        "When the oldest queued spec came into the queue; 0 where none is queued.",
        state.oldest_queued_at.timestamp() if state.oldest_queued_at else 0.0,
    )
    yield _one("factory_unmirrored_repos", "Shipped repos that are published nowhere yet.", state.unmirrored)
    yield _one("factory_leases", "Specs that a build holds.", state.leases)
    yield _one(
        "factory_oldest_lease_seconds",
        "How long ago the lease was renewed that has not been for longest.",
        state.oldest_lease_seconds,
    )
    yield _by(
        "factory_holds", "1 for each cause that stops the queue.", "cause", dict.fromkeys(state.holds, 1)
    )
    yield _one(
        "factory_spent_today_dollars", "Dollars since midnight UTC, with what is set aside.", state.spent_usd
    )


def _of_dagster(state: DagsterState) -> Iterator[Metric]:
    yield _by("factory_runs", "Runs that are not over.", "status", state.runs)
    yield _one("factory_failed_runs_of_last_day", "Runs that failed in the last 24 hours.", state.failed_runs)
    yield _by(
        "factory_last_materialization_timestamp_seconds",
        "When an asset was last materialized.",
        "asset",
        {name: at.timestamp() for name, at in state.materialized_at.items()},
    )
    yield _by(
        "factory_daemon_heartbeat_timestamp_seconds",
        "When a daemon last gave a sign of life.",
        "daemon",
        {name: at.timestamp() for name, at in state.daemons_seen_at.items()},
    )
    yield _by(
        "factory_failing_ticks",
        "1 for each schedule or sensor whose last tick failed.",
        "name",
        dict.fromkeys(state.failing_ticks, 1),
    )


def _one(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)


def _by(name: str, told: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=(label,))
    for labelled, value in values.items():
        family.add_metric([labelled], value)
    return family
