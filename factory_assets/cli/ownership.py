"""Who runs the daemon of an instance: one holder at a time, seen by every other command.

The holder keeps a lock on a file, and the programs it starts inherit it. So the lock stands for as long as any of
them lives, also when the holder itself was killed, and `factory down` finds them by the ids in the file.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from factory_assets.domain.errors import InputError

_FILE = "daemon.lock"
_OURS = ("dagster", "factory")


@dataclass(frozen=True)
class Ownership:
    """The held lock; `descriptor` is for the programs to inherit."""

    descriptor: int

    def note(self, pid: int) -> None:
        """Write down a program that was started, so that it can be found and stopped."""
        os.write(self.descriptor, f"{pid}\n".encode())


def lock_file(data_dir: Path) -> Path:
    """The lock of the instance with this data directory."""
    return data_dir / _FILE


@contextmanager
def own(data_dir: Path) -> Iterator[Ownership]:
    """Be the one that runs this instance's daemon.

    Raises:
        InputError: somebody else is, with their process id.
    """
    descriptor = os.open(lock_file(data_dir), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(data_dir) from None
        os.ftruncate(descriptor, 0)
        ownership = Ownership(descriptor)
        ownership.note(os.getpid())
        yield ownership
    finally:
        os.close(descriptor)


def is_owned(data_dir: Path) -> bool:
    """Whether anybody runs this instance's daemon."""
    try:
        with own(data_dir):
            return False
    except InputError:
        return True


def check_free(data_dir: Path) -> None:
    """Refuse where somebody runs this instance's daemon.

    Raises:
        InputError: with their process id.
    """
    if is_owned(data_dir):
        raise _taken(data_dir)


def owners(data_dir: Path) -> list[int]:
    """The processes that hold the lock: the holder first, then what it started, as far as they live."""
    if not is_owned(data_dir):
        return []
    noted = [int(line) for line in lock_file(data_dir).read_text().split() if line.isdigit()]
    return [pid for pid in noted if _is_ours(pid)]


def _is_ours(pid: int) -> bool:
    try:
        command = " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return False
    return any(word in command for word in _OURS)


def _taken(data_dir: Path) -> InputError:
    pids = lock_file(data_dir).read_text().split()
    return InputError(
        f"This factory is up already, or a factory command is at work on it (process {', '.join(pids[:1])}).",
        where=str(data_dir),
        mend="Open its UI, wait for that command, or stop both with `make down` (`factory down`).",
    )
