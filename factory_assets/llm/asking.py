"""The one way to ask a structured question: its answer is kept raw, then read, then put in the ledger."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Protocol, TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from factory_assets.domain.agents import Answer, Purpose, Question, StructuredModel
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.llm.claude_api_errors import AnswerRefusedError, UnusableAnswerError

Result = TypeVar("Result")
Form = TypeVar("Form", bound=BaseModel)

# How long the model's prompt cache keeps what was last read, in seconds. A write costs 1.25 times the price of the
# input, a read 0.1 times (claude-sonnet-5-5: 0.05), so a beginning that two questions share costs 1.35 instead of 2,
# and one that is written and not read a quarter too much:
# https://platform.claude.com/docs/en/build-with-claude/prompt-caching.
_KEPT_SECONDS = 300.0

_FENCE = re.compile(r"\A```(?:json)?\n(.*)\n```\Z", re.DOTALL)

# A different prompt, too, so that no cache of a router answers with the same text again.
REMINDER = (
    "Your previous answer could not be read ({problem}). Answer with the JSON object alone: no words before or"
    " after it, no code fence."
)


class UnreadableAnswerError(InputError):
    """Two answers to one question could not be read."""


class NoAnswerError(Exception):
    """The text holds no answer of the asked form; the message says what is wrong with it."""


@dataclass(frozen=True)
class Request:
    """One thing to ask. `purpose` names it in the registry; `prompt` gets the reminder of a second try.

    `known_by` is what the request is about, where that is less than its words: what was answered about the same is
    not asked again. `material`, `about` and `unordered` are as in Question.
    """

    purpose: str
    instructions: str
    prompt: Callable[[str], str]
    schema: Mapping[str, JsonValue]
    max_output_tokens: int
    known_by: str | None = None
    material: str = ""
    about: str | None = None
    unordered: str | None = None

    @property
    def beginning(self) -> str:
        """A digest of what the model's prompt cache goes by. Another schema is another beginning, see
        https://platform.claude.com/docs/en/build-with-claude/structured-outputs.
        """
        shared = json.dumps([self.instructions, self.schema, self.material], sort_keys=True)
        return hashlib.sha256(shared.encode()).hexdigest()

    def question(self, model: str, *, reminder: str, setting: str, purpose: Purpose) -> Question:
        """As it is asked of a model."""
        return Question(
            instructions=self.instructions,
            prompt=self.prompt(reminder),
            answer_schema=self.schema,
            model=model,
            max_output_tokens=self.max_output_tokens,
            material=self.material,
            setting=setting,
            purpose=purpose,
            about=self.about,
            unordered=self.unordered,
        )

    def digest(self, question: Question) -> str:
        """What its answers are kept by."""
        about = self.known_by or question.text
        return hashlib.sha256(f"{question.instructions}\0{about}".encode()).hexdigest()


class AskingBooks(Protocol):
    """Where the answers of one conversation are kept, and what they cost is written down."""

    def answers_to(self, digest: str) -> list[str]:
        """The texts that were kept under this digest, the newest first."""
        ...

    def set_aside(self, question: Question) -> AbstractContextManager[None]:
        """Set dollars aside for as long as one question is asked.

        Raises:
            FactoryError: there is no room for them.
        """
        ...

    def keep(self, purpose: str, digest: str, answer: Answer) -> int:
        """Keep a raw answer, before it is read, and return its number."""
        ...

    def record(self, answer: Answer, outcome: str, *, is_last: bool) -> None:
        """Write a call in the ledger; without `is_last` the question is still being asked."""
        ...


@dataclass
class Asker:
    """Asks, and keeps count of what it took. `about` names the conversation, `setting` the model's setting.

    `clock` gives seconds, by which the model's prompt cache is reckoned.
    """

    about: str
    purpose: Purpose
    model: StructuredModel
    model_name: str
    setting: str
    books: AskingBooks
    notify: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    usage: Usage = field(default_factory=Usage)
    answers: list[Answer] = field(default_factory=list)
    answer_ids: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _cached: dict[str, float] = field(default_factory=dict, init=False)

    def ask(self, request: Request, read: Callable[[str], Result], *, more: bool = False) -> Result:
        """Ask, and once more where the answer is no JSON of the asked form.

        What was answered to the very same before, which was kept and paid for, is not asked again. With `more`, a
        question with the same beginning follows at once: only then is that beginning written to the model's cache.

        Raises:
            UnreadableAnswerError: the second answer could not be read either.
            UnusableAnswerError: the answer was cut off or refused.
            FactoryError: what the model's route raises.
        """
        try:
            return self._ask_once(request, request.purpose, "", read, more=more)
        except NoAnswerError as error:
            problem = str(error)
        self.note(f"{request.purpose}: the answer could not be read ({problem}); asked again")
        try:
            reminder = REMINDER.format(problem=problem)
            return self._ask_once(request, f"{request.purpose} again", reminder, read, more=more)
        except NoAnswerError as error:
            raise UnreadableAnswerError(
                f"The model's answer could not be read twice: {error}."
                f" Both are kept in the registry (answers {self.answer_ids[-2]} and {self.answer_ids[-1]}).",
                where=f"{self.about} {request.purpose}",
                fix=f"Run it again, or name another model in {self.setting}.",
            ) from error

    def note(self, text: str) -> None:
        """Tell the operator now, and in the report."""
        if text not in self.notes:
            self.notes.append(text)
            self.notify(f"{self.about} {text}")

    def _ask_once(
        self, request: Request, purpose: str, reminder: str, read: Callable[[str], Result], *, more: bool
    ) -> Result:
        question = replace(
            request.question(self.model_name, reminder=reminder, setting=self.setting, purpose=self.purpose),
            lost=lambda lost: self._record(lost, "broken off", is_last=False),
        )
        digest = request.digest(question)
        for text in self.books.answers_to(digest):
            try:
                result = read(text)
            except NoAnswerError:
                continue
            self.note(f"{purpose}: the answer is that of an earlier run, which ended before it was used")
            return result
        with self.books.set_aside(question):
            try:
                answer = self.model.ask(replace(question, caches=self._caches(request, more=more)))
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
        self.notify(f"{self.about} {purpose}: ${answer.usage.cost_usd:.4f}, {answer.seconds:.0f} s")
        return result

    def _caches(self, request: Request, *, more: bool) -> bool:
        """Whether a question is worth its place in the model's cache: it reads what is there, or others will."""
        now, beginning = self.clock(), request.beginning
        last = self._cached.get(beginning)
        if not more and (last is None or now - last >= _KEPT_SECONDS):
            return False
        self._cached[beginning] = now
        return True

    def _keep(self, purpose: str, digest: str, answer: Answer) -> None:
        self.answer_ids.append(self.books.keep(purpose, digest, answer))

    def _record(self, answer: Answer, outcome: str, *, is_last: bool = True) -> None:
        self.answers.append(answer)
        self.usage += answer.usage
        self.books.record(answer, outcome, is_last=is_last)
        for text in answer.notes:
            self.note(text)


def read_form(form: type[Form], text: str) -> Form:
    """An answer, which has to be of the form alone: a text that holds one may quote it.

    Raises:
        NoAnswerError: it is not.
    """
    alone = text.strip()
    fenced = _FENCE.match(alone)
    try:
        return form.model_validate_json(fenced[1] if fenced else alone)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise NoAnswerError(f"{place}: {first['msg']}" if place else first["msg"]) from error


@cache
def schema_of(form: type[BaseModel]) -> Mapping[str, JsonValue]:
    """The JSON schema of a form, as a question carries it."""
    return TypeAdapter(dict[str, JsonValue]).validate_python(form.model_json_schema())


def one_line(error: FactoryError) -> str:
    """An error as part of a note."""
    return " ".join(str(error).split())
