"""The daemons at work on an instance, whoever started them: each keeps a lock on a note of its own while it lives.

The kernel lets go of the lock when the process ends, however it ends, so a note tells the living from the dead. Of a
heartbeat that can only be guessed: it outlives its daemon, and a daemon on a loaded machine is late with it.
"""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from factory_assets.locks import folder_lock

_FOLDER = "daemons"
# `dagster dev` and `dg dev` run the daemon as a child.
_CALLED = {"dagster", "dg"}


class _Words(BaseModel):
    """The first line of a note; the second, once the daemon has reported to a storage of several hosts, is its id."""

    pid: int
    program: str
    since: float


@dataclass(frozen=True)
class DaemonNote:
    """A daemon that works on the instance, or did.

    Args:
        pid: of the process to stop: the daemon's, or that of the `dagster dev` that started it.
        program: as it was called.
        since: when it started, in seconds since the epoch.
        lives: whether it still runs.
        daemon_id: by which its reports are known; None where nobody has noted it.
    """

    pid: int
    program: str
    since: float
    lives: bool
    daemon_id: str | None = None

    def __str__(self) -> str:
        began = f"{datetime.fromtimestamp(self.since, UTC):%Y-%m-%d %H:%M} UTC"
        return f"`{self.program}` (process {self.pid}, since {began})"


def note_daemon(data_dir: Path) -> int:
    """Note that this process is a daemon of the instance, for as long as the returned descriptor is open."""
    folder = data_dir / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with folder_lock(data_dir):
        _remove_ended(data_dir)
        descriptor, _ = tempfile.mkstemp(dir=folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.fchmod(descriptor, 0o644)
        os.write(descriptor, f"{_words().model_dump_json()}\n".encode())
    return descriptor


def note_daemon_id(descriptor: int, daemon_id: str) -> None:
    """Add to the note of this process by which id its reports are known."""
    os.write(descriptor, f"{daemon_id}\n".encode())


def daemon_notes(data_dir: Path) -> list[DaemonNote]:
    """The daemons that live, and those that have ended since the last one started."""
    found = []
    for path in _files(data_dir):
        with suppress(FileNotFoundError, ValidationError):
            first, *others = path.read_text().splitlines() or [""]
            words = _Words.model_validate_json(first)
            daemon_id = others[0] if others else None
            found.append(DaemonNote(words.pid, words.program, words.since, _is_held(path), daemon_id))
    return sorted(found, key=lambda note: note.since)


def living_daemons(data_dir: Path) -> list[DaemonNote]:
    """The daemons that run on this instance now, the longest-running first."""
    return [note for note in daemon_notes(data_dir) if note.lives]


def forget_ended(data_dir: Path) -> None:
    """Remove the notes of daemons that have ended."""
    with folder_lock(data_dir):
        _remove_ended(data_dir)


def _remove_ended(data_dir: Path) -> None:
    # Only under the folder's lock: a note is there for a moment before it is locked.
    for path in _files(data_dir):
        with suppress(FileNotFoundError):
            if not _is_held(path):
                path.unlink()


def _files(data_dir: Path) -> Iterator[Path]:
    folder = data_dir / _FOLDER
    if folder.is_dir():
        yield from folder.iterdir()


def _is_held(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Shared, so that those who look do not take one another for a daemon.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _words() -> _Words:
    """No arguments: those of a daemon name its storage, passwords included."""
    path = Path(sys.argv[0])
    program, pid = path.stem if path.stem != "__main__" else "dagster-daemon", os.getpid()
    with suppress(psutil.Error):
        starter = psutil.Process(os.getppid())
        words = [Path(word).name for word in starter.cmdline()[:4]]
        if "dev" in words and not _CALLED.isdisjoint(words):
            program, pid = "dagster dev", starter.pid
    return _Words(pid=pid, program=program, since=time.time())
