"""Who runs the daemon of an instance: one holder at a time, seen by every other command.

The holder keeps a lock on a file, and the programs it starts inherit it. So the lock stands for as long as any of
them lives, also when the holder itself was killed, and `factory down` finds them by the ids in the file.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from factory_assets.daemon_notes import living_daemons
from factory_assets.domain.errors import InfrastructureError, InputError

_FILE, _USERS_FILE = "daemon.lock", "daemon-users.lock"
_COMES_UP_SECONDS, _LOOK_SECONDS = 60.0, 0.25
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


@dataclass(frozen=True)
class DaemonUse:
    """A command's share in the instance's daemon, whoever runs it."""

    descriptor: int

    def await_others(self, notify: Callable[[], None]) -> None:
        """Wait until no other command uses the daemon; those that come then wait until this one has ended.

        `notify` is called where there is something to wait for.
        """
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notify()
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)


@contextmanager
def using_daemon(data_dir: Path) -> Iterator[DaemonUse]:
    """Have a share in the instance's daemon for this block: a command that runs it does not stop it meanwhile."""
    descriptor = os.open(data_dir / _USERS_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield DaemonUse(descriptor)
    finally:
        os.close(descriptor)


def own_or_await_daemon(
    stack: ExitStack, data_dir: Path, daemon_is_running: Callable[[], bool]
) -> Ownership | None:
    """Be the one that runs this instance's daemon until the stack is closed; None once somebody else's daemon runs.

    Raises:
        InfrastructureError: somebody else is the one, and their daemon does not come up in a minute.
    """
    deadline = time.monotonic() + _COMES_UP_SECONDS
    while not daemon_is_running():
        others = living_daemons(data_dir)
        if not others:
            with suppress(InputError):
                return stack.enter_context(own(data_dir))
        if time.monotonic() > deadline:
            if others and not is_owned(data_dir):
                raise InfrastructureError(
                    f"This instance has a daemon, {', '.join(map(str, others))}, but it has not reported for a minute.",
                    where=str(data_dir),
                    fix="Look into its output; stop it where it was started, and give the command again.",
                )
            raise InfrastructureError(
                f"Another process runs this factory, but no daemon came up in {_COMES_UP_SECONDS:.0f} seconds.",
                where=str(data_dir / "logs"),
                fix="Look into daemon.log and code-server.log there; `factory down` stops that process.",
            )
        time.sleep(_LOOK_SECONDS)
    return None


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
        fix="Open its UI, wait for that command, or stop both with `make down` (`factory down`).",
    )
