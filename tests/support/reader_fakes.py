"""A model that answers the reader's questions as a test says, and books that keep everything in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

from factory_assets.building.reader import ModelReader, Reader
from factory_assets.domain.agents import Answer, Purpose, Question, Route
from factory_assets.domain.builds import Usage
from factory_assets.domain.readings import Finding, ReaderMode
from factory_assets.llm.asking import Asker
from factory_assets.llm.prompts import Prompts
from factory_assets.settings import PROJECT_ROOT

PROMPTS = PROJECT_ROOT / "prompts"


class PlayedModel:
    """Answers a first question with findings and a second one with a ruling; keeps what it was asked."""

    def __init__(
        self, *found: Finding, rules: Callable[[str], bool] = lambda prompt: True, cost_usd: float = 0.02
    ) -> None:
        self.found = found
        self.rules = rules
        self.cost_usd = cost_usd
        self.asked: list[Question] = []
        self.error: Exception | None = None

    @property
    def tasks(self) -> list[str]:
        return [question.text.partition("\n")[0].removeprefix("Task: ") for question in self.asked]

    def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        if self.error is not None:
            raise self.error
        if self.tasks[-1] == "read":
            text = json.dumps({"findings": [finding.model_dump(mode="json") for finding in self.found]})
        else:
            text = json.dumps({"is_so": self.rules(question.text), "why": "As the test said."})
        usage = Usage(calls=1, input_tokens=100, output_tokens=20, cost_usd=self.cost_usd)
        return Answer(text, Route.API, question.model, usage, 0.5)


class MemoryBooks:
    """Keeps answers by their digest."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str]] = []
        self.outcomes: list[str] = []

    def answers_to(self, digest: str) -> list[str]:
        return [text for known, text in reversed(self.kept) if known == digest]

    @contextmanager
    def set_aside(self, question: Question) -> Iterator[None]:
        yield

    def keep(self, purpose: str, digest: str, answer: Answer) -> int:
        self.kept.append((digest, answer.text))
        return len(self.kept)

    def record(self, answer: Answer, outcome: str, *, is_last: bool) -> None:
        self.outcomes.append(outcome)


class MemoryAnswers:
    """An AnswerStore in memory."""

    def __init__(self) -> None:
        self.kept: list[tuple[date, str, str, str]] = []

    def keep(self, *, day: date, purpose: str, model: str, prompt_hash: str, text: str, now: datetime) -> int:
        self.kept.append((day, purpose, prompt_hash, text))
        return len(self.kept)

    def to(self, day: date, prompt_hash: str) -> list[str]:
        return [
            text for known, _, digest, text in reversed(self.kept) if (known, digest) == (day, prompt_hash)
        ]


def reader_of(model: PlayedModel, *, mode: ReaderMode = ReaderMode.DECIDE) -> Reader:
    return Reader(
        model=model,
        model_name="claude-haiku-5-5",
        mode=mode,
        prompts_dir=PROMPTS,
        answers=MemoryAnswers(),
    )


def model_reader(model: object, *, name: str = "word-count", books: MemoryBooks | None = None) -> ModelReader:
    asker = Asker(
        about=name,
        purpose=Purpose("reader", name),
        model=model,  # type: ignore[arg-type]
        model_name="claude-haiku-5-5",
        setting="FACTORY_READER_MODEL",
        books=books or MemoryBooks(),
        notify=lambda line: None,
    )
    return ModelReader(asker, Prompts(PROMPTS), name, "python")
