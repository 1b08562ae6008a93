"""One request at a time and one per interval, over all processes of this machine, or over all hosts."""

from __future__ import annotations

import fcntl
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Protocol

from factory_assets.domain.errors import InfrastructureError


class Turns(Protocol):
    """Turns at a server, one after the other."""

    def turn(self) -> AbstractContextManager[None]:
        """Wait for the turn, and keep it while the request runs.

        Raises:
            InfrastructureError: whose turn it is cannot be told.
        """
        ...


class HeldTurn(Protocol):
    """What is known of a server by whoever has the turn there. Every method may raise InfrastructureError."""

    def seconds_since_asked(self) -> float:
        """Since it was asked last; infinite where it never was."""
        ...

    def note_asked(self) -> None:
        """It is asked now, and wants no quiet any more."""
        ...

    def seconds_of_quiet(self) -> float:
        """For how long it still wants to hear nothing."""
        ...

    def be_quiet(self, seconds: float) -> None:
        """It wants to hear nothing for so long."""
        ...


class TurnPlace(Protocol):
    """Where a turn is held, by one at a time."""

    def held(self, waiting: Callable[[], None]) -> AbstractContextManager[HeldTurn]:
        """Hold it for the block; `waiting` is called where another has it.

        Raises:
            InfrastructureError: whose turn it is cannot be told.
        """
        ...


class SharedPoliteness:
    """Turns at a server over all hosts that share the place.

    Args:
        place: where the turn is held.
        interval: seconds from the start of one request to the start of the next.
    """

    def __init__(
        self, place: TurnPlace, *, interval: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._place = place
        self._interval = interval
        self._sleep = sleep

    @contextmanager
    def turn(self) -> Iterator[None]:
        """See Turns."""
        with self._place.held(lambda: None) as turn:
            left = self._interval - max(turn.seconds_since_asked(), 0.0)
            if left > 0:
                self._sleep(left)
            turn.note_asked()
            yield


class Politeness:
    """Turns at a server, kept in a locked file that holds the Unix time of the last request.

    arXiv's terms allow one request every three seconds on one connection, counted over everything a user
    runs (https://info.arxiv.org/help/api/tou.html), so a turn holds the lock until its answer is read.

    Args:
        path: the file all processes share; made with its folder where it is missing.
        interval: seconds from the start of one request to the start of the next.
    """

    def __init__(
        self,
        path: Path,
        *,
        interval: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = path
        self._interval = interval
        self._clock = clock
        self._sleep = sleep

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn, and keep it while the request runs.

        Raises:
            InfrastructureError: the file cannot be written.
        """
        with self._opened() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._wait(file)
            file.seek(0)
            file.truncate()
            file.write(f"{self._clock():.6f}\n")
            file.flush()
            yield

    def _opened(self) -> IO[str]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._path.open("a+", encoding="ascii", errors="replace")
        except OSError as error:
            raise InfrastructureError(
                f"The file that spaces the requests of this machine cannot be opened: {error.strerror}.",
                where=str(self._path),
                fix="Make it and its folder writable for this user.",
            ) from None

    def _wait(self, file: IO[str]) -> None:
        file.seek(0)
        last = _moment(file.read(64))
        elapsed = self._clock() - last
        # A time in the future means that the clock was set back: then a whole interval is enough.
        if elapsed < self._interval:
            self._sleep(self._interval - max(elapsed, 0.0))


def _moment(text: str) -> float:
    try:
        moment = float(text)
    except ValueError:
        return -math.inf
    return moment if math.isfinite(moment) else -math.inf
