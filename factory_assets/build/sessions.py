"""An agent's sessions in one phase: each reserves its dollars, is metered, and is settled in the ledger."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from factory_assets.build.budgets import Bound, SessionMeter, allowance, day_bound
from factory_assets.build.config import TOOLS
from factory_assets.build.prompts import RESUME_PROMPT
from factory_assets.build.state import AttemptState
from factory_assets.domain.agents import AgentOutcome, AgentTask, OutcomeKind
from factory_assets.domain.builds import ModelCall, Phase, Reservation, Usage
from factory_assets.domain.errors import BudgetError, FactoryError
from factory_assets.domain.sizes import size_of
from factory_assets.languages import LANGUAGES


@dataclass(frozen=True)
class Work:
    """What an agent did in one phase, its resumed session included. `bound` is the budget that stopped it."""

    outcome: AgentOutcome
    usage: Usage
    turns: int
    seconds: float
    bound: Bound | None = None

    def then(self, again: Work) -> Work:
        """This work and what a resumed session added to it."""
        return Work(
            outcome=again.outcome,
            usage=self.usage + again.usage,
            turns=self.turns + again.turns,
            seconds=self.seconds + again.seconds,
            bound=again.bound,
        )


def run_phase(state: AttemptState, phase: Phase, prompt: str, *, resume: str | None) -> Work:
    """Let the phase's agent work in the workspace; one that is out of turns is resumed once in its session.

    Args:
        state: the attempt.
        phase: whose model, tools and limits hold.
        prompt: what it is to do.
        resume: the session of the phase to go on with; None for a new one.

    Raises:
        FactoryError: when the agent cannot be run; what it had spent is settled.
    """
    packages = LANGUAGES[state.spec.language].packages
    task = AgentTask(
        prompt=prompt,
        workspace=state.workspace,
        model=state.config.models[phase],
        max_turns=state.config.turns(phase, state.spec),
        max_budget_usd=0.0,
        timeout_seconds=0.0,
        tools=TOOLS[phase],
        resume=resume,
        reach=packages.reach(state.config.indexes),
        variables=packages.variables(state.config.indexes),
        transcript=state.config.transcript(state.spec.name, state.queued.attempts, phase),
    )
    work = _run_session(state, phase, task)
    session = work.outcome.session_id
    if work.outcome.kind is not OutcomeKind.OUT_OF_TURNS or session is None:
        return work
    state.say(phase, "out of turns; resumed once")
    return work.then(_run_session(state, phase, replace(task, prompt=RESUME_PROMPT, resume=session)))


def _run_session(state: AttemptState, phase: Phase, task: AgentTask) -> Work:
    config, ledger = state.config, state.tools.ledger
    share = size_of(state.spec.estimated_lines).share
    spending = ledger.spending(state.queued.id, state.queued.attempts)
    room = allowance(config.limits, spending, phase, share=share)
    if room.is_used_up:
        return _not_started(task, room.bound, f"the {room.bound.limit_usd * share:.2f} dollars are spent")
    task = replace(
        task,
        max_budget_usd=room.dollars,
        timeout_seconds=max(1.0, min(config.phase_seconds * share, state.seconds_left)),
    )
    reservation = _reservation(state, phase, task)
    try:
        ledger.reserve(reservation, day_budget_usd=config.limits.day_usd)
    except BudgetError as error:
        return _not_started(task, day_bound(error.limit_usd, state.tools.clock()), error.what)
    outcome = _run_agent(state, phase, reservation, task)
    state.add_work(outcome.usage, outcome.seconds, task.transcript)
    state.say(phase, f"agent: {outcome.kind}, {outcome.turns} turns, {outcome.usage.cost_usd:.4f} dollars")
    bound = room.bound if outcome.kind is OutcomeKind.OVER_BUDGET else None
    return Work(outcome, outcome.usage, outcome.turns, outcome.seconds, bound)


def _run_agent(state: AttemptState, phase: Phase, reservation: Reservation, task: AgentTask) -> AgentOutcome:
    state.say(phase, f"agent starts: {task.model}, {task.max_turns} turns, {task.max_budget_usd:.2f} dollars")
    meter = SessionMeter(state.tools.ledger, reservation.id)
    try:
        outcome = state.tools.agents.run_agent(task, lambda line: state.say(phase, line), meter)
    except (FactoryError, OSError):
        call = _call(state, reservation, meter.usage, outcome=OutcomeKind.INFRASTRUCTURE)
        state.tools.ledger.settle(reservation.id, call)
        raise
    call = _call(state, reservation, outcome.usage, outcome=outcome.kind)
    call = call.model_copy(update={"model": outcome.model, "seconds": outcome.seconds})
    state.tools.ledger.settle(reservation.id, call)
    return outcome


def _reservation(state: AttemptState, phase: Phase, task: AgentTask) -> Reservation:
    return Reservation(
        id=uuid.uuid4().hex,
        spec_id=state.queued.id,
        repo=state.spec.name,
        stage="build",
        partition=state.job.partition,
        phase=phase,
        route=state.config.route,
        model=task.model,
        run_id=state.job.run_id,
        dollars=task.max_budget_usd,
        at=state.tools.clock(),
    )


def _call(state: AttemptState, reservation: Reservation, usage: Usage, *, outcome: OutcomeKind) -> ModelCall:
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
        at=state.tools.clock(),
    )


def _not_started(task: AgentTask, bound: Bound, detail: str) -> Work:
    outcome = AgentOutcome(OutcomeKind.OVER_BUDGET, detail, 0, Usage(), 0.0, None, task.model)
    return Work(outcome, outcome.usage, 0, 0.0, bound)
