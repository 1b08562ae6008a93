"""Runs pytest on an untrusted repo and says how each test ended; given to `python3 -I -c` as text, never imported.

Started so, pytest is the interpreter's own whatever lies in the repo, its settings are the factory's, and each
test's end is seen innermost, where no hook of the repo has rewritten it. What is left to a test is that it runs in
this process: it could read the mark out of the process and write a report of its own. The factory therefore also
puts a failing test in (gates/probe.py) and looks whether the report shows it.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import SupportsIndex

import pytest

_WORST = ("passed", "skipped", "failed", "broken")


class Recorder:
    """A plugin that keeps the worst that was seen of each test, and which of them an error of the sources ended.

    `tests` are the paths of the test files below `folder`.
    """

    def __init__(self, folder: Path, tests: Sequence[str]) -> None:
        self.cases: dict[str, str] = {}
        self.crashed: set[str] = set()
        self._folder = folder
        self._tests = frozenset(tests)

    def _keep(self, name: str, outcome: str) -> None:
        self.cases[name] = max(self.cases.get(name, outcome), outcome, key=_WORST.index)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        """See the end of a test before any other plugin does."""
        try:
            yield
        except (pytest.skip.Exception, pytest.xfail.Exception):
            self._keep(item.nodeid, "skipped")
            raise
        except BaseException:
            self._keep(item.nodeid, "skipped" if item.get_closest_marker("xfail") else "failed")
            raise
        self._keep(item.nodeid, "skipped" if item.get_closest_marker("xfail") else "passed")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """See where an error was raised, also one that unittest has caught."""
        report = yield
        if call.excinfo is not None and not self._is_of_tests(call.excinfo):
            self.crashed.add(item.nodeid)
        return report

    def _is_of_tests(self, error: pytest.ExceptionInfo[BaseException]) -> bool:
        """Whether the last code of the repo on the way to the error is that of its tests."""
        for entry in reversed(error.traceback):
            path = Path(entry.path)
            if path.is_relative_to(self._folder):
                inside = path.relative_to(self._folder).as_posix()
                if not inside.startswith("."):
                    return inside.startswith("tests/") or inside in self._tests or path.name == "conftest.py"
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See what is decided outside of the call: fixtures, skip marks, unittest's own results."""
        if report.skipped:
            self._keep(report.nodeid, "skipped")
        elif report.failed:
            self._keep(report.nodeid, "failed" if report.when == "call" else "broken")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """See files that were skipped as a whole or could not be read."""
        if report.skipped:
            self._keep(report.nodeid, "skipped")
        elif report.failed:
            self._keep(report.nodeid, "broken")


def let_sleep() -> None:
    """As languages/clock_ahead does where an interpreter reads its search path, which this one does not."""

    def sleep(seconds: float | SupportsIndex, /) -> None:
        select.select((), (), (), float(seconds))

    time.sleep = sleep


def main(mark: str, folders: Sequence[str], files: Sequence[str], options: Sequence[str]) -> None:
    """Run, write the report as one marked line, and end before anything else can be written."""
    out = os.dup(1)
    here = Path.cwd()
    sys.argv[1:] = []
    sys.path[:0] = folders
    if "FAKETIME" in os.environ:
        let_sleep()
    recorder = Recorder(here, files)
    settings = ("-c", os.devnull, "--rootdir", str(here), "-p", "no:cacheprovider", "-q", "--tb=short")
    code = pytest.main([*settings, *options, *files], plugins=[recorder])
    cases = [(name, outcome, name in recorder.crashed) for name, outcome in recorder.cases.items()]
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(out, f"\n{mark}{json.dumps({'cases': cases})}\n".encode())
    os._exit(int(code))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4]))
