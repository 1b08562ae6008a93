"""Gates of the review phase: the commit, in a fresh clone, passes its tests, and they are really executed.

Four questions, each answered by a run of its own in the clone as it was committed: does `make test` pass; does the
factory's own run pass, with every written test in its report; does that report show a failing test that was put in;
and does `make test` fail when there is one. The last two are what a faked runner or a lying Makefile cannot answer.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.agents import CommandResult, CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.specs import Language
from factory_assets.domain.text import strip_hidden, tail
from factory_assets.domain.trees import Tree
from factory_assets.gates.canary import Canary, canaries
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.names import TESTS_EXECUTED, TESTS_PASS
from factory_assets.gates.reports import Outcome
from factory_assets.gates.runners import OwnRun, TestRunner, stopped
from factory_assets.gates.shadows import shadow_faults
from factory_assets.gates.written import runs_nothing, test_files, unreported

FEWEST_TESTS = 3

_NEEDS_NETWORK = re.compile(
    r"[Nn]etwork is unreachable|Temporary failure in name resolution|Could not resolve host|no such host"
    r"|Name or service not known|ENOTFOUND|EAI_AGAIN|ENETUNREACH"
)
_MISSING_FILE = re.compile(
    r"No such file or directory: '([^'\n]+)'|no such file or directory, \w+ '([^'\n]+)'"
    r"|open ([^\s:]+): no such file|([^\s:'\"]+): No such file or directory"
)
_NOTHING_DONE = re.compile(r"Nothing to be done for '?test'?|'?test'? is up to date")
_NO_TARGET = re.compile(r"No rule to make target '?test'?")
_KEPT = "Build the repo again; its last state is kept under refs/factory/failed."
_SHOWN_NAMES = 5


@dataclass(frozen=True)
class ReviewResult:
    """The verdicts on `make test` and on the factory's own run, and how many tests that run executed."""

    made: GateVerdict
    counted: GateVerdict
    tests_executed: int

    @property
    def verdicts(self) -> tuple[GateVerdict, ...]:
        """Both."""
        return self.made, self.counted


class TestGate:
    """Runs the tests of a fresh clone, contained and without network.

    Args:
        language: whose test runner and report are used.
        clone: the fresh clone. It is brought back to `tree` before each run and at the end.
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
        self._checkout = Checkout(clone, tree, folders)
        self._runner = TestRunner(
            language=language, checkout=self._checkout, commands=commands, env=env or {}
        )
        self._canaries = canaries(language, tree, seed=secrets.token_hex(8))

    def judge(self) -> ReviewResult:
        """Run `make test`, then the language's runner with a report; say what both saw."""
        self._checkout.restore()
        made = self._runner.make_test(self._seconds)
        if not _succeeded(made):
            return ReviewResult(self._refused_make(made), _not_run(), tests_executed=0)
        self._checkout.restore()
        own = self._runner.build_and_test(self._seconds)
        faults = self._own_faults(own) or self._unseen_canaries()
        executed = _executed(own, faults)
        judged = self._judge_make(made)
        self._checkout.restore()
        return ReviewResult(judged, executed, tests_executed=own.report.executed)

    def _refused_make(self, made: CommandResult) -> GateVerdict:
        reason = _why(made, self._tree, self._checkout.folder)
        saw = f"`make test` in a fresh clone {_ending(made)}{reason}\n{_shown(made.output)}"
        return _verdict(TESTS_PASS, saw, passed=False)

    def _judge_make(self, made: CommandResult) -> GateVerdict:
        """`make test` passed: does it fail, too, when a test fails? Asked for the first and the last test file."""
        ends = dict.fromkeys(self._canaries[:1] + self._canaries[-1:])
        for canary in ends:
            result = self._with(canary)
            if _succeeded(result):
                nothing = ": the target `test` runs nothing" if _NOTHING_DONE.search(result.output) else ""
                saw = (
                    f"`make test` does not notice a failing test: it ended with 0 although one in {canary.path} failed"
                    f"{nothing}\n{_shown(result.output)}"
                )
                return _verdict(TESTS_PASS, saw, passed=False)
        tried = (
            f"; it fails when a test in {' or '.join(canary.path for canary in ends)} fails" if ends else ""
        )
        saw = f"`make test` in a fresh clone {_ending(made)}{tried}\n{_shown(made.output)}"
        return _verdict(TESTS_PASS, saw, passed=True)

    def _with(self, canary: Canary) -> CommandResult:
        self._checkout.restore({canary.path: canary.text})
        return self._runner.make_test(self._seconds)

    def _own_faults(self, own: OwnRun) -> tuple[str, ...]:
        """Why the own run is no proof, the plainest reason first."""
        shadows = shadow_faults(self._language, self._tree)
        if shadows:
            return shadows
        if own.fault:
            return (own.fault,)
        counts = self._count_fault(own)
        if counts:
            return (counts,)
        missing = unreported(self._language, self._tree, own.report)
        if missing:
            listed = ", ".join(f"{test.path} {test.name}" for test in missing[:_SHOWN_NAMES])
            return (f"{len(missing)} written tests are not in the report, not even as skipped: {listed}",)
        idle = runs_nothing(self._tree) if self._language is Language.BASH else ()
        return tuple(
            f"{path} reports tests and names no file of this repo that it could test" for path in idle
        )

    def _count_fault(self, own: OwnRun) -> str:
        """The first that holds of what may be wrong with the numbers of a report."""
        report, ending = own.report, own.result.exit_code
        faults = (
            (bool(report.failed), f"failed: {', '.join(report.failed[:_SHOWN_NAMES])}"),
            (
                not test_files(self._language, self._tree),
                "the tree holds no tests in the form that the runner finds",
            ),
            (not report.cases, f"no test was collected ({own.command} ended with {ending})"),
            (report.executed == 0, f"all {report.skipped} tests are skipped"),
            (ending != 0, f"no test failed, and yet {own.command} ended with {ending}"),
            (report.executed < FEWEST_TESTS, f"fewer than {FEWEST_TESTS} tests"),
        )
        return next((text for holds, text in faults if holds), "")

    def _unseen_canaries(self) -> tuple[str, ...]:
        """Put a failing test into every test file: the report has to show each of them as failed."""
        if not self._canaries:
            return ("no test file could take a failing test, so the report is not proven",)
        self._checkout.restore({canary.path: canary.text for canary in self._canaries})
        own = self._runner.build_and_test(self._seconds)
        failed = [case.name for case in own.report.cases if case.outcome is Outcome.FAILED]
        unseen = [
            canary.path for canary in self._canaries if not any(name.endswith(canary.name) for name in failed)
        ]
        if not unseen:
            return ()
        where = ", ".join(unseen)
        told = f"the report does not show a failing test that was put into {where}: the repo decides what is reported"
        return (f"{told}{_detail(own)}",)


