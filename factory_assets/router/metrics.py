"""What Prometheus reads of the router: https://prometheus.io/docs/practices/naming.

No label takes what a caller makes up: models and phases that are not known are counted as one, and repos not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from factory_assets.router.health import BackendRow, Status
from factory_assets.router.limits import LimitRow
from factory_assets.router.shapes import CallFacts, folded, share_left

# From a cached answer to the longest that Claude Code waits for.
_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_PREFIX = "factory_router"


class Metrics:
    """The counts of one router, in a registry of its own.

    Args:
        models: the names that may be a label's value.
        phases: likewise.
        backends: how they do, asked for when the page is read.
        limits: how the rate limits stand, likewise.
    """

    def __init__(
        self,
        *,
        models: Collection[str],
        phases: Collection[str],
        backends: Callable[[], Iterable[BackendRow]],
        limits: Callable[[], Iterable[LimitRow]],
    ) -> None:
        self._models, self._phases = frozenset(models), frozenset(phases)
        self._registry = CollectorRegistry()
        self._registry.register(_State(self._models, backends, limits))
        by_call = ("model", "phase")
        self._calls = self._counter("calls", "Calls that are over.", ("outcome", *by_call))
        self._dollars = self._counter("spent_dollars", "What they cost.", by_call)
        self._saved = self._counter(
            "saved_dollars", "What the models asked for would have cost more.", by_call
        )
        self._tokens = self._counter("tokens", "Tokens, by kind.", ("kind", *by_call))
        self._cache_hits = self._counter("cache_hits", "Calls answered from the cache.", by_call)
        self._joined = self._counter("joined_calls", "Calls that joined one under way.", by_call)
        self._first_byte = self._histogram("first_byte_seconds", "Until the answer began.")
        self._seconds = self._histogram("call_seconds", "Until the call was over.")

    def ended(self, call: CallFacts) -> None:
        """Count a call that is over."""
        names = (folded(call.model, self._models), folded(call.phase, self._phases))
        self._calls.labels(call.outcome.value, *names).inc()
        self._dollars.labels(*names).inc(call.usage.cost_usd)
        self._saved.labels(*names).inc(max(0.0, call.saved_usd))
        for kind, count in (
            ("input", call.usage.input_tokens),
            ("output", call.usage.output_tokens),
            ("cache read", call.usage.cache_read_tokens),
            ("cache write", call.usage.cache_write_tokens),
        ):
            self._tokens.labels(kind, *names).inc(count)
        self._cache_hits.labels(*names).inc(call.cache_hit)
        self._joined.labels(*names).inc(call.joined)
        self._seconds.labels(names[0]).observe(call.seconds)
        if call.first_byte_seconds is not None:
            self._first_byte.labels(names[0]).observe(call.first_byte_seconds)

    def page(self) -> tuple[bytes, str]:
        """The body of GET /metrics and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def _counter(self, name: str, told: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"{_PREFIX}_{name}", told, labels, registry=self._registry)

    def _histogram(self, name: str, told: str) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", told, ("model",), buckets=_SECONDS, registry=self._registry)


@dataclass(frozen=True)
class _State(Collector):
    """What is known elsewhere, read when the page is: nothing of it is kept twice."""

    models: frozenset[str]
    backends: Callable[[], Iterable[BackendRow]]
    limits: Callable[[], Iterable[LimitRow]]

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked for when it is registered."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from self._of_backends(list(self.backends()))
        yield from self._of_limits(list(self.limits()))

    def _of_backends(self, rows: list[BackendRow]) -> Iterator[Metric]:
        status = _gauge("backend_status", "1 for the status that a backend has.", "backend", "status")
        in_flight = _gauge("in_flight", "Calls under way to a backend.", "backend")
        for name in dict.fromkeys(row.backend for row in rows):
            own = [row for row in rows if row.backend == name]
            for one in Status:
                status.add_metric([name, one.value], float(own[0].status is one))
            in_flight.add_metric([name], sum(row.in_flight for row in own))
        yield from (status, in_flight)

    def _of_limits(self, rows: list[LimitRow]) -> Iterator[Metric]:
        room = _gauge(
            "rate_limit_room_ratio", "The share of a limit that is left.", "backend", "model", "limit"
        )
        waiting = _gauge("waiting", "Calls that wait for room.", "backend", "model")
        left: dict[tuple[str, str, str], float] = {}
        for row in rows:
            limit = (row.backend, folded(row.model, self.models), row.kind)
            left[limit] = min(share_left(row), left.get(limit, 1.0))
        for labels, share in left.items():
            room.add_metric(list(labels), share)
        # Each limit of a model tells of the one line before it.
        lines = {(row.backend, row.model): row.waiting for row in rows}
        in_line: dict[tuple[str, str], int] = {}
        for (backend, model), count in lines.items():
            name = folded(model, self.models)
            in_line[backend, name] = in_line.get((backend, name), 0) + count
        for pair, count in in_line.items():
            waiting.add_metric(list(pair), count)
        yield from (room, waiting)


def _gauge(name: str, told: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", told, labels=labels)
