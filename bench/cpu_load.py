"""How busy the machine was while something was measured, by this program and by others."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import psutil


class CpuLoad:
    """From when it is made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._idle = _idle()
        self._own = _own()

    def told(self) -> str:
        """In words: how many cores the measurement and how many other programs kept busy, on average."""
        seconds = time.monotonic() - self._started
        cores = os.cpu_count() or 1
        own = (_own() - self._own) / seconds
        others = max(0.0, cores - (_idle() - self._idle) / seconds - own)
        return f"{own:.1f} of the machine's {cores} cores busy by it and {others:.1f} by what else ran there"


def _idle() -> float:
    times = psutil.cpu_times()
    return float(times.idle + times.iowait)


def _own() -> float:
    """Seconds of a core that this process took, those that it has started, and theirs that have ended."""
    times = os.times()
    seconds = times.user + times.system + times.children_user + times.children_system
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            seconds += sum(process.cpu_times()[:4])
    return seconds
