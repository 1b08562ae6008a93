"""A model that answers the reader's questions as a test says, and what keeps them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime

from memory_registry import memory_registry

from factory_assets.building.reader import ModelReader, Reader
from factory_assets.domain.agents import Answer, Purpose, Question, Route
from factory_assets.domain.builds import Usage
from factory_assets.domain.readings import Finding, ReaderMode
from factory_assets.llm.asking import Asker
from factory_assets.llm.day_books import DayBooks
from factory_assets.llm.prompts import Prompts
from factory_assets.registry import Registry
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
        # No two are alike: the ledger takes what is equal in everything for one line.
        usage = Usage(calls=1, input_tokens=99 + len(self.asked), output_tokens=20, cost_usd=self.cost_usd)
        return Answer(text, Route.API, question.model, usage, 0.5)


def reader_of(model: PlayedModel, *, mode: ReaderMode = ReaderMode.DECIDE) -> Reader:
    return Reader(
        model=model,
        model_name="claude-haiku-5-5",
        mode=mode,
        prompts_dir=PROMPTS,
        answers=memory_registry().answers,
    )


def books_in(registry: Registry) -> DayBooks:
    """Books of questions that no budget holds."""
    return DayBooks(date(2026, 6, 3), registry.answers, registry.ledger, lambda: datetime.now(UTC))


def model_reader(model: object, *, name: str = "word-count", registry: Registry | None = None) -> ModelReader:
    asker = Asker(
        about=name,
        purpose=Purpose("reader", name),
        model=model,  # type: ignore[arg-type]
        model_name="claude-haiku-5-5",
        setting="FACTORY_READER_MODEL",
        books=books_in(registry or memory_registry()),
        notify=lambda line: None,
    )
    return ModelReader(asker, Prompts(PROMPTS), name, "python")
