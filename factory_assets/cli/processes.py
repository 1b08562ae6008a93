"""Dagster's programs as child processes, stopped together with everything they started."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import yaml

from factory_assets.cli.ownership import Ownership
from factory_assets.settings import pinned_environment

LOCATION = "factory"
_STOP_SECONDS, _LOOK_SECONDS = 15.0, 0.02


def program(name: str) -> str:
    """A program of this environment: it stands beside the interpreter."""
    return str(Path(sys.executable).parent / name)


def start(
    argv: Sequence[str], *, log: Path, cwd: Path, ownership: Ownership | None = None
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, with its output in `log`; it shares in the ownership.

    It works with the settings as they are now, whatever `.env` says later.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=pinned_environment(),
            pass_fds=() if ownership is None else (ownership.descriptor,),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    if ownership is not None:
        ownership.note(child.pid)
    return child


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether a code server is ready: Dagster's takes its port only once the code is loaded."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def write_workspace(data_dir: Path, port: int) -> Path:
    """The workspace.yaml by which programs find the code server at this port."""
    path = data_dir / "workspace.yaml"
    server = {"host": "127.0.0.1", "port": port, "location_name": LOCATION}
    path.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
    return path


def stop_tree(pid: int) -> None:
    """Stop a process and all its descendants: asked first, then killed after 15 seconds."""
    stop_trees([pid])


def stop_trees(pids: Sequence[int]) -> None:
    """The same for several, together."""
    family: list[psutil.Process] = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            family += [root, *root.children(recursive=True)]
    for process in family:
        _signal(process, psutil.Process.terminate)
    for process in _still_running(family):
        _signal(process, psutil.Process.kill)
    _still_running(family)
    psutil.wait_procs(family, timeout=0)


def _still_running(family: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended within 15 seconds; one that its parent has yet to reap has ended."""
    deadline = time.monotonic() + _STOP_SECONDS
    while (running := [process for process in family if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return running


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, send: Callable[[psutil.Process], None]) -> None:
    try:
        send(process)
    except psutil.NoSuchProcess:
        return
