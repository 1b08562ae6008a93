"""The live factory as processes: router, web server, code server and daemon, kept running until `factory down`."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from factory_assets.alerts.send import AlertPlaces
from factory_assets.cli.instance import OpenedInstance
from factory_assets.cli.ownership import Ownership, check_free, own, owners
from factory_assets.cli.processes import (
    LOCATION,
    free_port,
    listens,
    program,
    start,
    stop_tree,
    stop_trees,
    write_workspace,
)
from factory_assets.cli.running import note_running
from factory_assets.cli.watch import RunWatch
from factory_assets.daemon_notes import daemon_notes, living_daemons
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.text import tail
from factory_assets.json_logs import log_as
from factory_assets.network.clients import ask
from factory_assets.registry import Registry
from factory_assets.settings import Settings, pinned_environment

_FIRST_PAGE_SECONDS = 120
_LONGEST_BACK_OFF = 60.0
_STEADY_SECONDS = 60.0
# Connections beside the one that the web server keeps to each kind of storage that is a database; files have none.
_WEBSERVER_OVERFLOW = 4


@dataclass(frozen=True)
class Ports:
    """Where the UI, the code server and the router listen, however often they are started."""

    host: str
    ui: int
    code: int
    router: int


def check_port(host: str, port: int) -> None:
    """Refuse a port that something listens on already.

    Raises:
        InputError: naming the port or the host, and the setting.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"{host!r} is no address of this machine: {error}.",
            where="FACTORY_UI_HOST",
            fix="Set it to an address or a name of this machine, as 127.0.0.1, ::1 or localhost.",
        ) from error
    # The web server listens on each address of the name that it can; this is the first.
    family, kind, protocol, _, address = found[0]
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise _unusable(host, port, error) from error


def _unusable(host: str, port: int, error: OSError) -> InputError:
    if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
        return InputError(
            f"{host} is no address of this machine: {error.strerror}.",
            where="FACTORY_UI_HOST",
            fix="Set it to one that this machine has, as 127.0.0.1.",
        )
    if error.errno == errno.EACCES:
        return InputError(
            f"This user may not listen on port {port}: {error.strerror}.",
            where="FACTORY_UI_PORT",
            fix="Set FACTORY_UI_PORT to one above 1023; a web server in front may listen on a lower one.",
        )
    return InputError(
        f"Port {port} on {host} cannot be used: {error.strerror}.",
        where="FACTORY_UI_PORT",
        fix="Stop what uses it (`make down`, if it is this factory), or set FACTORY_UI_PORT to another.",
    )


def log_dir(instance: OpenedInstance) -> Path:
    """Where the programs write their logs."""
    return instance.settings.factory_data_dir / "logs"


def check_startable(instance: OpenedInstance) -> None:
    """Refuse to start, or to touch runs, where somebody works on this instance or the port is taken.

    Raises:
        InputError: which of the two, and what to do.
    """
    from factory_assets.defs.daemons import check_no_daemon
    from factory_assets.defs.storage import open_storage

    check_free(instance.settings.factory_data_dir)
    with open_storage(instance.settings.factory_data_dir) as dagster:
        check_no_daemon(dagster)
    check_port(instance.settings.factory_ui_host, instance.settings.factory_ui_port)


def start_supervisor(instance: OpenedInstance) -> str:
    """Start the supervisor in the background, wait for the first page, and return its URL.

    Raises:
        InfrastructureError: the UI did not answer in two minutes; with the end of the log.
    """
    settings = instance.settings
    log = log_dir(instance) / "supervisor.log"
    child = start(
        [sys.executable, "-m", "factory_assets.cli", "supervise"], log=log, cwd=instance.programs_dir
    )
    url = settings.local_ui_url
    deadline = time.monotonic() + _FIRST_PAGE_SECONDS
    while not _answers(url):
        if child.poll() is not None or time.monotonic() > deadline:
            stop_tree(child.pid)
            raise InfrastructureError(
                f"The UI did not start:\n{tail(log.read_text(errors='replace'))}", where=str(log)
            )
        time.sleep(0.5)
    return url


def stop_supervisor(instance: OpenedInstance) -> bool:
    """Stop whatever runs this instance's daemon and all it started, runs in flight too.

    Orphans of a supervisor, code server or command that was killed are stopped as well. What a daemon works on that
    the factory has not started is left to it. False when nothing was running.
    """
    data_dir, stopped_workers = instance.settings.factory_data_dir, False
    pids = owners(data_dir)
    for pid in pids:
        stop_tree(pid)
    if pids or daemon_notes(data_dir):
        with suppress(InputError), own(data_dir):
            stopped_workers = _clear_up(instance)
    return bool(pids) or stopped_workers


