"""A thread on the host that stops a contained program which takes more than its limits."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from factory_assets.sandbox.descendants import Descendants
from factory_assets.sandbox.groups import ControlGroup
from factory_assets.sandbox.limits import ResourceLimits

_LOOK_SECONDS = 0.1
_WALK_SECONDS = 1.0
# Of its time, a walk over the folders takes this share at most.
_WALK_SHARE = 0.1
# A file without content takes room as well.
_SMALLEST_FILE = 4096
_JOIN_SECONDS = 10.0


@dataclass
class Watchdog:
    """Looks after one running program, from entering to leaving the context.

    Args:
        limits: what it may take.
        folders: where it can write on the disk.
        root: the process it descends from, as soon as that is known.
        stop: ends the program and all it started.
        group: the control group it runs in, where there is one.
    """

    limits: ResourceLimits
    folders: Sequence[Path]
    root: Callable[[], int | None]
    stop: Callable[[], None]
    group: ControlGroup | None = None
    _stopped: str | None = None
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _next_walk: float = 0.0

    @property
    def stopped(self) -> str | None:
        """Which limit it passed, in words; None while it has passed none."""
        return self._stopped or (self.group and self.group.exceeded(self.limits)) or None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, name="factory-watchdog", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(_JOIN_SECONDS)

    def _watch(self) -> None:
        descendants: Descendants | None = None
        self._next_walk = time.monotonic() + _WALK_SECONDS
        while not self._over.wait(_LOOK_SECONDS):
            root = self.root()
            if descendants is None and root is not None and sys.platform == "linux":
                descendants = Descendants(root)
            self._stopped = self._stopped or self._look(descendants)
            if self._stopped:
                # Again and again, until whoever waits for the program has seen its end.
                self.stop()

    def _look(self, descendants: Descendants | None) -> str | None:
        limits = self.limits
        if self.group is not None and (passed := self.group.exceeded(limits)):
            return passed
        if descendants is not None:
            load = descendants.look()
            if load.processes > limits.processes:
                return limits.too_many_processes
            if load.threads > limits.threads:
                return limits.too_many_threads
            if (
                load.resident_bytes > limits.memory_bytes
                and descendants.proportional_bytes() > limits.memory_bytes
            ):
                return limits.too_much_memory
        if time.monotonic() >= self._next_walk and self._walk() > limits.disk_bytes:
            return limits.too_much_disk
        return None

    def _walk(self) -> int:
        started = time.monotonic()
        size = sum(bytes_below(folder) for folder in self.folders)
        now = time.monotonic()
        self._next_walk = now + max(_WALK_SECONDS, (now - started) / _WALK_SHARE)
        return size


def bytes_below(folder: Path) -> int:
    """What the entries below a folder take on the disk; what vanishes meanwhile counts nothing."""
    size, left = 0, [str(folder)]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    # What vanishes in between is no reason to leave out the entries that follow it.
                    with suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            size += _SMALLEST_FILE
                            left.append(entry.path)
                        else:
                            size += max(_SMALLEST_FILE, entry.stat(follow_symlinks=False).st_blocks * 512)
        except OSError:
            continue
    return size
