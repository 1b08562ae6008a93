"""Pacing over all processes: one mirror at a time, and so many seconds from one push to the next."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Turn:
    """The right to mirror, held by one process at a time."""

    descriptor: int
    interval: float
    notify: Callable[[str], None]

    def wait(self) -> None:
        """Wait until the interval since the last push is over, and count this push from now on."""
        left = self._seconds_left()
        if left > 0:
            self.notify(
                f"Waiting {left:.0f} s: mirrors are {self.interval:g} s apart (FACTORY_MIRROR_INTERVAL)."
            )
            time.sleep(left)
        stamp = f"{time.time():.3f}".encode()
        os.pwrite(self.descriptor, stamp, 0)
        os.ftruncate(self.descriptor, len(stamp))

    def _seconds_left(self) -> float:
        try:
            last = float(os.pread(self.descriptor, 64, 0))
        except ValueError:
            return 0.0
        # A clock that was set back must not make anybody wait for longer than the interval.
        return min(self.interval, last + self.interval - time.time())


@dataclass(frozen=True)
class Pacing:
    """`path` is a file that all processes share, locked during a mirror; it holds the last push's time."""

    path: Path
    interval: float

    @contextmanager
    def turn(self, notify: Callable[[str], None]) -> Iterator[Turn]:
        """Hold the turn. The operating system gives it back when the process dies."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _lock(descriptor, notify)
            yield Turn(descriptor, self.interval, notify)
        finally:
            os.close(descriptor)


def _lock(descriptor: int, notify: Callable[[str], None]) -> None:
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                notify("Waiting for another run that is mirroring.")
                told = True
            time.sleep(_POLL_SECONDS)
        else:
            return
