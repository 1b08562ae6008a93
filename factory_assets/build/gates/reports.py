"""Machine-readable test reports: how many tests were really executed, and how many failed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_TAP_TEST = re.compile(r"^(not )?ok\b(.*)$", re.MULTILINE)
_TAP_PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
_TAP_SKIP = re.compile(r"#\s*skip\b", re.IGNORECASE)
_CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed", re.MULTILINE)


@dataclass(frozen=True)
class TestCounts:
    """Tests that ran, skipped ones left out, and how many of them failed."""

    __test__ = False

    executed: int = 0
    failed: int = 0

    def __add__(self, other: TestCounts) -> TestCounts:
        return TestCounts(self.executed + other.executed, self.failed + other.failed)


class _GoEvent(BaseModel):
    model_config = ConfigDict(frozen=True)

    action: str = Field(alias="Action")
    package: str = Field("", alias="Package")
    test: str = Field("", alias="Test")


def count_junit(xml: str, *, files: Iterable[str] = ()) -> TestCounts:
    """Count a JUnit report's test cases.

    `files` are test files by name: node reports a file without tests as one test of that name, which is none.

    Raises:
        ValueError: when this is no JUnit report.
    """
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise ValueError("a test report has no document type")
    try:
        # Entities, the danger of untrusted XML, are refused above.
        root = ET.fromstring(xml)  # noqa: S314
    except ET.ParseError as error:
        raise ValueError(f"the test report is no XML: {error}") from error
    counts = TestCounts()
    for case in root.iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        is_file = any(case.get("name", "").endswith(name) for name in files)
        if case.find("skipped") is None and (failed or not is_file):
            counts += TestCounts(executed=1, failed=int(failed))
    return counts


def count_go(output: str) -> TestCounts:
    """Count `go test -json` events: tests and subtests that have no subtests themselves.

    See https://pkg.go.dev/cmd/test2json. A package that does not build counts as one failure.
    """
    results: dict[tuple[str, str], str] = {}
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        try:
            event = _GoEvent.model_validate(json.loads(line))
        except (json.JSONDecodeError, ValidationError):
            continue
        if event.action in {"pass", "fail"}:
            results[event.package, event.test] = event.action
    parents = {
        (package, test[:at]) for package, test in results for at, char in enumerate(test) if char == "/"
    }
    tests = {key: action for key, action in results.items() if key[1] and key not in parents}
    broken = {package for (package, test), action in results.items() if not test and action == "fail"}
    broken -= {package for (package, _), action in tests.items() if action == "fail"}
    failed = sum(action == "fail" for action in tests.values())
    return TestCounts(executed=len(tests), failed=failed + len(broken))


def count_cargo(output: str) -> TestCounts:
    """Count cargo's result lines, one per test binary."""
    return sum(
        (
            TestCounts(executed=int(passed) + int(failed), failed=int(failed))
            for passed, failed in _CARGO_RESULT.findall(output)
        ),
        TestCounts(),
    )


def count_tap(output: str) -> TestCounts:
    """Count TAP lines (https://testanything.org); a test that the plan promised and that never ran failed."""
    executed = failed = lines = 0
    for negation, rest in _TAP_TEST.findall(output):
        lines += 1
        if not _TAP_SKIP.search(rest):
            executed += 1
            failed += bool(negation)
    planned = max((int(count) for count in _TAP_PLAN.findall(output)), default=0)
    return TestCounts(executed=executed, failed=failed + max(0, planned - lines))
