"""Runs pytest on an untrusted repo and says how each test ended; given to `python3 -I -c` as text, never imported.

Started so, pytest is the interpreter's own whatever lies in the repo, its settings are the factory's, and each
test's end is seen innermost, where no hook of the repo has rewritten it. What is left to a test is that it runs in
this process: it could read the mark out of the process and write a report of its own. The factory therefore also
puts a failing test in (gates/probe.py) and looks whether the report shows it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

_WORST = ("passed", "skipped", "failed", "broken")


class Recorder:
    """A plugin that keeps the worst that was seen of each test."""

    def __init__(self) -> None:
        self.cases: dict[str, str] = {}

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


def main(mark: str, folders: Sequence[str], files: Sequence[str], options: Sequence[str]) -> None:
    """Run, write the report as one marked line, and end before anything else can be written."""
    out = os.dup(1)
    here = str(Path.cwd())
    sys.argv[1:] = []
    sys.path[:0] = folders
    recorder = Recorder()
    settings = ("-c", os.devnull, "--rootdir", here, "-p", "no:cacheprovider", "-q", "--tb=short")
    code = pytest.main([*settings, *options, *files], plugins=[recorder])
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(out, f"\n{mark}{json.dumps({'cases': list(recorder.cases.items())})}\n".encode())
    os._exit(int(code))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4]))
