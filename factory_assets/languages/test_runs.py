"""How a language's tests are run by the factory itself: the commands, what they report, and a test that must fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from factory_assets.domain.trees import Tree


class RunOutcome(StrEnum):
    """How one test ended. A broken one never ran, and nothing says that this was meant."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    BROKEN = "broken"


@dataclass(frozen=True)
class TestCase:
    """One test of a report. Skipped are those, too, of which nothing is expected: xfail and to-do.

    `crashed` says that an error which the sources raised ended it, where the runner can tell that from what the test
    itself expected.
    """

    __test__ = False

    name: str
    outcome: RunOutcome
    crashed: bool = False


@dataclass(frozen=True)
class TestReport:
    """The tests of one run."""

    __test__ = False

    cases: tuple[TestCase, ...] = ()

    @cached_property
    def executed(self) -> int:
        """How many really ran."""
        return sum(case.outcome in {RunOutcome.PASSED, RunOutcome.FAILED} for case in self.cases)

    @cached_property
    def failed(self) -> tuple[str, ...]:
        """Those that failed, and those that should have run and did not."""
        return tuple(
            case.name for case in self.cases if case.outcome in {RunOutcome.FAILED, RunOutcome.BROKEN}
        )

    @cached_property
    def only_crashed(self) -> bool:
        """Whether tests failed, and each for an error of the sources: none needs to expect anything for that."""
        failed = set(self.failed)
        return bool(failed) and all(case.crashed for case in self.cases if case.name in failed)

    @cached_property
    def skipped(self) -> int:
        """How many were skipped, or run without anything being expected of them."""
        return sum(case.outcome is RunOutcome.SKIPPED for case in self.cases)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all tests, however they ended."""
        return frozenset(case.name for case in self.cases)

    def __add__(self, other: TestReport) -> TestReport:
        return TestReport(self.cases + other.cases)


@dataclass(frozen=True, kw_only=True)
class TestPlan:
    """What is to be run: the test files of a tree that lies in `folder`, with the variables of `env`."""

    __test__ = False

    tree: Tree
    files: tuple[str, ...]
    folder: Path
    env: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class TestStep:
    """One command of a run. `read` raises a ValueError where its output holds no report.

    Lines that begin with `hidden` are for `read` alone. `fault_without_failure` is
    what is wrong where the command ends above 0 and reports no failed test.
    """

    __test__ = False

    argv: tuple[str, ...]
    read: Callable[[str], TestReport]
    hidden: str = ""
    fault_without_failure: str = ""


@dataclass(frozen=True, kw_only=True)
class OwnTests:
    """The toolchain of a language, called so that the repo cannot replace it.

    `name` is what a run is called. `build` compiles sources and tests; it comes before a run where that does not
    compile by itself (`builds_first`). `probe` puts a failing test into the text of a test file, named by a word that
    begins with `case_`, and gives the new text and the end of the test's name in a report; None where the file
    cannot take one.
    """

    name: str
    steps: Callable[[TestPlan], tuple[TestStep, ...]]
    probe: Callable[[str, str, str], tuple[str, str] | None]
    build: tuple[str, ...] = ()
    builds_first: bool = False
