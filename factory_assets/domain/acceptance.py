"""Held-out acceptance: what a repo has to do, decided before it is built by somebody who does not build it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

# The stage in the ledger of its calls, which belong to a build and to none of its phases.
ACCEPT_STAGE = "accept"
# How many scenarios the builder is shown, and how many there must be for any to be held out.
EXAMPLES, FEWEST = 3, 4


class Form(StrEnum):
    """How an output is compared with a value.

    - exact: the same text, but for white space at its end.
    - contains: the value is a part of it.
    - regex: the value is a regular expression of RE2's that matches somewhere, line by line.
    - json: the output is JSON that holds the value's keys and items; it may have more keys.
    - number: the first number after the value's text is the number at the value's end, within the tolerance.
    """

    EXACT = "exact"
    CONTAINS = "contains"
    REGEX = "regex"
    JSON = "json"
    NUMBER = "number"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OptionForm(_Strict):
    """One option of a command."""

    name: str = Field(description="As it is typed, with what it takes: `--min-count N`.")
    does: str = Field(description="What it does, and its default.")


class ExitCode(_Strict):
    """One exit code, and when it comes."""

    code: int
    when: str


class CommandForm(_Strict):
    """One way to call the command."""

    usage: str = Field(description="The whole line: `tool-name [OPTIONS] FILE`.")
    does: str = Field(description="What it reads, and exactly what it prints, line by line.")
    options: tuple[OptionForm, ...]
    exit_codes: tuple[ExitCode, ...]


class FunctionForm(_Strict):
    """One public function of the library."""

    signature: str = Field(
        description="In the repo's language, with types and the module it is imported from."
    )
    does: str = Field(description="What it returns for which input, and what it raises.")


class FileForm(_Strict):
    """The form of one kind of file that is read or written."""

    name: str
    form: str


class Contract(_Strict):
    """What a spec leaves open, decided: a stranger can say from it alone what each call gives."""

    commands: tuple[CommandForm, ...]
    functions: tuple[FunctionForm, ...]
    files: tuple[FileForm, ...]
    rules: tuple[str, ...] = Field(
        description="What holds for all of it: order, rounding, ties, empty input."
    )

    @property
    def text(self) -> str:
        """All of it as lines of plain text."""
        lines: list[str] = []
        for command in self.commands:
            lines += [f"Command: {command.usage}", command.does]
            lines += [f"Option {option.name}: {option.does}" for option in command.options]
            lines += [f"Exit code {exit_code.code}: {exit_code.when}" for exit_code in command.exit_codes]
        for function in self.functions:
            lines += [f"Function: {function.signature}", function.does]
        lines += [f"File {file.name}: {file.form}" for file in self.files]
        lines += [f"Rule: {rule}" for rule in self.rules]
        return "\n".join(lines)


class ScenarioFile(_Strict):
    """A file that lies in the folder where the command is called."""

    path: str
    text: str


class Expectation(_Strict):
    """What one output has to be. `of` is stdout, stderr or the path of a file that is written."""

    of: str = Field(description="`stdout`, `stderr`, or the path of a file that the call writes.")
    form: Form
    value: str
    tolerance: float = Field(description="For numbers, also those in JSON: how far off they may be. Else 0.")


class Scenario(_Strict):
    """One call, and what has to come of it. It is a call of the command, or a snippet where that is not empty."""

    title: str = Field(description="Three to eight words.")
    behaviour: str = Field(
        description="What the contract asks for with this kind of input, in one sentence that quotes no value of it."
    )
    arguments: tuple[str, ...] = Field(
        description="What follows the command's name; empty where there is a snippet."
    )
    snippet: str = Field(
        description="Code in the repo's language that calls the library and prints the result, or nothing."
    )
    stdin: str
    files: tuple[ScenarioFile, ...]
    exit_code: int
    expects: tuple[Expectation, ...]


class HeldScenario(BaseModel):
    """A scenario that counts. `number` never changes; `struck` says why it counts no more.

    `is_disputed` is whether an agent has disputed it, which it can do once.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    scenario: Scenario
    is_example: bool = False
    is_disputed: bool = False
    struck: str = ""


