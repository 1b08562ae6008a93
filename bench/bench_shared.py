"""What one build takes of what builds share: the registry, a git server, and the cores of its host.

Run it alone with `python -m bench.bench_shared`. Where other programs run beside, only processor seconds can be
compared.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench.bench_build import DAYS, RANKS, BuildInstance
from bench.cpu_load import CpuLoad
from bench.instances import instance, seconds_to_end
from bench.waiting_location import WAIT
from factory_assets.building.outcome import Shipped
from factory_assets.registry.database import Connection, Database

TITLE = "## What a build takes of what builds share"
_BUILDS, _RUNS, _IDLE_SECONDS = 3, 10, 60.0
_GIT = ("-c", "core.hooksPath=/dev/null", "-c", "safe.bareRepository=all")


@dataclass
class _Counted:
    """The transactions of a database since they were last reset."""

    transactions: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class _Taken:
    """Of one build that shipped."""

    name: str
    transactions: int
    registry_seconds: float
    processor: float
    push_processor: float
    kilobytes: float


def run() -> str:
    """Measure, and return the section of RESULTS.md."""
    load = CpuLoad()
    with BuildInstance.open() as opened:
        counted = _counting(opened.parts.registry._database)  # noqa: SLF001
        taken: list[_Taken] = []
        for queued in opened.specs:
            counted.transactions, counted.seconds, before = 0, 0.0, _processor()
            outcome = opened.parts.builds.build(queued, "bench", lambda _line: None)
            if not isinstance(outcome, Shipped):
                continue
            worked = _processor() - before
            transactions, seconds = counted.transactions, counted.seconds
            bare = opened.parts.settings.git_dir / f"{queued.spec.name}.git"
            pushed, size = _push(bare)
            taken.append(_Taken(queued.spec.name, transactions, seconds, worked, pushed, size))
            if len(taken) == _BUILDS:
                break
        empty = _of_process(opened, lambda: opened.start(DAYS[0], RANKS))
    return "\n".join([*_text(taken, empty, load), "", *_launching()])


def _launching() -> Iterator[str]:
    with instance(1, {WAIT: "0"}) as made:
        made.queue(1, _RUNS)
        with made.at_work() as client:
            client.set_pool("builds", 1)
            (daemon,) = (
                child
                for child in psutil.Process().children()
                if "dagster-daemon" in " ".join(child.cmdline())
            )
            idle = _worked(daemon, _IDLE_SECONDS) / _IDLE_SECONDS
            own, began, before = _processor(), time.monotonic(), _used(daemon)
            runs = [client.launch_spec("build", queued) for queued in made.registry.queue.specs()]
            asked = (_processor() - own) / _RUNS
            seconds_to_end(client, runs)
            launched = (_used(daemon) - before - idle * (time.monotonic() - began)) / _RUNS
    yield f"What is done one after the other for each run, over {_RUNS} runs that do no work; seconds of a processor:"
    yield ""
    yield "| step | seconds |"
    yield "|:--|--:|"
    yield f"| asking for a run | {asked:.3f} |"
    yield f"| the daemon until its end, beyond what an idle one does | {launched:.3f} |"


def _worked(process: psutil.Process, seconds: float) -> float:
    """Seconds of a core that a process takes in so many seconds, its children not counted."""
    before = _used(process)
    time.sleep(seconds)
    return _used(process) - before


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _text(taken: list[_Taken], empty: float, load: CpuLoad) -> Iterator[str]:
    yield TITLE
    yield ""
    yield (
        f"{len(taken)} of the demo's repos, built as above. *Transactions* are those of the registry, a file here, with"
        " the seconds that they take together. *Processor* is what the build takes of its host's cores, with all that"
        " it starts; *push* what one `git push` of everything that has shipped takes on both sides, into an empty bare"
        f" repository. Measured on {datetime.now(UTC):%Y-%m-%d} with {load.told()}."
    )
    yield ""
    yield "| repo | transactions | of the registry | processor | push | of KB |"
    yield "|:--|--:|--:|--:|--:|--:|"
    for one in [*taken, _median_of(taken)]:
        yield (
            f"| {one.name} | {one.transactions} | {one.registry_seconds:.2f} s | {one.processor:.2f} s"
            f" | {one.push_processor:.3f} s | {one.kilobytes:.0f} |"
        )
    yield ""
    yield f"A Dagster run that finds nothing to build takes {empty:.2f} s of a processor."


def _median_of(taken: list[_Taken]) -> _Taken:
    def of(value: Callable[[_Taken], float]) -> float:
        return statistics.median(map(value, taken))

    return _Taken(
        "median",
        round(of(lambda one: one.transactions)),
        of(lambda one: one.registry_seconds),
        of(lambda one: one.processor),
        of(lambda one: one.push_processor),
        of(lambda one: one.kilobytes),
    )


def _counting(database: Database) -> _Counted:
    """Count the database's transactions from now on."""
    counted, begin = _Counted(), database.transaction

    @contextmanager
    def transaction() -> Iterator[Connection]:
        started = time.perf_counter()
        try:
            with begin() as connection:
                yield connection
        finally:
            counted.transactions += 1
            counted.seconds += time.perf_counter() - started

    database.transaction = transaction  # type: ignore[method-assign]
    return counted


def _push(bare: Path) -> tuple[float, float]:
    """Processor seconds of a push of all refs into an empty repository, and the kilobytes that lie there then."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "target.git"
        subprocess.run(["git", "init", "-q", "--bare", str(target)], check=True)
        before = _processor()
        subprocess.run(
            ["git", *_GIT, "--git-dir", str(bare), "push", "-q", f"file://{target}", "refs/*:refs/*"],
            check=True,
        )
        size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        return _processor() - before, size / 1024


def _of_process(opened: BuildInstance, start: Callable[[], subprocess.Popen[bytes]]) -> float:
    before = _processor()
    if start().wait():
        raise RuntimeError(f"The empty run of {opened.home} failed.")
    return _processor() - before


def _processor() -> float:
    """Seconds of a core that this process and its children that have ended took."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    print(run())
