"""Pacing over all processes: one mirror at a time, seconds from one push to the next, and waits that were asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import BaseFileLock, Timeout

from factory_assets.domain.errors import RateLimitedError
from factory_assets.locks import path_lock
from factory_assets.mirror.waiting import PATIENCE_SECONDS, later

# Where a server names no time: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
_UNNAMED = timedelta(minutes=1)
# No server asks for longer; a time further away was written by a clock that was ahead.
_LONGEST = timedelta(hours=24)


@dataclass(frozen=True)
class Turn:
    """The right to mirror, held by one process at a time."""

    path: Path
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
        self._write(time.time(), 0.0)

    def put_off(self, until: datetime | None) -> None:
        """Keep every process from asking again before that time, or for a minute where none was named."""
        self._write(self._read()[0], (until or datetime.now(UTC) + _UNNAMED).timestamp())

    def open(self) -> None:
        """Wait for the end of a wait that was asked for, where that is soon.

        Raises:
            RateLimitedError: it is not; nothing was asked.
        """
        until = self._read()[1]
        left = until - time.time()
        if left <= 0 or left > _LONGEST.total_seconds():
            return
        at = datetime.fromtimestamp(until, UTC)
        if left > PATIENCE_SECONDS:
            raise RateLimitedError(
                f"An earlier mirror was asked to wait until {at:%Y-%m-%d %H:%M} UTC; this one asked nothing.",
                fix=later(at),
                until=at,
            )
        self.notify(f"Waiting {left:.0f} s, as an earlier mirror was asked to.")
        time.sleep(left)

    def _seconds_left(self) -> float:
        # A clock that was set back must not make anybody wait for longer than the interval.
        return min(self.interval, self._read()[0] + self.interval - time.time())

    def _read(self) -> tuple[float, float]:
        """When the last push was, and until when not to ask; 0 for never."""
        try:
            last, until = map(float, self.path.read_bytes().split())
        except (FileNotFoundError, ValueError):
            return 0.0, 0.0
        return last, until

    def _write(self, last: float, until: float) -> None:
        self.path.touch()
        # Over what stands there: on a full disk, or killed, it must not leave an empty file, which forgets the wait.
        with self.path.open("r+b") as file:
            file.write(f"{last:.3f} {until:.3f}".encode())
            file.truncate()


@dataclass(frozen=True)
class Pacing:
    """`path` is a file that all processes share, locked during a mirror; it holds what a Turn writes."""

    path: Path
    interval: float

    def put_off(self, until: datetime) -> None:
        """Write down, as the holder of the turn, until when the server wants to hear nothing."""
        Turn(self.path, self.interval, lambda _: None).put_off(until)

    @contextmanager
    def turn(self, notify: Callable[[str], None]) -> Iterator[Turn]:
        """Hold the turn. The operating system gives it back when the process dies.

        Raises:
            RateLimitedError: an earlier mirror was asked to wait, and it is not over soon.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._held(notify):
            turn = Turn(self.path, self.interval, notify)
            turn.open()
            try:
                yield turn
            except RateLimitedError as error:
                turn.put_off(error.until)
                raise

    def _held(self, notify: Callable[[str], None]) -> AbstractContextManager[BaseFileLock]:
        lock = path_lock(self.path)
        try:
            return lock.acquire(blocking=False)
        except Timeout:
            notify("Waiting for another run that is mirroring.")
            return lock.acquire()