class Acceptance(BaseModel):
    """What was agreed for one spec before its build. `note` says why nothing, or less than was written, is held out.

    `dropped` counts scenarios that were written and never counted.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    contract: Contract
    scenarios: tuple[HeldScenario, ...] = ()
    dropped: int = 0
    note: str = ""

    @property
    def active(self) -> tuple[HeldScenario, ...]:
        """Those that a repo has to pass."""
        return tuple(held for held in self.scenarios if not held.struck)

    @property
    def held_out(self) -> tuple[HeldScenario, ...]:
        """Those that the builder is not shown."""
        return tuple(held for held in self.active if not held.is_example)

    @property
    def examples(self) -> tuple[HeldScenario, ...]:
        """Those that the builder is shown."""
        return tuple(held for held in self.scenarios if held.is_example)

    @property
    def digest(self) -> str:
        """SHA-256 of the contract and the scenarios as they were agreed: what is struck later changes nothing."""
        agreed = [held.model_copy(update={"struck": "", "is_disputed": False}) for held in self.scenarios]
        kept = Acceptance(model="", contract=self.contract, scenarios=tuple(agreed))
        return hashlib.sha256(kept.model_dump_json().encode()).hexdigest()

    @property
    def words(self) -> str:
        """What is held out, in a line."""
        return (
            self.note
            or f"{len(self.active)} scenarios by {self.model}, {len(self.held_out)} of them held out"
        )

    def disputed(self, number: int, *, struck: str = "") -> Acceptance:
        """The same after a dispute over one scenario; `struck` says why it was wrong, where it was."""
        scenarios = tuple(
            held.model_copy(update={"is_disputed": True, "struck": struck}) if held.number == number else held
            for held in self.scenarios
        )
        return self.model_copy(update={"scenarios": scenarios})


NOTHING_AGREED = Acceptance(model="", contract=Contract(commands=(), functions=(), files=(), rules=()))


class ScenarioFault(StrEnum):
    """In what way a scenario failed: all that may be told to whom it is held out from."""

    NOT_STARTED = "it could not be started"
    TIMED_OUT = "it did not end in time"
    EXIT_CODE = "it ended with another exit code"
    OUTPUT = "what it printed is not what was asked for"
    FILE = "a file that was asked for is missing or another"


class ScenarioResult(BaseModel):
    """What came of one scenario. `happened` is the whole evidence, for the operator's eyes and no agent's."""

    model_config = ConfigDict(frozen=True)

    number: int
    fault: ScenarioFault | None
    happened: str

    @property
    def passed(self) -> bool:
        """Whether all was as asked for."""
        return self.fault is None


def scenario_standing(held: HeldScenario, result: ScenarioResult | None) -> str:
    """What became of a scenario, in a line."""
    if held.struck:
        return f"struck: {held.struck}"
    if result is None:
        return "not run"
    return "passed" if result.fault is None else f"failed: {result.fault}"


def acceptance_standing(acceptance: Acceptance, results: Iterable[ScenarioResult]) -> str:
    """How many of the scenarios that count have passed, in a line; where there are none, why."""
    if not acceptance.active:
        return acceptance.note or "no scenarios"
    counting = {held.number for held in acceptance.active}
    known = [result for result in results if result.number in counting]
    passed = sum(result.passed for result in known)
    held_out = f"{len(acceptance.held_out)} of them held out"
    if not known:
        told = f"{len(counting)} scenarios, {held_out}, not run in this run"
    elif passed == len(counting):
        told = f"all {passed} scenarios passed, {held_out}"
    else:
        told = f"{passed} of {len(counting)} scenarios passed"
    struck = len(acceptance.scenarios) - len(counting)
    return f"{told}; {struck} struck" if struck else told


class AcceptanceCounts(BaseModel):
    """How many scenarios a shipped repo has passed, how many of them were held out, and how many were struck before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    passed: int
    held_out: int
    struck: int

    @property
    def words(self) -> str:
        """All of it in a line."""
        return f"{self.passed}, {self.held_out} of them held out; {self.struck} struck"