def supervise(instance: OpenedInstance) -> None:
    """Run the programs in the foreground and start again whichever ends, until SIGTERM or SIGINT.

    Raises:
        InputError: somebody else works on this instance.
    """
    from factory_assets.defs.daemons import check_no_daemon, forget_daemon
    from factory_assets.defs.storage import open_storage

    settings = instance.settings
    log_as(settings.factory_log_format)
    # A program that is started again later works with the same settings as the others.
    os.environ.update(pinned_environment())
    ports = Ports(settings.factory_ui_host, settings.factory_ui_port, free_port(), free_port())
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    watch = RunWatch(
        alerts=Registry(settings.registry_place).alerts,
        places=AlertPlaces(
            settings.factory_alert_webhook, settings.factory_slack_webhook, settings.alert_urls
        ),
        url=settings.local_ui_url,
        link=settings.ui_url,
    )
    with own(settings.factory_data_dir) as ownership:
        note_running(instance)
        # This also makes a new instance's storage, once for all the programs.
        with open_storage(settings.factory_data_dir) as dagster:
            check_no_daemon(dagster)
            forget_daemon(dagster)
        workspace = write_workspace(settings.factory_data_dir, ports.code)
        # A daemon without its code server fails the runs that it finds in the queue.
        needs = {"daemon": lambda: listens(ports.code)}
        children = [
            _Child(
                name=name,
                argv=argv,
                log=log_dir(instance) / f"{name}.log",
                cwd=instance.programs_dir,
                ownership=ownership,
                could_work=needs.get(name, lambda: True),
            )
            for name, argv in programs_of(settings, ports, workspace).items()
        ]
        try:
            while not stopping.is_set():
                for child in children:
                    ended = child.keep_running()
                    if ended is not None:
                        watch.ended(child.name, ended)
                watch.look()
                stopping.wait(0.5)
        finally:
            for child in reversed(children):
                child.stop()
            _clear_up(instance)


def _clear_up(instance: OpenedInstance) -> bool:
    """After the daemon has ended: stop the workers that outlived their code server, and forget its reports.

    Commands would take it for a running one for a minute. Returns whether a worker was stopped.
    """
    from factory_assets.defs.daemons import forget_daemon
    from factory_assets.defs.storage import open_storage
    from factory_assets.defs.workers import living_workers

    data_dir = instance.settings.factory_data_dir
    with open_storage(data_dir) as dagster:
        workers: list[int] = []
        # Those of a daemon that lives are its own. A database that is away must not keep anybody from stopping.
        if not living_daemons(data_dir):
            with suppress(InfrastructureError):
                workers = living_workers(dagster, instance.parts.registry)
        stop_trees(workers)
        forget_daemon(dagster)
    return bool(workers)


def programs_of(settings: Settings, ports: Ports, workspace: Path) -> dict[str, list[str]]:
    """The command lines of the live factory's programs by their names; a router only where the hosts share none."""
    own = [sys.executable, "-m", "factory_assets.cli"]
    router = [*own, "router", "--port", str(ports.router)]
    port = settings.factory_metrics_port
    metrics = [*own, "metrics", "--port", str(port), "--host", ports.host]
    # Dagster's own word for a text is another one.
    form = ["--log-format", "json"] if settings.factory_log_format == "json" else []
    return {
        **({} if settings.shared_router_url else {"router": router}),
        "code-server": [
            program("dagster"),
            *("code-server", "start", "-m", "factory_assets.definitions"),
            *("-h", "127.0.0.1", "-p", str(ports.code), "--location-name", LOCATION),
            *form,
        ],
        "daemon": [program("dagster-daemon"), "run", "-w", str(workspace), *form],
        "webserver": [
            program("dagster-webserver"),
            *("-w", str(workspace), "-h", ports.host, "-p", str(ports.ui)),
            *("--db-pool-max-overflow", str(_WEBSERVER_OVERFLOW)),
            *form,
        ],
        **({} if port is None else {"metrics": metrics}),
    }


@dataclass(kw_only=True)
class _Child:
    """One program, started again with growing pauses while it keeps failing; never while it could not work."""

    name: str
    argv: Sequence[str]
    log: Path
    cwd: Path
    ownership: Ownership
    could_work: Callable[[], bool]
    _process: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _back_off: float = 1.0
    _not_before: float = 0.0

    def keep_running(self) -> int | None:
        """Start it where it does not run; the exit code of one that has ended since the last look."""
        now, ended = time.monotonic(), None
        if self._process is not None and self._process.poll() is None:
            return None
        if self._process is not None:
            ended = self._process.returncode
            steady = now - self._started > _STEADY_SECONDS
            self._back_off = 1.0 if steady else min(self._back_off * 2, _LONGEST_BACK_OFF)
            self._not_before = now + self._back_off
            self._process = None
        if now >= self._not_before and self.could_work():
            self._process = start(self.argv, log=self.log, cwd=self.cwd, ownership=self.ownership)
            self._started = now
        return ended

    def stop(self) -> None:
        if self._process is not None:
            stop_tree(self._process.pid)


def _answers(url: str) -> bool:
    try:
        return ask("GET", f"{url}/server_info", timeout=2).is_success
    except httpx.TransportError:
        return False
