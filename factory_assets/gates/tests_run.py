"""The gates that run the tests of a commit in a fresh clone: they are run, they pass, and enough are executed.

Whether they are run is shown by failing tests that are put into all test files: `make test`, whose recipe is the
factory's own, must fail and show each, and so must the factory's own run. That is what a repo that replaces the
runner, leaves tests out or ends the process early cannot answer, however it does it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from factory_assets.domain.agents import CommandResult, CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.text import strip_hidden, tail
from factory_assets.domain.trees import Tree
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.names import TESTS_EXECUTED, TESTS_PASS, TESTS_RUN
from factory_assets.gates.probe import Probe, probes
from factory_assets.gates.runners import OwnRun, TestRunner, stopped
from factory_assets.gates.written import runs_nothing, test_files, unreported
from factory_assets.languages.test_runs import RunOutcome

FEWEST_TESTS = 3
MOST_ALONE = 8
"""How many files are tried with a failing test of their own where the run of all together leaves a doubt."""

_MISSING_FILE = re.compile(
    r"No such file or directory: '([^'\n]+)'|no such file or directory, \w+ '([^'\n]+)'"
    r"|open ([^\s:]+): no such file|([^\s:'\"]+): No such file or directory"
)
_KEPT = "Build the repo again; its last state is kept under refs/factory/failed."
_SHOWN_NAMES = 5


class TestRuns:
    """The runs of a fresh clone's tests, contained and without network. Each run is made once, when it is asked for.

    Args:
        language: whose test runner and report are used.
        clone: the fresh clone. It is brought back to `tree` before each run.
        tree: the files of the commit.
        commands: what runs the untrusted commands.
        seconds: wall-clock limit of each test run.
        env: what the dependencies need, beside the factory's own settings.
        folders: top-level folders of the clone that are not in the tree and are kept, such as node_modules.
    """

    __test__ = False

    def __init__(
        self,
        *,
        language: Language,
        clone: Path,
        tree: Tree,
        commands: CommandRunner,
        seconds: float,
        env: Mapping[str, str] | None = None,
        folders: tuple[str, ...] = (),
    ) -> None:
        self._language = language
        self._tree = tree
        self._seconds = seconds
        self._probes = tuple(probes(language, tree, seed=secrets.token_hex(8)))
        self.checkout = Checkout(clone, tree, folders)
        self.runner = TestRunner(language=language, checkout=self.checkout, commands=commands, env=env or {})

    @cached_property
    def made(self) -> CommandResult:
        """`make test`."""
        self.checkout.restore()
        return self.runner.make_test(self._seconds)

    @cached_property
    def own(self) -> OwnRun:
        """The factory's own run."""
        self.checkout.restore()
        return self.runner.build_and_test(self._seconds)

    def judge_running(self) -> GateVerdict:
        """Whether `make test` and the own run notice a failing test in each test file."""
        if not test_files(self._language, self._tree):
            return _verdict(
                TESTS_RUN, "the tree holds no tests in the form that the runner finds", passed=False
            )
        if not self._probes:
            saw = (
                "no test file could take a failing test: none of them holds a test that the runner finds here"
            )
            return _verdict(TESTS_RUN, saw, passed=False)
        faults = tuple(self._own_faults()) or tuple(self._make_faults())
        if faults:
            return _verdict(TESTS_RUN, "\n".join(faults), passed=False)
        files = ", ".join(probe.path for probe in self._probes[:_SHOWN_NAMES])
        more = f" and {len(self._probes) - _SHOWN_NAMES} more" if len(self._probes) > _SHOWN_NAMES else ""
        saw = f"`make test` and the factory's own run notice a failing test in {files}{more}"
        return _verdict(TESTS_RUN, saw, passed=True)

    def _own_faults(self) -> Iterator[str]:
        self.checkout.restore({probe.path: probe.text for probe in self._probes})
        own = self.runner.build_and_test(self._seconds)
        failed = [case.name for case in own.report.cases if case.outcome is RunOutcome.FAILED]
        unseen = [probe for probe in self._probes if not any(name.endswith(probe.name) for name in failed)]
        if unseen:
            where = ", ".join(probe.path for probe in unseen)
            yield (
                f"the factory's own run ({own.command}) does not show a failing test that was put into {where}"
                f"{f': {own.fault}' if own.fault else ''}\n{_shown(own.result.output)}"
            )
        elif not self._executes_its_own(own):
            yield f"no test is executed but those that were put in ({own.command})\n{_shown(own.result.output)}"

    def _executes_its_own(self, probed: OwnRun) -> bool:
        marks = [probe.mark for probe in self._probes]
        ran = (
            case.name
            for case in probed.report.cases
            if case.outcome in {RunOutcome.PASSED, RunOutcome.FAILED}
        )
        # A shell script ends at the failing test that was put in.
        return any(not any(mark in name for mark in marks) for name in ran) or self.own.report.executed > 0

    def _make_faults(self) -> Iterator[str]:
        """All failing tests at once, then alone each that the output does not name: it may not have been run."""
        together = self._make_with(self._probes)
        doubtful = [probe for probe in self._probes if probe.mark not in together.output]
        tried: list[tuple[Sequence[Probe], CommandResult]] = [(self._probes, together)]
        if not together.stopped and not together.timed_out and together.exit_code != 0:
            # Their marks are drawn by lot, and so is the choice.
            chosen = sorted(doubtful, key=lambda probe: probe.mark)[:MOST_ALONE]
            tried += [((probe,), self._make_with((probe,))) for probe in chosen]
        for added, result in tried:
            if result.timed_out or result.stopped:
                yield f"`make test` {_ending(result)}: {stopped(result)}\n{_shown(result.output)}"
            elif result.exit_code == 0:
                where = ", ".join(probe.path for probe in added)
                yield (
                    f"`make test` does not notice a failing test: it ended with 0 although one in {where} failed"
                    f"\n{_shown(result.output)}"
                )

    def _make_with(self, added: Sequence[Probe]) -> CommandResult:
        self.checkout.restore({probe.path: probe.text for probe in added})
        return self.runner.make_test(self._seconds)

    def judge_passing(self) -> GateVerdict:
        """Whether `make test` passes."""
        made = self.made
        reason = "" if _succeeded(made) else _why(made, self._tree, self.checkout.folder)
        saw = f"`make test` in a fresh clone {_ending(made)}{reason}\n{_shown(made.output)}"
        return _verdict(TESTS_PASS, saw, passed=_succeeded(made))

    def judge_executed(self) -> GateVerdict:
        """Whether the own run executes enough tests, all that are written, and none fails."""
        own = self.own
        report = own.report
        skipped = f", {report.skipped} skipped" if report.skipped else ""
        counted = (
            f"{report.executed} tests executed, {len(report.failed)} failed{skipped} ({own.command} ended with"
            f" {own.result.exit_code}; at least {FEWEST_TESTS} are asked for)"
        )
        faults = self._count_faults(own)
        if not faults:
            return _verdict(TESTS_EXECUTED, counted, passed=True)
        saw = "\n".join((f"{counted}: {faults[0]}", *faults[1:], _shown(own.result.output)))
        return _verdict(TESTS_EXECUTED, saw, passed=False)

    def _count_faults(self, own: OwnRun) -> tuple[str, ...]:
        """Why the own run is no proof, the plainest reason first."""
        if own.fault:
            return (own.fault,)
        counts = self._count_fault(own)
        if counts:
            return (counts,)
        missing = unreported(self._language, self._tree, own.report)
        if missing:
            listed = ", ".join(f"{test.path} {test.name}" for test in missing[:_SHOWN_NAMES])
            return (f"{len(missing)} written tests are not in the report, not even as skipped: {listed}",)
        return tuple(
            f"{path} reports tests and names no file of this repo that it could test"
            for path in runs_nothing(self._language, self._tree)
        )

    @staticmethod
    def _count_fault(own: OwnRun) -> str:
        """The first that holds of what may be wrong with the numbers of a report."""
        report, ending = own.report, own.result.exit_code
        faults = (
            (bool(report.failed), f"failed: {', '.join(report.failed[:_SHOWN_NAMES])}"),
            (not report.cases, f"no test was collected ({own.command} ended with {ending})"),
            (report.executed == 0, f"all {report.skipped} tests are skipped"),
            (ending != 0, f"no test failed, and yet {own.command} ended with {ending}"),
            (report.executed < FEWEST_TESTS, f"fewer than {FEWEST_TESTS} tests"),
        )
        return next((text for holds, text in faults if holds), "")


