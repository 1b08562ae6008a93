"""Gates of the review phase: the commit, in a fresh clone, passes its tests, and they are really executed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from factory_assets.build.gates import TESTS_EXECUTED, TESTS_PASS
from factory_assets.build.gates.reports import TestCounts, count_cargo, count_go, count_junit, count_tap
from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.specs import Language
from factory_assets.domain.text import strip_hidden, tail

FEWEST_TESTS = 3

_REPORT = ".factory-report.xml"
_REPORT_LIMIT = 5_000_000
_ENV = {
    "CI": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "GOTOOLCHAIN": "local",
    "GOPROXY": "off",
    "CARGO_NET_OFFLINE": "true",
    "npm_config_update_notifier": "false",
}
_NETWORK_SIGNS = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH")


@dataclass(frozen=True)
class ReviewResult:
    """The verdicts on the tests, and how many tests the factory's own run executed."""

    verdicts: tuple[GateVerdict, ...]
    tests_executed: int


@dataclass(frozen=True)
class _OwnRun:
    command: str
    exit_code: int
    output: str
    counts: TestCounts


class TestGate:
    """Runs the tests of a fresh clone, contained and without network.

    Args:
        language: whose test runner and report are used.
        clone: the fresh clone; its tests may write into it.
        commands: what runs the untrusted commands.
        seconds: wall-clock limit of each test run.
    """

    __test__ = False

    def __init__(self, *, language: Language, clone: Path, commands: CommandRunner, seconds: float) -> None:
        self._language = language
        self._clone = clone
        self._commands = commands
        self._seconds = seconds
        # One cache for both runs: without it, each compiles Go's standard library anew.
        self._env = {**_ENV, "GOCACHE": str(clone / ".factory-go-cache")}

    def judge(self) -> ReviewResult:
        """Run `make test`, then the language's runner with a report; say what both saw.

        Raises:
            InfrastructureError: when a package registry cannot be reached.
        """
        made = self._prepare() or self._run("make", "test")
        passed = _succeeded(made)
        verdict = GateVerdict(
            gate=TESTS_PASS,
            phase=Phase.REVIEW,
            passed=passed,
            saw=f"`make test` in a fresh clone {_ending(made)}\n{_shown(made.output)}",
            mend="" if passed else "Build the repo again; its last state is kept under refs/factory/failed.",
        )
        if not passed:
            return ReviewResult(verdicts=(verdict, _not_run()), tests_executed=0)
        own = self._own_run()
        return ReviewResult(verdicts=(verdict, _judge_counts(own)), tests_executed=own.counts.executed)

    def _prepare(self) -> CommandResult | None:
        """Install what tests need before the network goes; a result only if that failed."""
        if self._language is not Language.TYPESCRIPT:
            return None
        verb = "ci" if (self._clone / "package-lock.json").is_file() else "install"
        argv = ("npm", verb, "--ignore-scripts", "--no-audit", "--no-fund")
        result = self._commands.run(
            Command(
                argv=argv, workspace=self._clone, timeout_seconds=self._seconds, network=True, env=self._env
            )
        )
        if _succeeded(result):
            return None
        if any(sign in result.output for sign in _NETWORK_SIGNS):
            raise InfrastructureError(
                f"npm {verb} could not reach the package registry: {tail(result.output, lines=5)}",
                mend="Check this machine's network and the registry that npm is configured for.",
            )
        return result

    def _run(self, *argv: str) -> CommandResult:
        return self._commands.run(
            Command(argv=argv, workspace=self._clone, timeout_seconds=self._seconds, env=self._env)
        )

    def _own_run(self) -> _OwnRun:
        match self._language:
            case Language.PYTHON:
                return self._own_python()
            case Language.TYPESCRIPT:
                return self._own_typescript()
            case Language.GO:
                return self._with_output(("go", "test", "-json", "-count=1", "./..."), count_go)
            case Language.RUST:
                return self._with_output(("cargo", "test", "--offline", "--no-fail-fast"), count_cargo)
            case Language.BASH:
                return self._own_bash()

    def _own_python(self) -> _OwnRun:
        argv = ("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={_REPORT}")
        return self._with_junit(argv)

    def _own_typescript(self) -> _OwnRun:
        compiled = sorted(
            path.relative_to(self._clone).as_posix()
            for path in (self._clone / "dist" / "tests").rglob("*.test.js")
        )
        if not compiled:
            return _OwnRun("node --test", 1, "no dist/tests/*.test.js after make test", TestCounts())
        reporter = ("--test-reporter=junit", f"--test-reporter-destination={_REPORT}")
        return self._with_junit(("node", "--test", *reporter, *compiled), files=tuple(compiled))

    def _own_bash(self) -> _OwnRun:
        counts, output, worst = TestCounts(), "", 0
        for script in sorted((self._clone / "tests").glob("test_*.sh")):
            result = self._run("bash", script.relative_to(self._clone).as_posix())
            counts += count_tap(result.output)
            output += result.output
            worst = max(worst, abs(result.exit_code), int(result.timed_out))
        return _OwnRun("bash tests/test_*.sh", worst, output, counts)

    def _with_junit(self, argv: tuple[str, ...], *, files: tuple[str, ...] = ()) -> _OwnRun:
        report = self._clone / _REPORT
        report.unlink(missing_ok=True)
        result = self._run(*argv)
        exit_code = 1 if result.timed_out else result.exit_code
        try:
            counts = count_junit(_read_untrusted(report), files=files)
        except (OSError, ValueError) as error:
            return _OwnRun(argv[0], exit_code or 1, f"{result.output}\nno report: {error}", TestCounts())
        return _OwnRun(" ".join(argv[:4]), exit_code, result.output, counts)

    def _with_output(self, argv: tuple[str, ...], count: Callable[[str], TestCounts]) -> _OwnRun:
        result = self._run(*argv)
        exit_code = 1 if result.timed_out else result.exit_code
        return _OwnRun(" ".join(argv), exit_code, result.output, count(result.output))


