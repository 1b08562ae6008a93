"""Rounds of builds that only wait: how near a number of workers comes to building so many times as much."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from bench.instances import BenchInstance
from bench.verdict import verdict
from factory_assets.defs.client import FactoryClient
from factory_assets.domain.builds import BuildStatus

ROUNDS = 2
# Agents that take three minutes are scaled to half a minute; what a run costs beside them is not.
FULL_SECONDS, SCALED_SECONDS = 180.0, 30.0
TARGET = 0.9
COLUMNS = (
    "workers",
    "builds",
    "seconds",
    "beside the agent, each round",
    "of linear, seen",
    "of linear at 180 s",
)


@dataclass(frozen=True)
class Rounds:
    """So many builds for each of the workers, and the seconds from the first launch to the last end."""

    workers: int
    seconds: float

    @property
    def builds(self) -> int:
        """All of them."""
        return self.workers * ROUNDS

    def share(self, wait: float) -> float:
        """Of linear: what so many workers would do if a run took no longer than its agent waits."""
        beside = self.seconds / ROUNDS - SCALED_SECONDS
        return wait / (wait + beside)

    @property
    def cells(self) -> list[str]:
        """Those of COLUMNS."""
        return [
            str(self.workers),
            str(self.builds),
            f"{self.seconds:.1f}",
            f"{self.seconds / ROUNDS - SCALED_SECONDS:.1f} s",
            f"{self.share(SCALED_SECONDS):.2f}",
            f"{self.share(FULL_SECONDS):.2f}",
        ]


def queue_rounds(made: BenchInstance, workers: Iterable[int]) -> None:
    """Queue as many specs as rounds with each of these numbers of workers take."""
    made.queue(days_of(workers), 30)


def days_of(workers: Iterable[int]) -> int:
    """How many dates those specs fill."""
    return 1 + sum(workers) * ROUNDS // 30


def run_rounds(
    made: BenchInstance,
    client: FactoryClient,
    workers: int,
    meanwhile: Callable[[Sequence[str]], AbstractContextManager[None]] = lambda _runs: nullcontext(),
) -> Rounds:
    """Let so many build at once; `meanwhile` is open while the runs that it is given go on.

    Raises:
        RuntimeError: a build has failed.
    """
    client.set_pool("builds", workers)
    specs = made.registry.queue.specs({BuildStatus.QUEUED})[: workers * ROUNDS]
    started = time.monotonic()
    runs = [client.launch_spec("build", queued) for queued in specs]
    with meanwhile(runs):
        ends = client.wait(runs, lambda _run, _status: None)
    if not all(end.succeeded for end in ends):
        raise RuntimeError(f"A build run failed: {next(end.error for end in ends if not end.succeeded)}")
    return Rounds(workers, time.monotonic() - started)


def table(rows: Iterable[Sequence[str]], *further: str) -> list[str]:
    """The lines of a table with COLUMNS and further ones."""
    names = (*COLUMNS, *further)
    return [_line(names), f"|{'--:|' * len(names)}", *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def judged(measured: Iterable[Rounds], most_workers: int) -> str:
    """Whether so many workers at most are as near to linear as they shall be."""
    return verdict(
        f"at least {TARGET:g} of linear at {FULL_SECONDS:g} s up to {most_workers} workers",
        (
            f"{one.workers} workers"
            for one in measured
            if one.workers <= most_workers and one.share(FULL_SECONDS) < TARGET
        ),
    )
