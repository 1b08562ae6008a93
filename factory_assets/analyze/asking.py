"""One conversation with the model for one day: each answer is stored raw, then read, then put in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from pydantic import JsonValue

from factory_assets.analyze.answers import NoAnswerError
from factory_assets.domain.agents import Answer, Question, StructuredModel
from factory_assets.domain.builds import ModelCall, Usage
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.domain.ports import AnswerStore, CallLedger
from factory_assets.llm.claude_api_errors import AnswerRefusedError, UnusableAnswerError

Result = TypeVar("Result")

# A different prompt, too, so that no cache of a router answers with the same text again.
REMINDER = (
    "Your previous answer could not be read ({problem}). Answer with the JSON object alone: no words before or"
    " after it, no code fence."
)


@dataclass(frozen=True)
class Request:
    """One thing to ask. `purpose` names it in the registry; `prompt` gets the reminder of a second try."""

    purpose: str
    instructions: str
    prompt: Callable[[str], str]
    schema: Mapping[str, JsonValue]
    max_output_tokens: int


@dataclass
class Asker:
    """Asks for one day and keeps count of what it took."""

    day: date
    model: StructuredModel
    model_name: str
    store: AnswerStore
    ledger: CallLedger
    now: Callable[[], datetime]
    notify: Callable[[str], None]
    usage: Usage = field(default_factory=Usage)
    answers: list[Answer] = field(default_factory=list)
    answer_ids: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def ask(self, request: Request, read: Callable[[str], Result]) -> Result:
        """Ask, and once more where the answer is no JSON of the asked form.

        What an earlier analysis was answered to the very same, which was stored and paid for, is not asked again.

        Raises:
            InputError: the second answer could not be read either.
            UnusableAnswerError: the answer was cut off or refused.
            FactoryError: what the model's route raises.
        """
        try:
            return self._ask_once(request, request.purpose, "", read)
        except NoAnswerError as error:
            problem = str(error)
        self.note(f"{request.purpose}: the answer could not be read ({problem}); asked again")
        try:
            return self._ask_once(request, f"{request.purpose} again", REMINDER.format(problem=problem), read)
        except NoAnswerError as error:
            raise InputError(
                f"The model's answer could not be read twice: {error}."
                f" Both are kept in the registry (answers {self.answer_ids[-2]} and {self.answer_ids[-1]}).",
                where=f"{self.day} {request.purpose}",
                mend="Analyse the date again, or name another model in FACTORY_ANALYZE_MODEL.",
            ) from error

    def note(self, text: str) -> None:
        """Tell the operator now, and in the report."""
        if text not in self.notes:
            self.notes.append(text)
            self.notify(f"{self.day} {text}")

    def _ask_once(
        self, request: Request, purpose: str, reminder: str, read: Callable[[str], Result]
    ) -> Result:
        question = Question(
            instructions=request.instructions,
            prompt=request.prompt(reminder),
            answer_schema=request.schema,
            model=self.model_name,
            max_output_tokens=request.max_output_tokens,
            lost=lambda lost: self._record(lost, "broken off"),
        )
        digest = hashlib.sha256(f"{question.instructions}\0{question.prompt}".encode()).hexdigest()
        for text in self.store.answers_to(self.day, digest):
            try:
                result = read(text)
            except NoAnswerError:
                continue
            self.note(f"{purpose}: the answer is that of an earlier analysis, which failed after it")
            return result
        try:
            answer = self.model.ask(question)
        except UnusableAnswerError as error:
            self._keep(purpose, digest, error.answer)
            outcome = "refused" if isinstance(error, AnswerRefusedError) else "cut"
            self._record(error.answer, outcome)
            raise
        self._keep(purpose, digest, answer)
        try:
            result = read(answer.text)
        except NoAnswerError:
            self._record(answer, "no answer in it")
            raise
        self._record(answer, "answered")
        self.notify(f"{self.day} {purpose}: ${answer.usage.cost_usd:.4f}, {answer.seconds:.0f} s")
        return result

    def _keep(self, purpose: str, digest: str, answer: Answer) -> None:
        self.answer_ids.append(
            self.store.store_answer(
                day=self.day,
                purpose=purpose,
                model=answer.model,
                prompt_hash=digest,
                text=answer.text,
                now=self.now(),
            )
        )

    def _record(self, answer: Answer, outcome: str) -> None:
        self.answers.append(answer)
        self.usage += answer.usage
        self.ledger.record_call(
            ModelCall(
                stage="analyze",
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
        for text in answer.notes:
            self.note(text)


def one_line(error: FactoryError) -> str:
    """An error as part of a note."""
    return " ".join(str(error).split())