def _executed(own: OwnRun, faults: Sequence[str]) -> GateVerdict:
    report = own.report
    skipped = f", {report.skipped} skipped" if report.skipped else ""
    counted = (
        f"{report.executed} tests executed, {len(report.failed)} failed{skipped} ({own.command} ended with"
        f" {own.result.exit_code}; at least {FEWEST_TESTS} are asked for)"
    )
    if not faults:
        return _verdict(TESTS_EXECUTED, counted, passed=True)
    saw = "\n".join((f"{counted}: {faults[0]}", *faults[1:], _shown(own.result.output)))
    return _verdict(TESTS_EXECUTED, saw, passed=False)


def _not_run() -> GateVerdict:
    return GateVerdict(
        gate=TESTS_EXECUTED,
        phase=Phase.REVIEW,
        passed=False,
        saw="not counted, because `make test` did not pass",
        mend=f"See {TESTS_PASS}.",
    )


def _verdict(gate: str, saw: str, *, passed: bool) -> GateVerdict:
    return GateVerdict(gate=gate, phase=Phase.REVIEW, passed=passed, saw=saw, mend="" if passed else _KEPT)


def _why(made: CommandResult, tree: Tree, clone: Path) -> str:
    """What a failure of `make test` comes from, where the output tells."""
    if made.timed_out or made.stopped:
        return f": {stopped(made)}"
    if _NO_TARGET.search(made.output):
        return ": the Makefile has no target `test`"
    if _NEEDS_NETWORK.search(made.output):
        return ": the tests need a network"
    for groups in _MISSING_FILE.findall(made.output):
        path = next(group for group in groups if group).removeprefix(f"{clone}/").removeprefix("./")
        if not path.startswith(("/", "..")) and path not in tree:
            return f": the tests need {path}, which is not in the commit"
    return ""


def _detail(own: OwnRun) -> str:
    return f" ({own.fault})" if own.fault else ""


def _succeeded(result: CommandResult) -> bool:
    return result.exit_code == 0 and not result.timed_out and not result.stopped


def _ending(result: CommandResult) -> str:
    if result.timed_out:
        return f"was stopped after {result.seconds:.0f} s"
    return f"ended with {result.exit_code} after {result.seconds:.1f} s"


def _shown(output: str) -> str:
    return strip_hidden(tail(output))
