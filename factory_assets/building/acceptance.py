"""Who agrees on the acceptance of an instance's repos: how a model is asked for it, and what its answers are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from factory_assets.building.reader import RULING_SCHEMA, Reader, read_ruling
from factory_assets.domain.acceptance import Acceptance, Contract, HeldScenario, Scenario, ScenarioFile
from factory_assets.domain.agents import Purpose, StructuredModel
from factory_assets.domain.papers import Paper
from factory_assets.domain.ports import AnswerStore
from factory_assets.domain.readings import Dispute
from factory_assets.domain.specs import Spec
from factory_assets.gates.material import as_data
from factory_assets.gates.reader import Ruling
from factory_assets.languages.names import names_of
from factory_assets.llm.asking import Asker, AskingBooks, Request, read_form, schema_of
from factory_assets.llm.prompts import Prompts

WRITE, SOLVE, DISPUTE = "acceptance", "acceptance_solve", "acceptance_dispute"
_WRITE_TOKENS, _SOLVE_TOKENS, _RULING_TOKENS = 16_000, 8_000, 1_000


class Written(BaseModel):
    """The form of the first answer: what the repo has to do, and how that is tried."""

    model_config = ConfigDict(extra="forbid")

    contract: Contract
    scenarios: list[Scenario]


class Solved(BaseModel):
    """What one scenario gives by the contract alone. `stderr` of nothing says that the contract leaves it open."""

    model_config = ConfigDict(extra="forbid")

    number: int
    exit_code: int
    stdout: str
    stderr: str
    files: list[ScenarioFile]


class _AllSolved(BaseModel):
    """The form of the second answer."""

    model_config = ConfigDict(extra="forbid")

    results: list[Solved]


@dataclass(frozen=True, kw_only=True)
class Acceptor:
    """Who agrees on what the repos of an instance have to do. `answers` keeps what the model said."""

    model: StructuredModel
    model_name: str
    prompts_dir: Path
    answers: AnswerStore


@dataclass(frozen=True)
class SpecAcceptor:
    """Asks about one spec. Text from outside goes into the prompt alone, never into the instructions."""

    asker: Asker
    prompts: Prompts
    spec: Spec

    @classmethod
    def of(
        cls, acceptor: Acceptor, spec: Spec, *, books: AskingBooks, notify: Callable[[str], None]
    ) -> SpecAcceptor:
        """The model at work on a spec."""
        asker = Asker(
            about=spec.name,
            purpose=Purpose("acceptance", spec.name),
            model=acceptor.model,
            model_name=acceptor.model_name,
            setting="FACTORY_ACCEPTANCE_MODEL",
            books=books,
            notify=notify,
        )
        return cls(asker, Prompts(acceptor.prompts_dir), spec)

    def write(self, papers: Sequence[Paper], *, dropped: Sequence[str]) -> Written:
        """A contract and scenarios. `dropped` says why earlier ones did not count; empty the first time.

        Raises:
            UnreadableAnswerError: two answers could not be read.
            UnusableAnswerError: the answer was cut off, or the model declined to give one.
            FactoryError: as the model's routes say.
        """
        told = {
            "spec": self._spec(),
            "papers": [
                as_data(f"{paper.title}\n{', '.join(paper.authors)}\n{paper.abstract}") for paper in papers
            ],
            "dropped": as_data("\n".join(dropped)) if dropped else "",
        }
        purpose = "acceptance anew" if dropped else "acceptance"
        request = self._request(WRITE, purpose, _WRITE_TOKENS, schema_of(Written), **told)
        return self.asker.ask(request, lambda text: read_form(Written, text))

    def solve(self, contract: Contract, scenarios: Sequence[tuple[int, Scenario]]) -> dict[int, Solved]:
        """What each scenario gives, worked out from the contract alone. Raises as `write`."""
        told = {
            "contract": as_data(contract.text),
            "calls": [(number, as_data(call_text(self.spec, each))) for number, each in scenarios],
        }
        request = self._request(SOLVE, "solved", _SOLVE_TOKENS, schema_of(_AllSolved), **told)
        solved = self.asker.ask(request, lambda text: read_form(_AllSolved, text))
        return {each.number: each for each in solved.results}

    def _spec(self) -> str:
        shown = self.spec.model_dump(
            mode="json", include={"name", "problem", "solution", "integration_point"}
        )
        return as_data("\n".join(f"{name}: {text}" for name, text in shown.items()))

    def _request(
        self, task: str, purpose: str, tokens: int, schema: Mapping[str, JsonValue], **told: object
    ) -> Request:
        names = names_of(self.spec.name, self.spec.language)

        def prompt(reminder: str) -> str:
            return self.prompts.request(
                task,
                name=self.spec.name,
                language=self.spec.language,
                names=names,
                reminder=reminder,
                **told,
            )

        return Request(purpose, self.prompts.instructions(task), prompt, schema, tokens)


def rule_on(
    reader: Reader,
    spec: Spec,
    acceptance: Acceptance,
    held: HeldScenario,
    dispute: Dispute,
    *,
    books: AskingBooks,
    notify: Callable[[str], None],
) -> Ruling:
    """What the reader says of a scenario that the builder disputes: whether the contract really asks for it.

    Raises as `SpecAcceptor.write`.
    """
    asker = Asker(
        about=spec.name,
        purpose=Purpose("reader", spec.name),
        model=reader.model,
        model_name=reader.model_name,
        setting="FACTORY_READER_MODEL",
        books=books,
        notify=notify,
    )
    told = {
        "contract": as_data(acceptance.contract.text),
        "scenario": as_data(f"{call_text(spec, held.scenario)}\n{expected_text(held.scenario)}"),
        "dispute": as_data(f"Quote: {dispute.quote}\nWhy: {dispute.why}"),
    }
    prompts = Prompts(reader.prompts_dir)

    def prompt(reminder: str) -> str:
        return prompts.request(DISPUTE, name=spec.name, language=spec.language, reminder=reminder, **told)

    request = Request(
        "dispute of a scenario", prompts.instructions(DISPUTE), prompt, RULING_SCHEMA, _RULING_TOKENS
    )
    return asker.ask(request, read_ruling)


def call_text(spec: Spec, scenario: Scenario) -> str:
    """How a scenario calls the repo, and with what, as lines of plain text."""
    lines = [f"Title: {scenario.title}"]
    for file in scenario.files:
        lines += [f"File {file.path}:", *file.text.splitlines()]
    if scenario.stdin:
        lines += ["On stdin:", *scenario.stdin.splitlines()]
    if scenario.snippet:
        return "\n".join([*lines, f"Snippet in {spec.language}:", *scenario.snippet.splitlines()])
    name = names_of(spec.name, spec.language).package
    return "\n".join(
        [*lines, "Arguments, one a line, after the command's name " + name + ":", *scenario.arguments]
    )


def expected_text(scenario: Scenario) -> str:
    """What a scenario asks for, as lines of plain text."""
    lines = [f"Expected exit code: {scenario.exit_code}"]
    for expected in scenario.expects:
        within = f", within {expected.tolerance:g}" if expected.tolerance else ""
        lines += [f"Expected of {expected.of}, {expected.form}{within}:", *expected.value.splitlines()]
    return "\n".join(lines)


def without_scenarios(acceptance: Acceptance, note: str) -> Acceptance:
    """The same with nothing held out, and why."""
    return acceptance.model_copy(
        update={
            "scenarios": (),
            "dropped": acceptance.dropped + len(acceptance.scenarios),
            "note": note,
        }
    )