def _judge_counts(own: _OwnRun) -> GateVerdict:
    passed = own.counts.executed >= FEWEST_TESTS and own.counts.failed == 0 and own.exit_code == 0
    saw = (
        f"{own.counts.executed} tests executed, {own.counts.failed} failed ({own.command} ended with"
        f" {own.exit_code}; at least {FEWEST_TESTS} are asked for)"
    )
    return GateVerdict(
        gate=TESTS_EXECUTED,
        phase=Phase.REVIEW,
        passed=passed,
        saw=saw if passed else f"{saw}\n{_shown(own.output)}",
        mend="" if passed else "Build the repo again; its last state is kept under refs/factory/failed.",
    )


def _not_run() -> GateVerdict:
    return GateVerdict(
        gate=TESTS_EXECUTED,
        phase=Phase.REVIEW,
        passed=False,
        saw="not counted, because `make test` did not pass",
        mend=f"See {TESTS_PASS}.",
    )


def _succeeded(result: CommandResult) -> bool:
    return result.exit_code == 0 and not result.timed_out


def _ending(result: CommandResult) -> str:
    if result.timed_out:
        return f"was stopped after {result.seconds:.0f} s"
    return f"ended with {result.exit_code} after {result.seconds:.1f} s"


def _shown(output: str) -> str:
    return strip_hidden(tail(output))


def _read_untrusted(path: Path) -> str:
    """Read a report that untrusted code wrote: a plain file of a sane size, or an error."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        info = os.fstat(stream.fileno())
        if not stat.S_ISREG(info.st_mode) or info.st_size > _REPORT_LIMIT:
            raise ValueError("the report is no plain file of a sane size")
        return stream.read(_REPORT_LIMIT).decode("utf-8", "replace")
