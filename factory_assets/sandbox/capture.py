"""Waiting for a started process with its output kept within bounds: never a deadlock, never a full memory."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

HEAD_BYTES = 256 * 1024
TAIL_BYTES = 768 * 1024
_GRACE_SECONDS = 10.0


@dataclass
class BoundedOutput:
    """The beginning and the end of an output, up to a megabyte together."""

    _head: bytearray = field(default_factory=bytearray)
    _tail: bytearray = field(default_factory=bytearray)
    _dropped: int = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        room = HEAD_BYTES - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        excess = len(self._tail) - TAIL_BYTES
        if excess > 0:
            del self._tail[:excess]
            self._dropped += excess

    @property
    def text(self) -> str:
        """What was kept, saying how much is left out."""
        gap = f"\n[… {self._dropped} bytes left out …]\n".encode() if self._dropped else b""
        return bytes(self._head + gap + self._tail).decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Captured:
    """What a process wrote, and whether its time ran out."""

    output: str
    timed_out: bool


def capture(
    process: subprocess.Popen[bytes], *, timeout_seconds: float, stop: Callable[[], None]
) -> Captured:
    """Wait for the end of `process`, whose stdout is a pipe; after `timeout_seconds` call `stop`.

    `stop` is also called when the wait is interrupted.
    """
    output = BoundedOutput()
    deadline = time.monotonic() + timeout_seconds
    ended = False
    try:
        ended = _drain(process, output, deadline) and _wait(process, deadline)
    finally:
        if not ended:
            stop()
    if not ended:
        _drain(process, output, time.monotonic() + _GRACE_SECONDS)
        _wait(process, time.monotonic() + _GRACE_SECONDS)
    if process.stdout:
        process.stdout.close()
    return Captured(output.text, timed_out=not ended)


def _drain(process: subprocess.Popen[bytes], output: BoundedOutput, deadline: float) -> bool:
    """Read until the last holder of the pipe has closed it; False when the deadline came first."""
    if process.stdout is None:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (remaining := deadline - time.monotonic()) > 0:
            if selector.select(remaining):
                chunk = os.read(process.stdout.fileno(), 65536)
                if not chunk:
                    return True
                output.add(chunk)
    return False


def _wait(process: subprocess.Popen[bytes], deadline: float) -> bool:
    try:
        process.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True
