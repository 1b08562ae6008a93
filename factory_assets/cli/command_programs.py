"""The programs of one command: a code server, and a daemon that does only what the command asks for."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from factory_assets.cli.instance import OpenedInstance
from factory_assets.cli.ownership import Ownership
from factory_assets.cli.processes import (
    LOCATION,
    free_port,
    listens,
    program,
    start,
    stop_trees,
    write_workspace,
)
from factory_assets.defs.client import FactoryClient
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.text import tail

_START_SECONDS, _LOOK_SECONDS = 60.0, 0.05


@contextmanager
def client_at_work(instance: OpenedInstance, ownership: Ownership) -> Iterator[FactoryClient]:
    """A client of the instance, whose runs start for the time of this block.

    Both programs start at once, and the client shares their code server: loading the code takes most of the time.

    Raises:
        InfrastructureError: one of them did not come up in a minute; with the end of its log.
    """
    data_dir, port = instance.settings.factory_data_dir, free_port()
    workspace = write_workspace(data_dir, port)
    commands = {
        "code-server": [
            *(program("dagster"), "api", "grpc", "-m", "factory_assets.definitions", "-h", "127.0.0.1"),
            *("-p", str(port), "--location-name", LOCATION, "--log-level", "warning"),
        ],
        "daemon": [
            *(sys.executable, "-m", "factory_assets.defs.command_daemon", str(workspace), str(port)),
        ],
    }
    children: dict[str, subprocess.Popen[bytes]] = {}

    def wait_until(is_up: Callable[[], bool], missing: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not is_up():
            ended = next((name for name, child in children.items() if child.poll() is not None), None)
            if ended is not None or time.monotonic() > deadline:
                log = data_dir / "logs" / f"{ended or missing}.log"
                raise InfrastructureError(
                    f"The {ended or missing} did not start:\n{tail(log.read_text(errors='replace'))}",
                    where=str(log),
                )
            time.sleep(_LOOK_SECONDS)

    try:
        for name, argv in commands.items():
            log = data_dir / "logs" / f"{name}.log"
            children[name] = start(argv, log=log, cwd=instance.programs_dir, ownership=ownership)
        wait_until(lambda: listens(port), "code-server")
        with FactoryClient.open(workspace, data_dir) as client:
            wait_until(client.daemon_is_running, "daemon")
            yield client
    finally:
        stop_trees([child.pid for child in reversed(children.values())])
