"""Pacing over all processes: one mirror at a time, seconds from one push to the next, and waits that were asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import Timeout

from factory_assets.domain.errors import RateLimitedError
from factory_assets.locks import path_lock
from factory_assets.mirror.waiting import PATIENCE_SECONDS, later
from factory_assets.network.politeness import HeldTurn, TurnPlace

# Where a server names no time: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
_UNNAMED = timedelta(minutes=1)
# No server asks for longer; a time further away was written by a clock that was ahead.
_LONGEST = timedelta(hours=24)


@dataclass(frozen=True)
class Turn:
    """The right to mirror, held by one process at a time."""

    held: HeldTurn
    interval: float
    notify: Callable[[str], None]

    def wait(self) -> None:
        """Wait until the interval since the last push is over, and count this push from now on."""
        # A clock that was set back must not make anybody wait for longer than the interval.
        left = min(self.interval, self.interval - self.held.seconds_since_asked())
        if left > 0:
            self.notify(
                f"Waiting {left:.0f} s: mirrors are {self.interval:g} s apart (FACTORY_MIRROR_INTERVAL)."
            )
            time.sleep(left)
        self.held.note_asked()

    def put_off(self, until: datetime | None) -> None:
        """Keep every process from asking again before that time, or for a minute where none was named."""
        wait = _UNNAMED if until is None else until - datetime.now(UTC)
        self.held.be_quiet(wait.total_seconds())

    def open(self) -> None:
        """Wait for the end of a wait that was asked for, where that is soon.

        Raises:
            RateLimitedError: it is not; nothing was asked.
        """
        left = self.held.seconds_of_quiet()
        if left <= 0 or left > _LONGEST.total_seconds():
            return
        at = datetime.now(UTC) + timedelta(seconds=left)
        if left > PATIENCE_SECONDS:
            raise RateLimitedError(
                f"An earlier mirror was asked to wait until {at:%Y-%m-%d %H:%M} UTC; this one asked nothing.",
                fix=later(at),
                until=at,
            )
        self.notify(f"Waiting {left:.0f} s, as an earlier mirror was asked to.")
        time.sleep(left)


@dataclass
class Pacing:
    """`place` is where all processes hold the turn during a mirror."""

    place: TurnPlace
    interval: float
    _turn: Turn | None = field(default=None, init=False)

    def put_off(self, until: datetime) -> None:
        """Write down, as the holder of the turn, until when the server wants to hear nothing."""
        if self._turn is not None:
            self._turn.put_off(until)

    @contextmanager
    def turn(self, notify: Callable[[str], None]) -> Iterator[Turn]:
        """Hold the turn, which is given back when the process dies.

        Raises:
            RateLimitedError: an earlier mirror was asked to wait, and it is not over soon.
            InfrastructureError: whose turn it is cannot be told.
        """
        with self.place.held(lambda: notify("Waiting for another run that is mirroring.")) as held:
            turn = self._turn = Turn(held, self.interval, notify)
            turn.open()
            try:
                yield turn
            except RateLimitedError as error:
                turn.put_off(error.until)
                raise


@dataclass(frozen=True)
class FilePlace:
    """A file that all processes of this machine share, locked during a turn. Implements TurnPlace, and HeldTurn."""

    path: Path

    @contextmanager
    def held(self, waiting: Callable[[], None]) -> Iterator[FilePlace]:
        """See TurnPlace. The operating system gives it back when the process dies."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = path_lock(self.path)
        try:
            holding = lock.acquire(blocking=False)
        except Timeout:
            waiting()
            holding = lock.acquire()
        with holding:
            yield self

    def seconds_since_asked(self) -> float:
        """See HeldTurn."""
        last = self._read()[0]
        return time.time() - last if last else math.inf

    def note_asked(self) -> None:
        """See HeldTurn."""
        self._write(time.time(), 0.0)

    def seconds_of_quiet(self) -> float:
        """See HeldTurn."""
        return self._read()[1] - time.time()

    def be_quiet(self, seconds: float) -> None:
        """See HeldTurn."""
        self._write(self._read()[0], time.time() + seconds)

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