def _verdict(gate: str, saw: str, *, passed: bool) -> GateVerdict:
    # The phase is the one that is judged: see building/judge.py.
    return GateVerdict(gate=gate, phase=Phase.REVIEW, passed=passed, saw=saw, fix="" if passed else _KEPT)


def _why(made: CommandResult, tree: Tree, clone: Path) -> str:
    """What a failure of `make test` comes from, where the output tells."""
    if made.timed_out or made.stopped:
        return f": {stopped(made)}"
    asked = [seen.what for seen in made.sightings if seen.kind.is_of_the_network]
    if asked:
        return f": the tests need a network, for {', '.join(asked[:_SHOWN_NAMES])}"
    for groups in _MISSING_FILE.findall(made.output):
        path = next(group for group in groups if group).removeprefix(f"{clone}/").removeprefix("./")
        if not path.startswith(("/", "..")) and path not in tree:
            return f": the tests need {path}, which is not in the commit"
    return ""


def _succeeded(result: CommandResult) -> bool:
    return result.exit_code == 0 and not result.timed_out and not result.stopped


def _ending(result: CommandResult) -> str:
    if result.timed_out:
        return f"was stopped after {result.seconds:.0f} s"
    return f"ended with {result.exit_code} after {result.seconds:.1f} s"


def _shown(output: str) -> str:
    return strip_hidden(tail(output))
