"""What a session of an agent may spend, and which budget sets the bound."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from factory_assets.building.state import AttemptState
from factory_assets.domain.builds import (
    BudgetLimits,
    ModelCall,
    Phase,
    Reservation,
    Spending,
    Usage,
    WaitCause,
)
from factory_assets.domain.errors import BudgetError, FactoryError, InfrastructureError
from factory_assets.domain.ports import BuildLedger

# No model call costs less, so less than this is nothing.
_LEAST_USD = 0.01
_METER_USD = 0.01
_METER_SECONDS = 2.0


@dataclass(frozen=True)
class Bound:
    """A budget that stops a phase: its setting, what that is, and how many times that much is allowed here.

    `until` is when the wait ends by itself; None where only a higher setting ends it.
    """

    cause: WaitCause
    limit_usd: float
    setting: str
    until: datetime | None = None
    share: float = 1.0

    @property
    def words(self) -> str:
        """The budget in words, with its dollars."""
        size = f" ({self.share:g} times {self.setting}, for its size)" if self.share != 1.0 else ""
        return f"{self.cause} of {self.limit_usd * self.share:.2f} dollars{size}"


@dataclass(frozen=True)
class Allowance:
    """Dollars that the next session of a phase may spend, and the budget that says so."""

    dollars: float
    bound: Bound

    @property
    def is_used_up(self) -> bool:
        """Whether no session is worth starting."""
        return self.dollars < _LEAST_USD


class OutOfBudgetError(FactoryError):
    """A budget has no room for a call of a model. `bound` is that budget."""

    def __init__(self, what: str, *, bound: Bound) -> None:
        super().__init__(what)
        self.bound = bound


def repo_allowance(limits: BudgetLimits, spending: Spending, *, share: float = 1.0) -> Allowance:
    """What is left of the repo's budget over all attempts; a spec of unusual size may take `share` times that."""
    return Allowance(
        limits.repo_usd * share - spending.repo_usd,
        Bound(WaitCause.REPO_BUDGET, limits.repo_usd, "FACTORY_REPO_BUDGET_USD", share=share),
    )


def allowance(limits: BudgetLimits, spending: Spending, phase: Phase, *, share: float = 1.0) -> Allowance:
    """What is left of the phase's budget in this attempt, or of the repo's over all attempts, if that is less.

    A spec of unusual size may take `share` times either.
    """
    phase_limit = limits.phase_usd[phase]
    of_phase = Allowance(
        phase_limit * share - spending.phase_usd.get(phase, 0.0),
        Bound(WaitCause.PHASE_BUDGET, phase_limit, f"FACTORY_{phase.upper()}_BUDGET_USD", share=share),
    )
    return min(repo_allowance(limits, spending, share=share), of_phase, key=lambda one: one.dollars)


def day_bound(limit_usd: float, now: datetime) -> Bound:
    """The day's budget, which is a new one at the next midnight (UTC)."""
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
    return Bound(WaitCause.DAY_BUDGET, limit_usd, "FACTORY_DAY_BUDGET_USD", midnight)


def reserve(
    state: AttemptState, *, stage: str, phase: Phase | None, model: str, dollars: float
) -> Reservation:
    """Set dollars aside for what a model is about to be asked.

    Raises:
        OutOfBudgetError: the day's budget has no room for them.
    """
    config, now = state.config, state.tools.clock()
    reservation = Reservation(
        id=uuid.uuid4().hex,
        spec_id=state.queued.id,
        repo=state.spec.name,
        stage=stage,
        partition=state.job.partition,
        phase=phase,
        route=config.route,
        model=model,
        run_id=state.job.run_id,
        dollars=dollars,
        at=now,
    )
    try:
        state.tools.ledger.reserve(reservation, day_budget_usd=config.limits.day_usd)
    except BudgetError as error:
        raise OutOfBudgetError(error.what, bound=day_bound(error.limit_usd, now)) from error
    return reservation


def line_of(reservation: Reservation, usage: Usage, *, outcome: str, at: datetime) -> ModelCall:
    """What the ledger says of a call that dollars were set aside for."""
    return ModelCall(
        stage=reservation.stage,
        partition=reservation.partition,
        repo=reservation.repo,
        phase=reservation.phase,
        route=reservation.route,
        model=reservation.model,
        usage=usage,
        seconds=0.0,
        cache_hit=False,
        outcome=outcome,
        at=at,
    )


class SessionMeter:
    """Writes down what a session spends as it goes, but not at every answer."""

    def __init__(self, ledger: BuildLedger, reservation_id: str) -> None:
        self._ledger = ledger
        self._reservation_id = reservation_id
        self._written_usd = 0.0
        self._written_at = time.monotonic()
        self.usage = Usage()

    def __call__(self, usage: Usage) -> None:
        """Take the usage of the session so far."""
        self.usage = usage
        grown = usage.cost_usd - self._written_usd >= _METER_USD
        if not grown and time.monotonic() - self._written_at < _METER_SECONDS:
            return
        try:
            self._ledger.meter(self._reservation_id, usage)
        except InfrastructureError:
            # The next answer writes the sum again; a busy registry must not end an agent's work.
            return
        self._written_usd = usage.cost_usd
        self._written_at = time.monotonic()
