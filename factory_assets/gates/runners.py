"""The factory's own run of a repo's tests: each language's toolchain, called so that the repo cannot replace it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.domain.specs import Language
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.environment import gate_environment
from factory_assets.gates.reports import (
    TestReport,
    read_cargo,
    read_go,
    read_junit,
    read_pytest,
    read_tap,
)
from factory_assets.gates.written import test_files
from factory_assets.languages.project_files import python_folders
from factory_assets.languages.pytest_options import kept_options

_DRIVER = Path(__file__).with_name("pytest_driver.py")
_PACKAGES = "PYTHONPATH"


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
        self._checkout = checkout
        self._commands = commands
        self._env = gate_environment(checkout.folder, env)

    def make_test(self, seconds: float) -> CommandResult:
        """Run the repo's own `make test`."""
        return self.run(seconds, "make", "test")

    def build(self, seconds: float) -> CommandResult | None:
        """Compile what is compiled, tests too; None for what is not compiled."""
        match self._language:
            case Language.GO:
                return self.run(seconds, "go", "vet", "./...")
            case Language.RUST:
                return self.run(seconds, "cargo", "test", "--offline", "--no-run")
            case Language.TYPESCRIPT:
                compiler = "node_modules/typescript/bin/tsc"
                return self.run(
                    seconds,
                    *("node", compiler, "-p", "tsconfig.json", "--rootDir", ".", "--outDir", "dist"),
                    *("--noEmit", "false", "--incremental", "false", "--composite", "false"),
                )
            case Language.PYTHON | Language.BASH:
                return None

    def test(self, seconds: float) -> OwnRun:
        """Run the tests, built beforehand where the language is compiled, and read the report."""
        match self._language:
            case Language.PYTHON:
                return self._python(seconds)
            case Language.TYPESCRIPT:
                return self._typescript(seconds)
            case Language.GO:
                return self._read(read_go, seconds, "go", "test", "-json", "-count=1", "./...")
            case Language.RUST:
                return self._read(read_cargo, seconds, "cargo", "test", "--offline", "--no-fail-fast")
            case Language.BASH:
                return self._bash(seconds)

    def build_and_test(self, seconds: float) -> OwnRun:
        """Both; a build that fails is a run without a report. Go and cargo build by themselves."""
        if self._language is Language.TYPESCRIPT:
            built = self.build(seconds)
            if built is not None and (built.timed_out or built.exit_code != 0):
                return OwnRun("tsc -p tsconfig.json", built, TestReport(), "the sources do not compile")
        return self.test(seconds)

    def run(self, seconds: float, *argv: str) -> CommandResult:
        """Run a command in the checkout."""
        return self._commands.run(
            Command(argv=argv, workspace=self._checkout.folder, timeout_seconds=seconds, env=self._env)
        )

    def _python(self, seconds: float) -> OwnRun:
        mark = f"@{secrets.token_hex(16)}@"
        files = test_files(Language.PYTHON, self._checkout.tree)
        if not files:
            return _nothing_to_run("python3 -m pytest")
        result = self.run(
            seconds,
            *("python3", "-I", "-c", _DRIVER.read_text(encoding="utf-8")),
            *(mark, json.dumps(self._import_folders()), json.dumps(files)),
            json.dumps(kept_options(self._checkout.tree)),
        )
        return _read_result(
            "python3 -m pytest", result, lambda output: read_pytest(output, mark=mark), hide=mark
        )

    def _import_folders(self) -> list[str]:
        folder = self._checkout.folder.resolve()
        own = [folder / name for name in python_folders(self._checkout.tree)]
        more = [path for path in self._env.get(_PACKAGES, "").split(":") if path]
        return [*dict.fromkeys(str(path) for path in own if path.is_relative_to(folder)), *more]

    def _typescript(self, seconds: float) -> OwnRun:
        compiled = [
            f"dist/{path.removesuffix('.ts')}.js"
            for path in test_files(Language.TYPESCRIPT, self._checkout.tree)
        ]
        if not compiled:
            return _nothing_to_run("node --test")
        reporter = ("--test-reporter=junit", "--test-reporter-destination=stdout")
        result = self.run(seconds, "node", "--test", *reporter, *compiled)
        return _read_result("node --test", result, lambda output: read_junit(output, files=compiled))

    def _bash(self, seconds: float) -> OwnRun:
        report, last, fault = TestReport(), CommandResult(0, "", timed_out=False, seconds=0.0), ""
        for script in test_files(Language.BASH, self._checkout.tree):
            program = ("bats", "--tap") if script.endswith(".bats") else ("bash",)
            result = self.run(max(1.0, seconds - last.seconds), *program, script)
            one = read_tap(result.output, script=script)
            report += one
            if result.exit_code != 0 and not one.failed and not fault:
                fault = f"{script} ended with {result.exit_code} and reports no failed test"
            last = CommandResult(
                exit_code=last.exit_code or result.exit_code,
                output=last.output + result.output,
                timed_out=last.timed_out or result.timed_out,
                seconds=last.seconds + result.seconds,
            )
            if result.timed_out or result.stopped:
                fault = f"{script}: {stopped(result)}"
                break
        return OwnRun("bash tests/test_*.sh", last, report, fault)

    def _read(self, reader: Callable[[str], TestReport], seconds: float, *argv: str) -> OwnRun:
        return _read_result(" ".join(argv), self.run(seconds, *argv), reader)


def _read_result(
    command: str, result: CommandResult, reader: Callable[[str], TestReport], *, hide: str = ""
) -> OwnRun:
    fault, report = "", TestReport()
    try:
        report = reader(result.output)
    except ValueError as error:
        fault = str(error)
    if result.timed_out or result.stopped:
        fault = stopped(result)
    if hide:
        shown = "\n".join(line for line in result.output.splitlines() if not line.startswith(hide))
        result = replace(result, output=shown)
    return OwnRun(command, result, report, fault)


def stopped(result: CommandResult) -> str:
    """The words for a run that took too long, or too much."""
    if result.stopped:
        return f"the run was stopped: {result.stopped}"
    return f"the tests hang: the run was stopped after {result.seconds:.0f} s"


def _nothing_to_run(command: str) -> OwnRun:
    return OwnRun(command, CommandResult(0, "", timed_out=False, seconds=0.0), TestReport())
