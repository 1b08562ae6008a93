"""The process of one run at a worker: `python -m factory_assets.defs.celery_run RUN DESCRIPTOR`.

It ends as an asked one, with its work kept, when the run is cancelled or counts as failed by now, and when its worker
is gone.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading

import dagster as dg
from dagster_postgres.utils import DagsterPostgresException
from sqlalchemy.exc import SQLAlchemyError

from factory_assets.defs.dagster_private.runs import capture_interrupts, execute_run
from factory_assets.defs.elsewhere import note_begun

_LOOK_SECONDS = 3.0
_TO_BEGIN = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)
_TO_END = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE)
_log = logging.getLogger(__name__)


def main(run_id: str, tether: int) -> int:
    """Execute the run; the exit code says whether it succeeded. One that is no more to be begun is left alone."""
    with dg.DagsterInstance.get() as instance, capture_interrupts():
        run = instance.get_run_by_id(run_id)
        if run is None or run.status not in _TO_BEGIN:
            _log.warning("Run %s is not to be begun: %s.", run_id, run.status.value if run else "it is gone")
            return 0
        note_begun(instance, run, socket.gethostname())
        done = threading.Event()
        watch = threading.Thread(target=_watch, args=(instance, run_id, done), daemon=True)
        watch.start()
        threading.Thread(target=_end_with_worker, args=(tether,), daemon=True).start()
        try:
            return execute_run(instance, run_id)
        finally:
            done.set()
            watch.join()


def _watch(instance: dg.DagsterInstance, run_id: str, done: threading.Event) -> None:
    while not done.wait(_LOOK_SECONDS):
        try:
            run = instance.get_run_by_id(run_id)
        except (SQLAlchemyError, DagsterPostgresException) as error:
            _log.warning("The database does not answer, and is asked again: %s", error)
            continue
        if run is None or run.status in _TO_END:
            _end()
            return


def _end_with_worker(tether: int) -> None:
    # The worker never writes: this returns when it is gone.
    os.read(tether, 1)
    _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
