"""Commands at work with another one's daemon: it is not stopped under them, nor while the next one looks for it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FILE = "guests.lock"


class Guests:
    """The commands of one instance that need a daemon, whosever it is. The kernel forgets one that dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    @contextmanager
    def of(cls, data_dir: Path) -> Iterator[Guests]:
        """Be one of them, from before the look for a daemon on; while one is being stopped, this waits for that."""
        descriptor = os.open(data_dir / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield cls(descriptor)
        finally:
            os.close(descriptor)

    def wait_for_others(self, when_any: Callable[[], None]) -> None:
        """Before the own daemon is stopped: wait for the others, and let nobody come until this one is over."""
        # A lock that is changed is given up first, so two of them cannot wait for each other.
        with suppress(BlockingIOError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        when_any()
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
