"""The gate of held-out acceptance: the repo does what was decided before it was built, in calls its builder never saw.

Each call is made in a folder of its own beside the clone, which the program can read and not change, and of which
nothing but what goes into the call is laid on the disk: what has to come of it stays with the factory. What an agent
is told of a call that failed is what the contract asks for and the kind of fault, and never a value of it.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from factory_assets.domain.acceptance import (
    Acceptance,
    Expectation,
    HeldScenario,
    Scenario,
    ScenarioFault,
    ScenarioResult,
)
from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.readings import DISPUTES_FILE
from factory_assets.domain.specs import Language
from factory_assets.domain.text import strip_hidden, tail
from factory_assets.domain.trees import REGULAR, Tree, TreeFile
from factory_assets.folders import remove_folder
from factory_assets.gates.base import Context
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.environment import program_environment
from factory_assets.gates.expectations import mismatch
from factory_assets.gates.names import ACCEPTANCE
from factory_assets.gates.scenario_folder import MOST_BYTES, ScenarioFolder
from factory_assets.gates.told import LEFT_OUT, told_behaviour
from factory_assets.languages import LANGUAGES
from factory_assets.languages.entry_points import EntryPrograms, Start, find_programs

SECONDS_EACH = 10.0
_FOLDER = "given"
_NOT_STARTED = frozenset({126, 127})
_LONGEST_ACCOUNT = 6000
_FIX = (
    f"Make it do what the contract in SPEC.md says, for every input of that kind; {LEFT_OUT} stands for what is held"
    f" out. If the contract says otherwise, write so into {DISPUTES_FILE}: a heading with the number, the contract's"
    " own words as a quote, then your reason."
)


def run_scenarios(
    scenarios: Sequence[HeldScenario],
    *,
    name: str,
    language: Language,
    clone: Path,
    tree: Tree,
    commands: CommandRunner,
    seconds: float,
    env: Mapping[str, str],
    folders: tuple[str, ...],
) -> tuple[ScenarioResult, ...]:
    """What comes of each, in order.

    Args:
        scenarios: what is called, and what has to come of it.
        name: the command that is meant, unless the tree has exactly one.
        language: how programs are found, compiled and started.
        clone: a fresh clone in which the dependencies are installed. It is brought back to `tree` before and after.
        tree: the commit that the clone is of.
        commands: what runs the untrusted commands; they have no network.
        seconds: limit of all together, what is compiled included; each call has 10 seconds.
        env: variables by which the installed dependencies are found.
        folders: top-level folders of the clone that are not in the tree and are kept, such as node_modules.

    Raises:
        InputError: a scenario names a file that lies outside of its folder.
    """
    calls = _Calls(
        programs=find_programs(LANGUAGES[language].entry_points, tree),
        name=name,
        clone=clone,
        folders=folders,
        commands=commands,
        ends=time.monotonic() + seconds,
        env=env,
    )
    results: dict[int, ScenarioResult] = {}
    try:
        # The clone is restored for each snippet, and what was compiled for the command is gone then.
        for held in sorted(scenarios, key=lambda held: bool(held.scenario.snippet)):
            fault, happened = calls.make(held.scenario)
            account = strip_hidden(happened)[:_LONGEST_ACCOUNT]
            results[held.number] = ScenarioResult(number=held.number, fault=fault, happened=account)
    finally:
        calls.end()
    return tuple(results[held.number] for held in scenarios)


def run_in(context: Context, scenarios: Sequence[HeldScenario], *, name: str) -> tuple[ScenarioResult, ...]:
    """What comes of them in the clone that the gates of a commit run in.

    What its programs are seen to do here is kept from the gate on harm, which agents are told of: a program could tell
    them by it what it was given.
    """
    runs = context.runs
    return run_scenarios(
        scenarios,
        name=name,
        language=context.language,
        clone=runs.clone.folder,
        tree=runs.final.tree,
        commands=runs.commands,
        seconds=runs.seconds(),
        env=runs.clone.env,
        folders=runs.clone.folders,
    )


def judge_acceptance(context: Context) -> GateVerdict:
    """What the scenarios of the build came to; where none are held out, nobody asks."""
    assert context.accept is not None  # noqa: S101 - see the row of the gate
    return context.accept(context)


def acceptance_verdict(acceptance: Acceptance, results: Sequence[ScenarioResult]) -> GateVerdict:
    """Refuse unless all have passed, in words that hold no value of any of them: agents read this."""
    by_number = {result.number: result for result in results}
    refused = [
        f"{held.number}. {told_behaviour(held.scenario, acceptance.contract)}: "
        + (result.fault if result and result.fault else ScenarioFault.NOT_STARTED)
        for held in acceptance.active
        if (result := by_number.get(held.number)) is None or result.fault is not None
    ]
    shown = sum(held.is_example for held in acceptance.active)
    passed = f"{len(acceptance.active)} scenarios passed, of which the builder had seen {shown}"
    return GateVerdict(
        gate=ACCEPTANCE,
        phase=Phase.BUILD,
        passed=not refused,
        saw="\n".join(refused) or passed,
        fix=_FIX if refused else "",
    )


class _Calls:
    """Makes the calls of one clone, one after the other, until the time is used up."""

    def __init__(
        self,
        *,
        programs: EntryPrograms,
        name: str,
        clone: Path,
        folders: tuple[str, ...],
        commands: CommandRunner,
        ends: float,
        env: Mapping[str, str],
    ) -> None:
        self._programs = programs
        self._name = name
        self._clone = clone.resolve()
        self._folders = folders
        self._commands = commands
        self._ends = ends
        self._env = program_environment(self._clone, programs.entries, programs.tree, env)
        self._folder = ScenarioFolder(self._clone.parent / _FOLDER)
        self._command: Start | str | None = None

    def make(self, scenario: Scenario) -> tuple[ScenarioFault | None, str]:
        """One call: the kind of its fault, if it has one, and what happened."""
        started, linked = self._started(scenario)
        shown = (
            "$ (the snippet)" if scenario.snippet else f"$ {shlex.join((self._name, *scenario.arguments))}"
        )
        shown += " < stdin" if scenario.stdin else ""
        if isinstance(started, str):
            return ScenarioFault.NOT_STARTED, f"{shown}\n{started}"
        files = {file.path: file.text for file in scenario.files}
        links = {folder: self._clone / folder for folder in linked}
        self._folder.lay(files, stdin=scenario.stdin, linked=links)
        result = self._run(self._folder.script((*started.argv, *scenario.arguments)), self._folder.folder)
        if result is None:
            return ScenarioFault.TIMED_OUT, f"{shown}\nthere was no time left to call it"
        faults = tuple(self._faults(scenario, result))
        lines = [line for _, line in faults] or ["all as asked for"]
        lines += [f"it {one.kind} {one.what}" for one in result.sightings]
        return (faults[0][0] if faults else None), "\n".join([shown, *lines])

    def end(self) -> None:
        """Leave the clone as it was."""
        remove_folder(self._folder.folder)
        self._restore(self._programs.tree)

    def _started(self, scenario: Scenario) -> tuple[Start | str, tuple[str, ...]]:
        """How it is started, or in words why it cannot be, and the folders that are linked for it."""
        if scenario.snippet:
            tree = self._programs.tree
            snippet = self._programs.entries.snippet(tree, self._clone)
            code = snippet.adapted(scenario.snippet).encode("utf-8", "replace")
            self._restore({**tree, snippet.path: TreeFile(REGULAR, "", len(code), code)})
            return self._built(snippet.start), snippet.linked
        if self._command is None:
            self._command = self._start_command()
        return self._command, ()

    def _start_command(self) -> Start | str:
        found = self._programs.own_command(self._name)
        if found is None:
            return f"nothing in the repo installs the command {self._name}"
        self._restore(self._programs.tree)
        return self._built(self._programs.entries.anywhere(*found, self._clone))

    def _restore(self, tree: Tree) -> None:
        Checkout(self._clone, tree, self._folders).restore()

    def _built(self, start: Start) -> Start | str:
        """The same once it is compiled; in words what came of compiling it."""
        if not start.build:
            return start
        made = shlex.quote(start.made)
        script = f'rm -f {made}; mkdir -p "$(dirname {made})"; {shlex.join(start.build)}; [ -f {made} ]'
        result = self._run(script, self._clone, most=self._ends - time.monotonic())
        if result is None:
            return "there was no time left to compile it"
        if result.exit_code or result.timed_out or result.stopped:
            return f"it does not compile:\n{tail(result.output)}"
        return start

    def _run(self, script: str, folder: Path, *, most: float = SECONDS_EACH) -> CommandResult | None:
        left = min(most, self._ends - time.monotonic())
        if left <= 1:
            return None
        beside = () if folder == self._clone else (self._clone,)
        return self._commands.run(
            Command(
                argv=("bash", "-c", script),
                workspace=folder,
                timeout_seconds=left,
                env=self._env,
                readable=beside,
            )
        )

    def _faults(self, scenario: Scenario, result: CommandResult) -> Iterator[tuple[ScenarioFault, str]]:
        if result.timed_out:
            yield ScenarioFault.TIMED_OUT, f"it was stopped after {result.seconds:.0f} s"
            return
        printed = {"stdout": self._folder.stdout, "stderr": self._folder.stderr}
        for of, text in printed.items():
            if text is None:
                yield ScenarioFault.OUTPUT, f"{of}: more than {MOST_BYTES:,} bytes"
        if result.stopped or result.exit_code != scenario.exit_code:
            missing = result.exit_code in _NOT_STARTED and not printed["stdout"]
            yield (
                ScenarioFault.NOT_STARTED if missing else ScenarioFault.EXIT_CODE,
                f"exit code: {scenario.exit_code} was asked for, {result.exit_code} came"
                + (f" ({result.stopped})" if result.stopped else "")
                + "".join(f"\n{of}:\n{tail(text)}" for of, text in printed.items() if text),
            )
        for expectation in scenario.expects:
            yield from self._unmet(expectation, printed)

    def _unmet(
        self, expectation: Expectation, printed: Mapping[str, str | None]
    ) -> Iterator[tuple[ScenarioFault, str]]:
        if expectation.of in printed:
            text, kind = printed[expectation.of], ScenarioFault.OUTPUT
        else:
            text, kind = self._folder.file(expectation.of), ScenarioFault.FILE
            if text is None:
                yield kind, f"{expectation.of}: no such file, or one of more than {MOST_BYTES:,} bytes"
        if text is not None and (fault := mismatch(expectation, text)) is not None:
            yield kind, f"{expectation.of}: {fault}"
