"""Build runs under a real daemon: throughput by the number of workers, and what a run costs beside its work.

Run it alone with `python -m bench.bench_workers`; it takes about ten minutes.
"""

from __future__ import annotations

import re
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
import psutil

from bench.instances import BenchInstance, instance
from bench.verdict import verdict
from bench.waiting_location import WAIT
from factory_assets.defs.client import FactoryClient
from factory_assets.domain.builds import BuildStatus

WORKERS = (1, 2, 4, 8, 16)
ROUNDS = 2
# Agents that take three minutes are scaled to half a minute; what a run costs beside them is not.
FULL_SECONDS, SCALED_SECONDS = 180.0, 30.0
TARGET, TARGET_WORKERS = 0.9, 8
_SAMPLE_SECONDS = 5.0
_MIB = 2**20
_STARTED_PROCESS = re.compile(r"Started process for run \(pid: (\d+)\)")


@dataclass(frozen=True)
class _Measured:
    workers: int
    seconds: float
    memory: float

    @property
    def builds(self) -> int:
        return self.workers * ROUNDS

    def share(self, wait: float) -> float:
        """Of linear: what so many workers would do if a run took no longer than its agent waits."""
        beside = self.seconds / ROUNDS - SCALED_SECONDS
        return wait / (wait + beside)


def run() -> str:
    """Measure, and return the section for RESULTS.md."""
    days = 1 + sum(workers * ROUNDS for workers in WORKERS) // 30
    with instance(days, {WAIT: str(SCALED_SECONDS)}) as made:
        made.queue(days, 30)
        with made.at_work() as client:
            measured = [_measure(made, client, workers) for workers in WORKERS]
    return "\n".join(_text(measured))


def _measure(made: BenchInstance, client: FactoryClient, workers: int) -> _Measured:
    client.set_pool("builds", workers)
    specs = made.registry.queue.specs({BuildStatus.QUEUED})[: workers * ROUNDS]
    started = time.monotonic()
    runs = [client.launch_spec("build", queued) for queued in specs]
    samples: list[float] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(_SAMPLE_SECONDS):
            samples.extend(_workers_memory(runs))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        ends = client.wait(runs, lambda _run, _status: None)
    finally:
        ended.set()
        sampler.join()
    if not all(end.succeeded for end in ends):
        raise RuntimeError(f"A build run failed: {next(end.error for end in ends if not end.succeeded)}")
    return _Measured(workers, time.monotonic() - started, statistics.median(samples) if samples else 0.0)


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


def _text(measured: Sequence[_Measured]) -> list[str]:
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
        "| workers | builds | seconds | beside the agent, each round | of linear, seen | of linear at 180 s | memory |",
        "|--:|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {one.workers} | {one.builds} | {one.seconds:.1f} | {one.seconds / ROUNDS - SCALED_SECONDS:.1f} s"
            f" | {one.share(SCALED_SECONDS):.2f} | {one.share(FULL_SECONDS):.2f} | {one.memory:.0f} MiB |"
            for one in measured
        ),
        "",
        verdict(
            f"at least {TARGET:g} of linear at {FULL_SECONDS:g} s up to {TARGET_WORKERS} workers",
            (
                f"{one.workers} workers"
                for one in measured
                if one.workers <= TARGET_WORKERS and one.share(FULL_SECONDS) < TARGET
            ),
        ),
    ]


if __name__ == "__main__":
    print(run())
