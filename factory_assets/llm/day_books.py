"""The books of what is asked about a day: its answers by date, its calls in the ledger."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime

from factory_assets.domain.agents import Answer, Question, Route
from factory_assets.domain.builds import ModelCall
from factory_assets.domain.ports import AnswerStore, CallLedger


@dataclass(frozen=True)
class DayBooks:
    """Keeps what is answered about one day's papers. An analysis is not held to a budget: nothing is set aside.

    `stage` is what the calls are booked under.
    """

    day: date
    answers: AnswerStore
    ledger: CallLedger
    now: Callable[[], datetime]
    stage: str = "analyze"

    def answers_to(self, digest: str) -> list[str]:
        """See llm.asking.Books."""
        return self.answers.to(self.day, digest)

    def set_aside(self, question: Question) -> AbstractContextManager[None]:  # noqa: ARG002 - as in Books
        """See llm.asking.Books."""
        return nullcontext()

    def keep(self, purpose: str, digest: str, answer: Answer) -> int:
        """See llm.asking.Books."""
        return self.answers.keep(
            day=self.day,
            purpose=purpose,
            model=answer.model,
            prompt_hash=digest,
            text=answer.text,
            now=self.now(),
        )

    def record(self, answer: Answer, outcome: str, *, is_last: bool) -> None:  # noqa: ARG002 - as in Books
        """See llm.asking.Books."""
        if answer.route is Route.BATCH:
            # A batch is booked as a whole, whatever becomes of its answers.
            return
        self.ledger.record(
            ModelCall(
                stage=self.stage,
                partition=self.day.isoformat(),
                repo=None,
                phase=None,
                route=answer.route,
                model=answer.model,
                usage=answer.usage,
                seconds=answer.seconds,
                cache_hit=answer.cache_hit,
                outcome=outcome,
                at=self.now(),
            )
        )
