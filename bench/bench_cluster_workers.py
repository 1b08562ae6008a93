"""Builds on hosts that take them from a daemon through Redis: throughput by the number of such workers.

Each host is a `factory worker --builds 1` with folders of its own; all share a PostgreSQL and a Redis.
Run it alone with `python -m bench.bench_cluster_workers`; it takes about six minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.cpu_load import CpuLoad
from bench.instances import BenchInstance, instance
from bench.peers import missing_of_cluster, postgres_server, redis_server
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
from factory_assets.cli.instance import write_env
from factory_assets.cli.processes import stop_tree

WORKERS = (1, 2, 4)
_HEADING = "## Workers on hosts of their own"
_READY_SECONDS = 120.0


def run() -> str:
    """Measure, and return the section for RESULTS.md."""
    if missing := missing_of_cluster():
        return f"{_HEADING}\n\nNot measured: {', '.join(missing)} missing on this machine."
    with ExitStack() as stack:
        git = stack.enter_context(TemporaryDirectory(prefix="factory-bench-git-"))
        database = stack.enter_context(postgres_server()(durable=True))
        broker = stack.enter_context(redis_server()())
        settings = {
            WAIT: str(SCALED_SECONDS),
            "FACTORY_REGISTRY_URL": database,
            "FACTORY_DAGSTER_URL": database,
            "FACTORY_CELERY_BROKER": broker,
            "FACTORY_GIT_DIR": git,
            "BUILD_WORKERS": str(max(WORKERS)),
        }
        made = stack.enter_context(instance(days_of(WORKERS), settings))
        queue_rounds(made, WORKERS)
        hosts = stack.enter_context(_Hosts(made))
        client = stack.enter_context(made.at_work())
        load = CpuLoad()
        measured = []
        for workers in WORKERS:
            hosts.start(workers)
            measured.append(run_rounds(made, client, workers))
        return "\n".join(_text(measured, load.told()))


class _Hosts:
    """Those that build for this instance; they end with the block."""

    def __init__(self, made: BenchInstance) -> None:
        self._made = made
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> _Hosts:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            stop_tree(process.pid)

    def start(self, number: int) -> None:
        """Let so many take builds, one at a time each.

        Raises:
            RuntimeError: one of them did not begin to.
        """
        logs = [self._start(len(self._started)) for _ in range(number - len(self._started))]
        for log in logs:
            _await_ready(log)

    def _start(self, number: int) -> Path:
        home = self._made.home / f"host-{number}"
        (home / "data").mkdir(parents=True)
        own = {"DAGSTER_HOME": str(home), "FACTORY_DATA_DIR": str(home / "data")}
        write_env(home, own)
        log = home / "worker.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "factory_assets.cli", "worker", "--builds", "1"],
                env={**os.environ, **own, "COLUMNS": "200"},
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return log


def _await_ready(log: Path) -> None:
    ends = time.monotonic() + _READY_SECONDS
    while b" ready." not in (said := log.read_bytes()):
        if time.monotonic() > ends:
            raise RuntimeError(
                f"a worker did not begin to take builds:\n{said[-2000:].decode(errors='replace')}"
            )
        time.sleep(0.25)


def _text(measured: Sequence[Rounds], load: str) -> list[str]:
    return [
        _HEADING,
        "",
        (
            f"As *Build workers*, on hosts: each is `factory worker --builds 1` with folders of its own, which takes"
            f" builds through Redis and shares nothing else with the daemon but a PostgreSQL. {ROUNDS} builds for each,"
            f" whose agents of {FULL_SECONDS:g} s are scaled to {SCALED_SECONDS:g} s. All hosts are this machine."
            f" Measured on {datetime.now(UTC).date()} with {load}."
        ),
        "",
        *table(rounds.cells for rounds in measured),
        "",
        judged(measured, max(WORKERS)),
    ]


if __name__ == "__main__":
    print(run())
