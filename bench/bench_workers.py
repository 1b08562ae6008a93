"""Build runs under a real daemon: throughput by the number of workers, and what a run costs beside its work.

Run it alone with `python -m bench.bench_workers`; it takes about ten minutes.
"""

from __future__ import annotations

import re
import statistics
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
import psutil

from bench.instances import BenchInstance, instance
from bench.rounds import (
    FULL_SECONDS,
    ROUNDS,
    SCALED_SECONDS,
    Rounds,
    days_of,
    judged,
    queue_rounds,
    run_rounds,
    table,
)
from bench.waiting_location import WAIT
from factory_assets.defs.client import FactoryClient

WORKERS = (1, 2, 4, 8, 16)
TARGET_WORKERS = 8
_SAMPLE_SECONDS = 5.0
_MIB = 2**20
_STARTED_PROCESS = re.compile(r"Started process for run \(pid: (\d+)\)")


def run() -> str:
    """Measure, and return the section for RESULTS.md."""
    with instance(days_of(WORKERS), {WAIT: str(SCALED_SECONDS)}) as made:
        queue_rounds(made, WORKERS)
        with made.at_work() as client:
            measured = [_measure(made, client, workers) for workers in WORKERS]
    return "\n".join(_text(measured))


def _measure(made: BenchInstance, client: FactoryClient, workers: int) -> tuple[Rounds, float]:
    samples: list[float] = []

    @contextmanager
    def sampled(runs: Sequence[str]) -> Iterator[None]:
        ended = threading.Event()

        def sample() -> None:
            while not ended.wait(_SAMPLE_SECONDS):
                samples.extend(_workers_memory(runs))

        sampler = threading.Thread(target=sample)
        sampler.start()
        try:
            yield
        finally:
            ended.set()
            sampler.join()

    rounds = run_rounds(made, client, workers, sampled)
    return rounds, statistics.median(samples) if samples else 0.0


def _workers_memory(runs: Sequence[str]) -> list[float]:
    """Proportional set size in MiB of each process that executes one of the runs."""
    found = []
    with dg.DagsterInstance.get() as instance:
        for run_id in runs:
            for record in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
                named = _STARTED_PROCESS.search(record.message)
                if named is None:
                    continue
                try:
                    found.append(psutil.Process(int(named[1])).memory_full_info().pss / _MIB)
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
    return found


def _text(measured: Sequence[tuple[Rounds, float]]) -> list[str]:
    return [
        "## Build workers",
        "",
        (
            f"{ROUNDS} builds for each worker under a real daemon, from the first launch to the last end. Agents of"
            f" {FULL_SECONDS:g} s are scaled: each build waits {SCALED_SECONDS:g} s and does nothing else. *Of linear*"
            f" is seen with these, and reckoned for {FULL_SECONDS:g} s with the same time beside the agent. Memory is"
            " the median proportional set size of a run's process while it waits."
        ),
        "",
        *table(([*rounds.cells, f"{memory:.0f} MiB"] for rounds, memory in measured), "memory"),
        "",
        judged((rounds for rounds, _ in measured), TARGET_WORKERS),
    ]


if __name__ == "__main__":
    print(run())
