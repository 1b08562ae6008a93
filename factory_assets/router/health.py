"""Which backends may be tried: a state machine for each, moved by how its calls end and by the clock alone.

What a caller does wrong, a call that a caller breaks off and a limit on rates (429) say nothing of a backend's health.
A backend that fails is left alone for a while; then one call tries it, and the others follow when that is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from factory_assets.domain.back_off import pause_after
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import CredentialError, InputError
from factory_assets.domain.return_times import header_time
from factory_assets.router.backends import Backend, CallNeeds, Model

# Of the share of calls that fail, each new call weighs a fifth: three failures in a row, or every second call for
# nine calls, bring it over the bound; one failure is forgotten after seven calls that succeed.
_WEIGHT = 0.2
_DOWN_FROM = 0.48
_DEGRADED_FROM = 0.05
# After a call that tries it has been answered, one more failure brings it down again.
_ON_TRIAL = 0.44
_LATENCY_WEIGHT = 0.3
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=5)
# A call that tries a backend and hears nothing for so long does not keep the next one from trying.
_PROBE_PATIENCE = timedelta(seconds=60)
_REFUSAL_STANDS = timedelta(minutes=10)
_MOST_MODELS = 100


class Status(StrEnum):
    """How a backend does, in llm-router's words."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"


class CallEnding(StrEnum):
    """How a call ended: as it should, cut off or never answered by the backend, or broken off by its caller."""

    WHOLE = "whole"
    CUT = "cut"
    HUNG_UP = "hung up"


class BackendRow(BaseModel):
    """One entry of /v1/backends, in the shape that users of llm-router know, and when a backend is tried again."""

    model_config = ConfigDict(frozen=True)

    name: str
    backend: str
    model: str
    provider: str
    tier: int
    status: Status
    in_flight: int
    total_requests: int
    total_errors: int
    latency_ms: int
    cost_per_1k_in: float | None
    uptime_sec: int
    credential_refused: bool
    again_at: AwareDatetime | None


@dataclass(frozen=True)
class HealthChoice:
    """Where a call is to go."""

    backend: Backend
    model: Model


@dataclass
class _Counts:
    """Of one model at one backend."""

    model: Model
    in_flight: int = 0
    total: int = 0
    errors: int = 0
    latency: float | None = None


@dataclass
class _Circuit:
    """Of one backend."""

    failing: float = 0.0
    latency: float | None = None
    refused_at: datetime | None = None
    is_down: bool = False
    changed_at: datetime | None = None
    again_at: datetime | None = None
    pauses: int = 0
    probing_since: datetime | None = None
    counts: dict[str, _Counts] = field(default_factory=dict)

    def may_try(self, now: datetime) -> bool:
        """Whether it is up, or due to be tried while no other call tries it."""
        if not self.is_down:
            return True
        is_due = self.again_at is None or now >= self.again_at
        return is_due and (self.probing_since is None or now - self.probing_since >= _PROBE_PATIENCE)

    def is_last(self, now: datetime) -> bool:
        """Whether it has just refused its credential, so that any other is the better choice."""
        return self.refused_at is not None and now - self.refused_at < _REFUSAL_STANDS

    def counts_of(self, model: Model) -> _Counts:
        """What is counted of a model; callers may make up names, so those beyond the bound are counted together."""
        if model.name not in self.counts and len(self.counts) >= _MOST_MODELS:
            model = model.model_copy(update={"name": "other models"})
        return self.counts.setdefault(model.name, _Counts(model))

    def weigh(self, now: datetime, *, is_failure: bool, after: timedelta | None) -> None:
        """Take one call into account; `after` is how long the backend asks to be left alone."""
        self.failing = (1 - _WEIGHT) * self.failing + _WEIGHT * is_failure
        if self.failing >= _DOWN_FROM:
            self.go_down(now, after)
        elif self.failing < _DEGRADED_FROM:
            self.pauses = 0

    def go_down(self, now: datetime, after: timedelta | None) -> None:
        """Leave it alone, each time for longer until it has been healthy again."""
        pause = max(pause_after(self.pauses, first=_FIRST_PAUSE), after or timedelta())
        self.again_at = now + min(pause, _LONGEST_PAUSE)
        self.pauses += 1
        self.is_down, self.changed_at, self.probing_since = True, now, None

    def go_up(self, now: datetime) -> None:
        """Try it with all calls: one has been answered."""
        self.is_down, self.changed_at, self.again_at, self.probing_since = False, now, None, None
        self.failing = _ON_TRIAL


