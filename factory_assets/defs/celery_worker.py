"""A worker: takes builds from the broker and executes each in a process of its own, so many at once."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from celery.signals import worker_shutting_down  # type: ignore[import-untyped]
from dagster_celery.config import TASK_EXECUTE_JOB_NAME

from factory_assets.defs.celery_app import QUEUE, made_app
from factory_assets.defs.dagster_private.runs import run_id_of
from factory_assets.settings import Settings, pinned_environment

_log = logging.getLogger(__name__)
COMMAND: Sequence[str] = (sys.executable, "-m", "factory_assets.defs.celery_run")


class RunProcesses:
    """The processes of the runs that a worker executes. `cwd` is where they are started."""

    def __init__(self, cwd: Path) -> None:
        self._cwd = cwd
        self._lock = threading.Lock()
        self._living: set[subprocess.Popen[bytes]] = set()
        self._is_ending = False

    def execute(self, run_id: str) -> None:
        """Execute the run, and wait for it. How it ended stands in Dagster's storage."""
        # It ends when the other end is closed: with this process, however that ends.
        theirs, ours = os.pipe()
        try:
            process = self._started([*COMMAND, run_id, str(theirs)], theirs)
            with self._lock:
                self._living.add(process)
                if self._is_ending:
                    process.terminate()
            code = process.wait()
            with self._lock:
                self._living.discard(process)
        finally:
            os.close(ours)
        if code < 0:
            _log.error("The process of run %s was ended by signal %d.", run_id, -code)

    def _started(self, command: Sequence[str], handed_on: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                command,
                cwd=self._cwd,
                env=pinned_environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[handed_on],
                start_new_session=True,
            )
        finally:
            os.close(handed_on)

    def end(self) -> None:
        """Ask every run to end: a build keeps what it has, goes back to the queue, and goes on elsewhere."""
        with self._lock:
            self._is_ending = True
            for process in self._living:
                process.terminate()


def work(settings: Settings, *, builds: int, cwd: Path) -> None:
    """Take builds until this process is asked to end (SIGTERM, SIGINT); so many at once.

    Raises:
        InputError: no broker is set.
    """
    app = made_app(settings)
    host = socket.gethostname()
    runs = RunProcesses(cwd)

    @app.task(name=TASK_EXECUTE_JOB_NAME, ignore_result=True)  # type: ignore[untyped-decorator]
    def execute(execute_job_args_packed: dict[str, Any]) -> None:
        runs.execute(run_id_of(execute_job_args_packed))

    def end(**_: object) -> None:
        runs.end()

    worker_shutting_down.connect(end)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    app.worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={builds}",
            f"--queues={QUEUE}",
            f"--hostname=factory-{os.getpid()}@{host}",
            # Workers have nothing to tell each other.
            *("--without-gossip", "--without-mingle", "--loglevel=INFO"),
        ]
    )
