"""The factory's own run of a repo's tests: each language's toolchain, called so that the repo cannot replace it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.domain.specs import Language
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.environment import gate_environment
from factory_assets.gates.written import test_files
from factory_assets.languages import LANGUAGES
from factory_assets.languages.test_runs import TestPlan, TestReport, TestStep

_NOTHING_RUN = CommandResult(0, "", timed_out=False, seconds=0.0)


@dataclass(frozen=True)
class OwnRun:
    """What one own run came to. `fault` says in words why there is no whole report, and is empty else."""

    command: str
    result: CommandResult
    report: TestReport
    fault: str = ""

    @property
    def green(self) -> bool:
        """Whether everything that ran passed, by the report and by the exit code alike."""
        return not self.fault and not self.report.failed and self.result.exit_code == 0


class TestRunner:
    """Runs the tests that lie in a checkout, contained and without network.

    What this does not prevent: the tests run in the runner's process (Python, Rust, Go) or in a child of it that
    talks to it (node), so one written for the purpose could forge what the report says. gates/probe.py is held
    against that: a failing test with a name that nobody knows beforehand must show in the report.
    """

    __test__ = False

    def __init__(
        self, *, language: Language, checkout: Checkout, commands: CommandRunner, env: Mapping[str, str]
    ) -> None:
        self._language = language
        self._own = LANGUAGES[language].own_tests
        self._checkout = checkout
        self._commands = commands
        self._env = gate_environment(checkout.folder, env)

    def make_test(self, seconds: float) -> CommandResult:
        """Run the repo's own `make test`."""
        return self.run(seconds, "make", "test")

    def build(self, seconds: float) -> CommandResult | None:
        """Compile what is compiled, tests too; None for what is not compiled."""
        return self.run(seconds, *self._own.build) if self._own.build else None

    def test(self, seconds: float) -> OwnRun:
        """Run the tests, built beforehand where the language is compiled, and read the report."""
        tree = self._checkout.tree
        files = test_files(self._language, tree)
        plan = TestPlan(tree=tree, files=files, folder=self._checkout.folder, env=self._env)
        whole = OwnRun(self._own.name, _NOTHING_RUN, TestReport())
        for step in self._own.steps(plan) if files else ():
            result = self.run(max(1.0, seconds - whole.result.seconds), *step.argv)
            whole = _with(whole, step, result)
            if result.timed_out or result.stopped:
                break
        return whole

    def build_and_test(self, seconds: float) -> OwnRun:
        """Both; a build that fails is a run without a report."""
        built = self.build(seconds) if self._own.builds_first else None
        if built is not None and (built.timed_out or built.exit_code != 0):
            return OwnRun(" ".join(self._own.build), built, TestReport(), "the sources do not compile")
        return self.test(seconds)

    def run(self, seconds: float, *argv: str) -> CommandResult:
        """Run a command in the checkout."""
        return self._commands.run(
            Command(argv=argv, workspace=self._checkout.folder, timeout_seconds=seconds, env=self._env)
        )


def _with(whole: OwnRun, step: TestStep, result: CommandResult) -> OwnRun:
    """A run with one more command in it."""
    fault, report = "", TestReport()
    try:
        report = step.read(result.output)
    except ValueError as error:
        fault = str(error)
    if step.fault_without_failure and result.exit_code != 0 and not report.failed:
        fault = step.fault_without_failure.format(result.exit_code)
    if result.timed_out or result.stopped:
        fault = stopped(result)
    output = result.output
    if step.hidden:
        output = "\n".join(line for line in output.splitlines() if not line.startswith(step.hidden))
    before = whole.result
    together = replace(
        result,
        exit_code=before.exit_code or result.exit_code,
        output=before.output + output,
        seconds=before.seconds + result.seconds,
    )
    return OwnRun(whole.command, together, whole.report + report, whole.fault or fault)


def stopped(result: CommandResult) -> str:
    """The words for a run that took too long, or too much."""
    if result.stopped:
        return f"the run was stopped: {result.stopped}"
    return f"the tests hang: the run was stopped after {result.seconds:.0f} s"