@dataclass
class HealthCall:
    """One call under way; each of its failures counts once, and `ended` is to be said of it whatever happens."""

    _backend: Backend
    _circuit: _Circuit
    _counts: _Counts
    _clock: Callable[[], datetime]
    _began_at: datetime
    _is_probe: bool
    _streams: bool
    _is_counted: bool = False
    _is_good: bool = False
    _is_over: bool = False

    def answered(self, status: int, headers: Mapping[str, str]) -> CredentialError | None:
        """The answer begins. A refused credential is told with its fix, once until a call succeeds again."""
        now = self._clock()
        if status in {401, 403}:
            is_new, self._circuit.refused_at = self._circuit.refused_at is None, now
            return self._refusal(status) if is_new else None
        # A redirect is not followed, so an address that redirects serves nothing.
        if status >= 500 or 300 <= status < 400:
            # No other header counts here: a subscription's window says nothing of a server that fails.
            named = header_time({"retry-after": headers.get("retry-after", "")}, now)
            self._fail(now, named - now if named else None)
        elif status < 300:
            self._is_good, self._circuit.refused_at = True, None
            if self._streams:
                # An answer in one piece begins when it is whole: that is its length, and no latency.
                seconds = (now - self._began_at).total_seconds()
                self._circuit.latency = _blended(self._circuit.latency, seconds)
                self._counts.latency = _blended(self._counts.latency, seconds)
            if self._is_probe and self._circuit.is_down:
                self._circuit.go_up(now)
                self._began_at = now
        return None

    def ended(self, ending: CallEnding) -> None:
        """It is over; what is said after the first time counts for nothing."""
        if self._is_over:
            return
        self._is_over = True
        self._counts.in_flight -= 1
        now = self._clock()
        if ending is CallEnding.CUT:
            self._fail(now, None)
        elif ending is CallEnding.WHOLE and self._is_good:
            self._weigh(now, is_failure=False, after=None)
        if self._is_probe and self._circuit.probing_since == self._began_at:
            self._circuit.probing_since = None

    def _fail(self, now: datetime, after: timedelta | None) -> None:
        if self._is_counted:
            return
        self._is_counted = True
        self._counts.errors += 1
        if self._is_probe and self._circuit.is_down:
            self._circuit.go_down(now, after)
        else:
            self._weigh(now, is_failure=True, after=after)

    def _weigh(self, now: datetime, *, is_failure: bool, after: timedelta | None) -> None:
        # Of calls that were sent before it went down or came back, many may end at once, and tell what is known.
        changed = self._circuit.changed_at
        if not self._circuit.is_down and (changed is None or self._began_at >= changed):
            self._circuit.weigh(now, is_failure=is_failure, after=after)

    def _refusal(self, status: int) -> CredentialError:
        return CredentialError(
            f"The backend refuses the credential (HTTP {status}).",
            where=f"{self._backend.name}, {self._backend.base_url}",
            fix=self._backend.fix,
        )


class Health:
    """The health of all backends. `clock` is the time in UTC, `slow_seconds` what an answer's first byte may take."""

    def __init__(self, clock: Callable[[], datetime], *, slow_seconds: float = 30.0) -> None:
        self._clock = clock
        self._slow_seconds = slow_seconds
        self._started_at = clock()
        self._circuits: dict[str, _Circuit] = {}

    def status(self, backend: str) -> Status:
        """How it does."""
        circuit = self._circuit(backend)
        if circuit.is_down:
            return Status.DOWN
        is_slow = circuit.latency is not None and circuit.latency > self._slow_seconds
        return Status.DEGRADED if is_slow or circuit.failing >= _DEGRADED_FROM else Status.HEALTHY

    def choose(
        self, backends: Sequence[Backend], needs: CallNeeds, *, but_not: Collection[str] = ()
    ) -> HealthChoice | None:
        """The first backend of enough ability that may be tried, in their order; None where there is none.

        One that has just refused its credential comes last. What is too large for every model goes to those that have
        the model it names: the refusal is theirs to give, for Claude Code reads its words.
        """
        serving = [(backend, backend.serving(needs)) for backend in backends]
        if not any(model for _, model in serving):
            serving = [(b, b.meant(needs)) for b in backends]
        able = [
            HealthChoice(backend, model)
            for backend, model in serving
            if model is not None and backend.name not in but_not and self._may_try(backend.name)
        ]
        now = self._clock()
        return min(able, key=lambda choice: self._circuit(choice.backend.name).is_last(now), default=None)

    def back_at(self, backends: Sequence[Backend], needs: CallNeeds) -> datetime | None:
        """When the first backend that could take a call is tried again; None where that cannot be told."""
        able = [self._circuit(b.name) for b in backends if b.serving(needs)]
        times = [circuit.again_at for circuit in able if circuit.is_down and circuit.again_at is not None]
        return min(times, default=None)

    def begin(self, choice: HealthChoice, *, streams: bool) -> HealthCall | None:
        """A call that is about to be sent; None where, by now, the backend may not be tried."""
        circuit, now = self._circuit(choice.backend.name), self._clock()
        if not circuit.may_try(now):
            return None
        if circuit.is_down:
            circuit.probing_since = now
        counts = circuit.counts_of(choice.model)
        counts.in_flight += 1
        counts.total += 1
        return HealthCall(choice.backend, circuit, counts, self._clock, now, circuit.is_down, streams)

    def rows(self, backends: Sequence[Backend]) -> list[BackendRow]:
        """Every model of every backend, listed or only asked for."""
        return [
            self._row(backend, counts)
            for backend in backends
            for counts in {
                **{model.name: _Counts(model) for model in backend.all_models},
                **self._circuit(backend.name).counts,
            }.values()
        ]

    def _row(self, backend: Backend, counts: _Counts) -> BackendRow:
        circuit = self._circuit(backend.name)
        return BackendRow(
            name=f"{backend.name}/{counts.model.name}",
            backend=backend.name,
            model=counts.model.name,
            provider=backend.kind,
            tier=counts.model.tier,
            status=self.status(backend.name),
            in_flight=counts.in_flight,
            total_requests=counts.total,
            total_errors=counts.errors,
            latency_ms=round((counts.latency or 0) * 1000),
            cost_per_1k_in=_price(counts.model),
            uptime_sec=int((self._clock() - self._started_at).total_seconds()),
            credential_refused=circuit.refused_at is not None,
            again_at=circuit.again_at if circuit.is_down else None,
        )

    def _may_try(self, backend: str) -> bool:
        return self._circuit(backend).may_try(self._clock())

    def _circuit(self, backend: str) -> _Circuit:
        return self._circuits.setdefault(backend, _Circuit())


def _blended(before: float | None, seconds: float) -> float:
    return seconds if before is None else (1 - _LATENCY_WEIGHT) * before + _LATENCY_WEIGHT * seconds


def _price(model: Model) -> float | None:
    try:
        return model.cost_usd(Usage(calls=1, input_tokens=1000))
    except InputError:
        return None
