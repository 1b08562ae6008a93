"""The first process of a PID namespace: when it is gone, the kernel has ended everything in the namespace."""

from __future__ import annotations

import os
import re
import select
import sys

_CHILD_PID = re.compile(rb'"child-pid":\s*(\d+)')
WAIT_SECONDS = 10.0


def first_process(info: bytes) -> int | None:
    """The process that bubblewrap names in its `--info-fd` output."""
    found = _CHILD_PID.search(info)
    return int(found.group(1)) if found else None


def read_info(descriptor: int) -> bytes:
    """Read bubblewrap's `--info-fd` output from a pipe: to its closing brace, since others hold the pipe."""
    info = b""
    while b"}" not in info and (chunk := os.read(descriptor, 4096)):
        info += chunk
    return info


class ProcessWatch:
    """Waits for a process that is not a child of this one."""

    def __init__(self, pid: int | None) -> None:
        self._descriptor: int | None = None
        if pid is not None and sys.platform == "linux":
            try:
                self._descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                self._descriptor = None

    def wait(self, seconds: float = WAIT_SECONDS) -> bool:
        """Wait until it is gone; True when it is."""
        if self._descriptor is None:
            return True
        try:
            return bool(select.select([self._descriptor], [], [], seconds)[0])
        finally:
            os.close(self._descriptor)
            self._descriptor = None
