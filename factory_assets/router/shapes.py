"""What users of llm-router know of a router: its counts and the headers of its answers.

The client that reads them is llm/router.py; /v1/backends is in health.py, the answer to feedback in learning.py.
llm-router's own: https://github.com/timholm/llm-router (router/proxy.go, router/pool.go, router/learned.go).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from factory_assets.domain.builds import Usage
from factory_assets.llm.router import RouterStats
from factory_assets.llm.router_headers import GatewayReading
from factory_assets.router.learning import Explained
from factory_assets.router.limits import LimitRow

# What stands for every name that a caller may have made up.
OTHER = "other"


class Outcome(StrEnum):
    """How a call ended for its caller.

    REFUSED by the router itself, FAILED with an error of the backend or without an answer, BROKEN_OFF in its middle.
    """

    ANSWERED = "answered"
    REFUSED = "refused"
    RATE_LIMITED = "rate limited"
    FAILED = "failed"
    BROKEN_OFF = "broken off"
    HUNG_UP = "hung up"


@dataclass(frozen=True, kw_only=True)
class CallFacts:
    """One call that is over.

    `model` is the one that answered, or that was asked for where none did. `usage` is empty for an answer from the
    cache and for a call that joined another. `saved_usd` is what the model that was asked for would have cost more.
    `first_byte_seconds` is None where no answer came.
    """

    outcome: Outcome
    model: str
    phase: str
    seconds: float
    first_byte_seconds: float | None = None
    usage: Usage = field(default_factory=Usage)
    saved_usd: float = 0.0
    cache_hit: bool = False
    joined: bool = False


@dataclass
class Totals:
    """What all calls since a moment come to. Of models and phases other than these it tells the sum alone."""

    models: Collection[str]
    phases: Collection[str]
    since: datetime
    _calls: Counter[str] = field(default_factory=Counter)
    _used: dict[str, Usage] = field(default_factory=dict)
    _saved: float = 0.0
    _cache_hits: int = 0
    _joined: int = 0

    def ended(self, call: CallFacts) -> None:
        """Count a call."""
        phase = folded(call.phase, self.phases)
        self._calls[folded(call.model, self.models)] += 1
        self._used[phase] = self._used.get(phase, Usage()) + call.usage
        self._saved += call.saved_usd
        self._cache_hits += call.cache_hit
        self._joined += call.joined

    def stats(self, *, limits: Iterable[LimitRow], learned: Explained | None) -> RouterStats:
        """The answer to GET /stats, with what others know: how the rate limits stand, and the threshold."""
        return RouterStats(
            total_requests=self._calls.total(),
            total_saved_usd=self._saved,
            total_spent_usd=sum(used.cost_usd for used in self._used.values()),
            by_model=dict(self._calls),
            total_cache_hits=self._cache_hits,
            total_joined=self._joined,
            by_phase_usd={phase: used.cost_usd for phase, used in self._used.items()},
            by_phase=dict(self._used),
            room=_room(limits),
            threshold=learned.threshold if learned else None,
            learned=learned.model_dump(mode="json") if learned else {},
            since=self.since,
        )


def folded(name: str, known: Collection[str]) -> str:
    """The name, where it is known; callers may make up any number of others."""
    return name if name in known else OTHER


def share_left(row: LimitRow) -> float:
    """What is left of a limit, 0 to 1."""
    return min(1.0, max(0.0, row.remaining / row.limit)) if row.limit > 0 else 0.0


def _room(limits: Iterable[LimitRow]) -> dict[str, float]:
    """By backend and kind of limit, the share that is left to the model that has the least."""
    left: dict[str, float] = {}
    for row in limits:
        name = f"{row.backend} {row.kind}"
        left[name] = min(share_left(row), left.get(name, 1.0))
    return left


def routing_headers(told: GatewayReading) -> dict[str, str]:
    """The headers of an answer: an answer from the cache was not routed, so it has neither score nor tier.

    `told.score` is 0 to 100, as llm-router writes it there.
    """
    routed = {"Score": told.score, "Tier": told.tier} if not told.cache_hit else {}
    said = {name: f"{value:.0f}" for name, value in routed.items() if value is not None}
    model = {"Model": told.model} if told.model else {}
    cache = {"Cache": "HIT" if told.cache_hit else "MISS"}
    return {f"X-LLM-Router-{name}": value for name, value in (said | model | cache).items()}
