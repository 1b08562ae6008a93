"""An agent's sessions in one phase: each reserves its dollars, is metered, and is settled in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce

from factory_assets.building.budgets import Bound, OutOfBudgetError, SessionMeter, allowance, line_of, reserve
from factory_assets.building.config import TOOLS
from factory_assets.building.prompts import RESUME_PROMPT
from factory_assets.building.state import AttemptState
from factory_assets.domain.agents import AgentOutcome, AgentTask, OutcomeKind, Purpose
from factory_assets.domain.builds import Phase, Usage
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.sizes import size_of
from factory_assets.languages import LANGUAGES

# One that is out of turns in its second as well has failed.
_MOST_SESSIONS = 2


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


class AgentSessions:
    """The agents' sessions of one run of an attempt."""

    def __init__(self, state: AttemptState) -> None:
        self._state = state
        self._last: tuple[Phase, str] | None = None

    def run(self, phase: Phase, prompt: str) -> Work:
        """Let the phase's agent work in the workspace; one that is out of turns is resumed once.

        It goes on in its own session, whose context is paid for, where that is the last one of this run.

        Args:
            phase: whose model, tools and limits hold.
            prompt: what it is to do.

        Raises:
            FactoryError: when the agent cannot be run; what it had spent is settled.
        """
        state, done = self._state, list[Work]()
        task, self._last = self._task(phase, prompt), None
        while True:
            try:
                with _session(state, phase, task) as session:
                    session.outcome = state.tools.agents.run_agent(session.task, session.say, session.meter)
            except OutOfBudgetError as error:
                return reduce(Work.then, [*done, _not_started(task, error)])
            done.append(session.work)
            ended = session.outcome
            if ended.session_id is not None:
                self._last = phase, ended.session_id
            if (
                len(done) == _MOST_SESSIONS
                or ended.kind is not OutcomeKind.OUT_OF_TURNS
                or self._last is None
            ):
                return reduce(Work.then, done)
            state.say(phase, "out of turns; resumed once")
            task = replace(task, prompt=RESUME_PROMPT, resume=ended.session_id)

    def _task(self, phase: Phase, prompt: str) -> AgentTask:
        state, last = self._state, self._last
        packages = LANGUAGES[state.spec.language].packages
        return AgentTask(
            prompt=state.clean(prompt),
            workspace=state.workspace,
            model=state.config.models[phase],
            max_turns=state.config.turns(phase, state.spec),
            max_budget_usd=0.0,
            timeout_seconds=0.0,
            tools=TOOLS[phase],
            resume=last[1] if last is not None and last[0] is phase else None,
            reach=packages.reach(state.config.indexes),
            variables=packages.variables(state.config.indexes),
            transcript=state.config.transcript(state.spec.name, state.queued.attempts, phase),
            purpose=Purpose("build", state.spec.name, phase),
        )


@dataclass
class _Session:
    """A session that has its dollars. `outcome` is how it ended, `work` what the attempt counts of it."""

    task: AgentTask
    meter: SessionMeter
    say: Callable[[str], None]
    outcome: AgentOutcome = field(init=False)
    work: Work = field(init=False)


@contextmanager
def _session(state: AttemptState, phase: Phase, task: AgentTask) -> Iterator[_Session]:
    """Reserve what a session may spend, and settle what it has spent.

    Raises:
        OutOfBudgetError: no budget has room for it.
    """
    config, ledger = state.config, state.tools.ledger
    share = size_of(state.spec.estimated_lines).share
    room = allowance(
        config.limits, ledger.spending(state.queued.id, state.queued.attempts), phase, share=share
    )
    if room.is_used_up:
        spent = f"the {room.bound.limit_usd * share:.2f} dollars are spent"
        raise OutOfBudgetError(spent, bound=room.bound)
    task = replace(
        task,
        max_budget_usd=room.dollars,
        timeout_seconds=max(1.0, min(config.phase_seconds * share, state.seconds_left)),
    )
    reservation = reserve(state, stage="build", phase=phase, model=task.model, dollars=task.max_budget_usd)
    state.say(phase, f"agent starts: {task.model}, {task.max_turns} turns, {task.max_budget_usd:.2f} dollars")
    meter = SessionMeter(ledger, reservation.id)
    session = _Session(task, meter, lambda line: state.say(phase, line))
    try:
        yield session
    except (FactoryError, OSError):
        lost = line_of(reservation, meter.usage, outcome=OutcomeKind.INFRASTRUCTURE, at=state.tools.clock())
        ledger.settle(reservation.id, lost)
        raise
    outcome = session.outcome
    line = line_of(reservation, outcome.usage, outcome=outcome.kind, at=state.tools.clock())
    ledger.settle(
        reservation.id, line.model_copy(update={"model": outcome.model, "seconds": outcome.seconds})
    )
    state.add_work(outcome.usage, outcome.seconds, task.transcript)
    state.say(phase, f"agent: {outcome.kind}, {outcome.turns} turns, {outcome.usage.cost_usd:.4f} dollars")
    stopped_by = room.bound if outcome.kind is OutcomeKind.OVER_BUDGET else None
    session.work = Work(outcome, outcome.usage, outcome.turns, outcome.seconds, stopped_by)


def _not_started(task: AgentTask, error: OutOfBudgetError) -> Work:
    outcome = AgentOutcome(OutcomeKind.OVER_BUDGET, error.what, 0, Usage(), 0.0, None, task.model)
    return Work(outcome, outcome.usage, 0, 0.0, error.bound)
