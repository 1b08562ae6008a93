"""A model that agrees on an acceptance as a test says, and whoever asks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from memory_registry import memory_registry
from reader_fakes import PROMPTS

from factory_assets.building.acceptance import Acceptor
from factory_assets.domain.acceptance import (
    CommandForm,
    Contract,
    ExitCode,
    Expectation,
    Form,
    Scenario,
)
from factory_assets.domain.agents import Answer, Question, Route
from factory_assets.domain.builds import Usage

CONTRACT = Contract(
    commands=(
        CommandForm(
            usage="word-count FILE",
            does="Prints the number of words of the file, alone on a line.",
            options=(),
            exit_codes=(ExitCode(code=0, when="the file was read"), ExitCode(code=1, when="it was not")),
        ),
    ),
    functions=(),
    files=(),
    rules=("A word is what stands between white space.",),
)


def counts(text: str, words: int, *, title: str = "", behaviour: str = "") -> Scenario:
    """A file whose words are counted."""
    return Scenario.model_validate(
        {
            "title": title or f"A file of {words} words",
            "behaviour": behaviour or "The contract asks for how many there are.",
            "arguments": ["text.txt"],
            "snippet": "",
            "stdin": "",
            "files": [{"path": "text.txt", "text": text}],
            "exit_code": 0,
            "expects": [Expectation(of="stdout", form=Form.EXACT, value=str(words), tolerance=0)],
        }
    )


SCENARIOS = tuple(counts(" ".join(["alpha"] * number), number) for number in range(1, 7))


class AgreeingModel:
    """Writes these scenarios, and solves each as it asks for but for those in `solves`, by their title.

    `written` are the scenarios of the first answer, of the second and so on; the last is given again.
    """

    def __init__(
        self,
        *written: tuple[Scenario, ...],
        contract: Contract = CONTRACT,
        solves: Mapping[str, str] | None = None,
        cost_usd: float = 0.05,
    ) -> None:
        self.written = [*(written or (SCENARIOS,))]
        self.contract = contract
        self.solves = solves or {}
        self.cost_usd = cost_usd
        self.asked: list[Question] = []
        self.answer: Callable[[str], str | None] = lambda task: None
        self.error: Exception | None = None
        self._last: tuple[Scenario, ...] = ()

    @property
    def tasks(self) -> list[str]:
        return [question.prompt.partition("\n")[0].removeprefix("Task: ") for question in self.asked]

    def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        if self.error is not None:
            raise self.error
        task = self.tasks[-1]
        text = self.answer(task) or (self._write() if task == "accept" else self._solve(question.prompt))
        # No two are alike: the ledger takes what is equal in everything for one line.
        usage = Usage(calls=1, input_tokens=99 + len(self.asked), output_tokens=20, cost_usd=self.cost_usd)
        return Answer(text, Route.API, question.model, usage, 0.5)

    def _write(self) -> str:
        self._last = self.written.pop(0) if len(self.written) > 1 else self.written[0]
        scenarios = [scenario.model_dump(mode="json") for scenario in self._last]
        return json.dumps({"contract": self.contract.model_dump(mode="json"), "scenarios": scenarios})

    def _solve(self, prompt: str) -> str:
        results = []
        for part in prompt.split('<call number="')[1:]:
            number = int(part.partition('"')[0])
            (scenario,) = (each for each in self._last if f"Title: {each.title}\n" in part)
            stdout = self.solves.get(scenario.title, "\n".join(each.value for each in scenario.expects))
            told = {"number": number, "exit_code": scenario.exit_code, "stdout": stdout}
            results.append({**told, "stderr": "", "files": []})
        return json.dumps({"results": results})


def acceptor_of(model: AgreeingModel) -> Acceptor:
    return Acceptor(
        model=model, model_name="claude-sonnet-5-5", prompts_dir=PROMPTS, answers=memory_registry().answers
    )
