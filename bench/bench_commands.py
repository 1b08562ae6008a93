"""A stage command without a live factory: when its run is at work, and when the command is over."""

from __future__ import annotations

import statistics
import subprocess
import time
from dataclasses import dataclass
from datetime import date

from bench.instances import BenchInstance, instance
from bench.verdict import verdict
from factory_assets.cli.processes import program

TARGET_AT_WORK, TARGET_END = 10.0, 3.0
_DAY = date(2026, 6, 17)
_TIMES = 5


@dataclass(frozen=True)
class Times:
    """Seconds: from the command's start to its run's, of the run, and from the run's end to the command's."""

    to_work: float
    work: float
    to_end: float


def _gather(on: BenchInstance) -> Times:
    seen: dict[str, float] = {}
    started = time.monotonic()
    with subprocess.Popen(
        [program("factory"), "gather", "--date", _DAY.isoformat()],
        cwd=on.home,
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        for line in command.stdout:
            seen[line.split()[-1]] = time.monotonic()
    ended = time.monotonic()
    if command.returncode:
        raise RuntimeError(f"`factory gather` ended with {command.returncode}")
    return Times(seen["started"] - started, seen["success"] - seen["started"], ended - seen["success"])


def run() -> str:
    """`factory gather` of one date from the recorded arXiv; medians."""
    with instance(1, {"FACTORY_ARXIV_INTERVAL": "0"}, first=_DAY) as made:
        _gather(made)
        times = [_gather(made) for _ in range(_TIMES)]
    to_work, work, to_end = (
        statistics.median(getattr(one, name) for one in times) for name in ("to_work", "work", "to_end")
    )
    missed = [
        name
        for name, seconds, target in (
            ("its start", to_work, TARGET_AT_WORK),
            ("its end", to_end, TARGET_END),
        )
        if seconds > target
    ]
    return "\n".join(
        [
            "## A command without a live factory",
            "",
            f"`factory gather` of one date from the recorded arXiv: medians of {_TIMES}.",
            "",
            "| until its run is at work | the run | from the run's end to the command's |",
            "|---:|---:|---:|",
            f"| {to_work:.1f} s | {work:.1f} s | {to_end:.1f} s |",
            "",
            verdict(
                f"at work within {TARGET_AT_WORK:g} s on two idle cores, over within {TARGET_END:g} s", missed
            ),
        ]
    )


if __name__ == "__main__":
    print(run())
