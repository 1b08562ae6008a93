"""The lock that lets one process at a time use the registry, and says who holds it."""

from __future__ import annotations

import fcntl
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.errors import InfrastructureError, RegistryBusyError

WAIT_SECONDS = 10.0
_TELL_SECONDS = 60.0
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.002, 0.1


def _untold(_line: str) -> None:
    return


@dataclass(frozen=True)
class Patience:
    """How many seconds a transaction waits for the registry.

    `notify` gets a line after `untold` seconds and then each minute.
    """

    seconds: float = WAIT_SECONDS
    untold: float = WAIT_SECONDS
    notify: Callable[[str], None] = _untold


USUAL = Patience()


class Wait:
    """One wait for the registry."""

    def __init__(self, patience: Patience) -> None:
        self._notify = patience.notify
        self._ends = time.monotonic() + patience.seconds
        self._tells = time.monotonic() + patience.untold

    def go_on(self, path: Path, holder: str) -> None:
        """To be called while the file is held.

        Raises:
            RegistryBusyError: naming the holder, once the time is over.
        """
        now = time.monotonic()
        if now >= self._ends:
            raise busy(path, holder)
        if now >= self._tells:
            self._tells = now + _TELL_SECONDS
            self._notify(
                f"The registry is held by {holder}; waiting for it up to {self._ends - now:.0f} s more."
            )


@contextmanager
def file_lock(path: Path, wait: Wait) -> Iterator[None]:
    """Hold the lock file while the block runs; it holds this process's id and command meanwhile.

    The operating system frees it when the process ends, however it ends.

    Args:
        path: the lock file; made where it is missing, never removed.
        wait: that this belongs to.

    Raises:
        RegistryBusyError: naming the holder.
        InfrastructureError: when the file cannot be opened or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        _acquire(handle, path, wait)
        try:
            _write_holder(handle, path)
            yield
        finally:
            # Unlocking by name also frees a copy of the handle that a forked child took along.
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def pauses() -> Iterator[float]:
    """Seconds to wait between tries: growing to a tenth of a second, and uneven so that waiters part."""
    pause = _SHORTEST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1.5)  # noqa: S311 - spreads waiters, guards nothing
        pause = min(pause * 2, _LONGEST_PAUSE)


def busy(path: Path, holder: str) -> RegistryBusyError:
    """The error for a registry that stayed locked."""
    return RegistryBusyError(
        f"The registry stayed locked by {holder}.",
        where=str(path),
        fix="Run the step again; if that process hangs, or is a DuckDB shell of yours, end it.",
    )


def holder_of(path: Path) -> str:
    """Who wrote itself into the lock file last: "process 4711 (dagster-daemon run)"."""
    pid, _, command = path.read_text("utf-8", errors="replace").strip().partition(" ")
    return f"process {pid} ({command})" if pid else "another process"


def _acquire(handle: int, path: Path, wait: Wait) -> None:
    for pause in pauses():
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait.go_on(path, holder_of(path))
            time.sleep(pause)
        else:
            return


def _write_holder(handle: int, path: Path) -> None:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200] if sys.argv else sys.executable
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {command}\n".encode("utf-8", errors="replace"), 0)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"The registry's lock file cannot be used: {error.strerror}.",
        where=str(path),
        fix="Check FACTORY_DATA_DIR, its permissions and the free space there.",
    )
