"""Machine-readable test reports: which tests were executed, and how each of them ended."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from xml.etree import ElementTree as ET

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_TAP_TEST = re.compile(r"^(not )?ok\b[ \t]*(\d+)?[ \t]*(?:-[ \t]*)?([^\n]*)$", re.MULTILINE)
_TAP_PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
_TAP_DIRECTIVE = re.compile(r"(?<!\\)#\s*(?:skip|todo)", re.IGNORECASE)
_TAP_BAIL = re.compile(r"^Bail out!", re.MULTILINE)
_CARGO_TEST = re.compile(r"^test (\S.*?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)", re.MULTILINE)
_CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)
_CARGO_BROKEN = re.compile(r"^error: could not compile .*$", re.MULTILINE)


class Outcome(StrEnum):
    """How one test ended. A broken one never ran, and nothing says that this was meant."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    BROKEN = "broken"


@dataclass(frozen=True)
class TestCase:
    """One test of a report. Skipped are those, too, of which nothing is expected: xfail and to-do."""

    __test__ = False

    name: str
    outcome: Outcome


@dataclass(frozen=True)
class TestReport:
    """The tests of one run."""

    __test__ = False

    cases: tuple[TestCase, ...] = ()

    @cached_property
    def executed(self) -> int:
        """How many really ran."""
        return sum(case.outcome in {Outcome.PASSED, Outcome.FAILED} for case in self.cases)

    @cached_property
    def failed(self) -> tuple[str, ...]:
        """Those that failed, and those that should have run and did not."""
        return tuple(case.name for case in self.cases if case.outcome in {Outcome.FAILED, Outcome.BROKEN})

    @cached_property
    def skipped(self) -> int:
        """How many were skipped, or run without anything being expected of them."""
        return sum(case.outcome is Outcome.SKIPPED for case in self.cases)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all tests, however they ended."""
        return frozenset(case.name for case in self.cases)

    def __add__(self, other: TestReport) -> TestReport:
        return TestReport(self.cases + other.cases)


class _PytestReport(BaseModel):
    model_config = ConfigDict(frozen=True)

    cases: tuple[tuple[str, Outcome], ...]


class _GoEvent(BaseModel):
    model_config = ConfigDict(frozen=True)

    action: str = Field(alias="Action")
    package: str = Field("", alias="Package")
    test: str = Field("", alias="Test")


def read_pytest(output: str, *, mark: str) -> TestReport:
    """Read the one line that gates/pytest_driver.py ends with.

    Raises:
        ValueError: when there is no such line, or more than one.
    """
    lines = [line.removeprefix(mark) for line in output.splitlines() if line.startswith(mark)]
    if not lines:
        raise ValueError("the run ended before pytest had reported")
    if len(lines) > 1:
        raise ValueError("something other than the factory's runner wrote a report")
    try:
        report = _PytestReport.model_validate_json(lines[0])
    except ValidationError as error:
        raise ValueError(f"the report is not readable: {error.error_count()} faults") from error
    return TestReport(tuple(TestCase(name, outcome) for name, outcome in report.cases))


def read_junit(output: str, *, files: Collection[str] = ()) -> TestReport:
    """Read the JUnit report in an output.

    `files` are test files by name: node reports a file without tests as one test of that name, which is none.

    Raises:
        ValueError: when there is no JUnit report.
    """
    start, end = output.find("<?xml"), output.rfind("</testsuites>")
    if start < 0 or end < start:
        raise ValueError("the run ended without a JUnit report")
    xml = output[start:end] + "</testsuites>"
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise ValueError("a test report has no document type")
    try:
        # Entities, the danger of untrusted XML, are refused above.
        root = ET.fromstring(xml)  # noqa: S314
    except ET.ParseError as error:
        raise ValueError(f"the test report is no XML: {error}") from error
    cases = []
    for case in root.iter("testcase"):
        name = case.get("name", "")
        outcome = _junit_outcome(case)
        if not any(name.endswith(file) for file in files):
            cases.append(TestCase(name, outcome))
        elif outcome is Outcome.FAILED:
            cases.append(TestCase(name, Outcome.BROKEN))
    return TestReport(tuple(cases))


def _junit_outcome(case: ET.Element) -> Outcome:
    if case.find("skipped") is not None:
        return Outcome.SKIPPED
    failed = case.find("failure") is not None or case.find("error") is not None
    return Outcome.FAILED if failed else Outcome.PASSED


def read_go(output: str) -> TestReport:
    """Read `go test -json` events: tests and subtests that have no subtests themselves.

    See https://pkg.go.dev/cmd/test2json. A package that fails without a failed test is broken.
    """
    results: dict[tuple[str, str], str] = {}
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        try:
            event = _GoEvent.model_validate(json.loads(line))
        except (json.JSONDecodeError, ValidationError):
            continue
        if event.action in {"pass", "fail", "skip"}:
            results[event.package, event.test] = event.action
    parents = {
        (package, test[:at]) for package, test in results for at, char in enumerate(test) if char == "/"
    }
    tests = {key: action for key, action in results.items() if key[1] and key not in parents}
    broken = {package for (package, test), action in results.items() if not test and action == "fail"}
    broken -= {package for (package, _), action in tests.items() if action == "fail"}
    outcomes = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "skip": Outcome.SKIPPED}
    return TestReport(
        tuple(TestCase(f"{package} {test}", outcomes[action]) for (package, test), action in tests.items())
        + tuple(TestCase(package, Outcome.BROKEN) for package in sorted(broken))
    )


def read_cargo(output: str) -> TestReport:
    """Read cargo's lines, test binary by test binary.

    A result line that counts more than was listed adds tests without a name; one that counts fewer is not
    the runner's.

    Raises:
        ValueError: when the lines of the tests and the sums below them do not agree.
    """
    outcomes = {"ok": Outcome.PASSED, "FAILED": Outcome.FAILED, "ignored": Outcome.SKIPPED}
    cases: list[TestCase] = []
    at = 0
    for result in _CARGO_RESULT.finditer(output):
        listed = [
            TestCase(name, outcomes[word]) for name, word in _CARGO_TEST.findall(output[at : result.start()])
        ]
        at = result.end()
        for number, outcome in zip(
            map(int, result.groups()), (Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED), strict=True
        ):
            missing = number - sum(case.outcome is outcome for case in listed)
            if missing < 0:
                raise ValueError("the lines of the tests and the sums below them do not agree")
            cases += [TestCase("", outcome)] * missing
        cases += listed
    cases += [TestCase(line, Outcome.BROKEN) for line in _CARGO_BROKEN.findall(output)]
    return TestReport(tuple(cases))


def read_tap(output: str, *, script: str) -> TestReport:
    """Read TAP (https://testanything.org); a test that the plan promised and that never ran is broken."""
    cases = []
    lines = _TAP_TEST.findall(output)
    for negation, number, rest in lines:
        directive = _TAP_DIRECTIVE.search(rest)
        title = rest[: directive.start()] if directive else rest
        outcome = Outcome.FAILED if negation else Outcome.PASSED
        cases.append(
            TestCase(f"{script} {title.strip() or number}", Outcome.SKIPPED if directive else outcome)
        )
    planned = max((int(count) for count in _TAP_PLAN.findall(output)), default=0)
    cases += [
        TestCase(f"{script} {number}, planned", Outcome.BROKEN)
        for number in range(len(lines) + 1, min(planned, len(lines) + 1000) + 1)
    ]
    if _TAP_BAIL.search(output):
        cases.append(TestCase(f"{script} bailed out", Outcome.BROKEN))
    return TestReport(tuple(cases))
