"""The books of questions about a repo: answers kept beside the day's, each call reserved and settled in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from factory_assets.building.budgets import OutOfBudgetError, line_of, repo_allowance, reserve
from factory_assets.building.state import AttemptState
from factory_assets.domain.agents import Answer, OutcomeKind, Question
from factory_assets.domain.builds import ModelCall, Reservation, Usage
from factory_assets.domain.ports import AnswerStore
from factory_assets.domain.sizes import size_of
from factory_assets.domain.tokens import tokens_of
from factory_assets.llm.prices import worst_case_cost


def day_of(state: AttemptState) -> date:
    """The day under which a repo's answers are kept: an imported spec may have no date of its own yet."""
    return state.queued.queued_at.date()


@dataclass
class RepoBooks:
    """Keeps what is answered about one repo. Its dollars are the repo's and the day's, and no phase's.

    `stage` is the ledger's.
    """

    state: AttemptState
    answers: AnswerStore
    stage: str
    _open: Reservation | None = field(default=None, init=False)

    def answers_to(self, digest: str) -> list[str]:
        """See llm.asking.Books."""
        return self.answers.to(day_of(self.state), digest)

    @contextmanager
    def set_aside(self, question: Question) -> Iterator[None]:
        """Reserve what the call can cost at most.

        Raises:
            OutOfBudgetError: the repo's budget or the day's has no room for it.
            InputError: no price is known for the model.
        """
        self._open = self._reserve(question)
        try:
            yield
        finally:
            if self._open is not None:
                self._settle(self._line(Usage(), outcome=OutcomeKind.INFRASTRUCTURE))

    def keep(self, purpose: str, digest: str, answer: Answer) -> int:
        """See llm.asking.Books. A run that dies after this has its answer, and its dollars in the ledger."""
        state = self.state
        if self._open is not None:
            state.tools.ledger.meter(self._open.id, answer.usage)
        return self.answers.keep(
            day=day_of(state),
            purpose=f"{state.spec.name} {purpose}",
            model=answer.model,
            prompt_hash=digest,
            text=answer.text,
            now=state.tools.clock(),
        )

    def record(self, answer: Answer, outcome: str, *, is_last: bool) -> None:
        """See llm.asking.Books."""
        line = self._line(answer.usage, outcome=outcome).model_copy(
            update={
                "model": answer.model,
                "route": answer.route,
                "seconds": answer.seconds,
                "cache_hit": answer.cache_hit,
            }
        )
        self.state.add_work(answer.usage, answer.seconds, None)
        if is_last:
            self._settle(line)
        else:
            self.state.tools.ledger.record(line)

    def _reserve(self, question: Question) -> Reservation:
        state = self.state
        config, ledger = state.config, state.tools.ledger
        dollars = worst_case_cost(
            question.model,
            tokens_of(question.instructions + question.text),
            question.max_output_tokens,
        )
        share = size_of(state.spec.estimated_lines).share
        spending = ledger.spending(state.queued.id, state.queued.attempts)
        room = repo_allowance(config.limits, spending, share=share)
        if room.dollars < dollars:
            raise OutOfBudgetError(
                f"a question can cost {dollars:.2f} dollars, and {max(room.dollars, 0.0):.2f} are left",
                bound=room.bound,
            )
        return reserve(state, stage=self.stage, phase=None, model=question.model, dollars=dollars)

    def _settle(self, line: ModelCall) -> None:
        assert self._open is not None  # noqa: S101 - the asker records within set_aside
        self.state.tools.ledger.settle(self._open.id, line)
        self._open = None

    def _line(self, usage: Usage, *, outcome: str) -> ModelCall:
        assert self._open is not None  # noqa: S101 - the asker records within set_aside
        return line_of(self._open, usage, outcome=outcome, at=self.state.tools.clock())
