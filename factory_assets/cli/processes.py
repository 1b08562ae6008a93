"""Dagster's programs as child processes, stopped together with everything they started."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from factory_assets.cli.ownership import Ownership
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.text import tail
from factory_assets.settings import pinned_environment

_START_SECONDS = 60
_STOP_SECONDS = 15


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


def stop_tree(pid: int) -> None:
    """Stop a process and all its descendants: asked first, then killed after 15 seconds."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in family:
        _signal(process, psutil.Process.terminate)
    _, alive = psutil.wait_procs(family, timeout=_STOP_SECONDS)
    for process in alive:
        _signal(process, psutil.Process.kill)
    psutil.wait_procs(alive, timeout=_STOP_SECONDS)


def _signal(process: psutil.Process, send: Callable[[psutil.Process], None]) -> None:
    try:
        send(process)
    except psutil.NoSuchProcess:
        return


@contextmanager
def daemon(
    ownership: Ownership, *, workspace: Path, log: Path, cwd: Path, is_running: Callable[[], bool]
) -> Iterator[None]:
    """A dagster-daemon for the time of this block."""
    argv = [program("dagster-daemon"), "run", "-w", str(workspace)]
    child = start(argv, log=log, cwd=cwd, ownership=ownership)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not is_running():
            if child.poll() is not None or time.monotonic() > deadline:
                raise InfrastructureError(
                    f"dagster-daemon did not start:\n{tail(log.read_text(errors='replace'))}", where=str(log)
                )
            time.sleep(0.25)
        yield
    finally:
        stop_tree(child.pid)
