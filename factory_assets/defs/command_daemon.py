"""The daemon of a command, run as a program: it starts queued runs, watches them, and retries those that crashed.

Schedules, sensors and backfills wait for the factory itself: a command does what it was asked for.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
from typing import Any

import dagster as dg

from factory_assets.defs.dagster_private.daemon import (
    DagsterDaemon,
    EventLogConsumerDaemon,
    MonitoringDaemon,
    QueuedRunCoordinatorDaemon,
    create_daemon_of_type,
    daemon_controller_from_instance,
)
from factory_assets.defs.dagster_private.workspace import WorkspaceFileTarget

# As seen in Dagster 1.13.27: `dagster-daemon run` makes the same controller with every daemon that the instance wants.
_DAEMONS: tuple[type[DagsterDaemon[Any]], ...] = (
    QueuedRunCoordinatorDaemon,
    MonitoringDaemon,
    EventLogConsumerDaemon,
)
_LOOK_SECONDS, _LISTEN_SECONDS = 0.5, 0.05


def run(workspace: str, port: int) -> None:
    """Run until SIGTERM or SIGINT, over the code server at this port of loopback, which `workspace` names."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    # A daemon without its code server fails the runs that it finds in the queue.
    while not _listens(port):
        if stopping.wait(_LISTEN_SECONDS):
            return
    with (
        dg.DagsterInstance.get() as instance,
        daemon_controller_from_instance(
            instance, WorkspaceFileTarget([workspace]), gen_daemons=_daemons
        ) as controller,
    ):
        while not stopping.wait(_LOOK_SECONDS):
            controller.check_daemon_threads()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _daemons(instance: dg.DagsterInstance) -> list[DagsterDaemon[Any]]:
    return [create_daemon_of_type(daemon.daemon_type(), instance) for daemon in _DAEMONS]


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]))
