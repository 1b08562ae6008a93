"""How many cores the tests may keep busy."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(quota: Path = _QUOTA) -> int:
    """Those that this process may run on, or the share of time that its container has of them; at least one.

    A container's share is no part of the affinity: https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
        return max(1, min(usable, int(allowed) // int(period)))
    except (OSError, ValueError):  # elsewhere than in a container, or one without a limit: "max"
        return usable
