"""The one back-off of the factory: what fails for a reason that passes is tried again, each time later."""

from __future__ import annotations

from datetime import timedelta

FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(hours=6)


def pause_after(times: int, *, first: timedelta = FIRST_PAUSE) -> timedelta:
    """How long to wait after so many times: `first`, each time twice as long, at most 6 hours."""
    doublings: int = 2 ** min(times, 10)
    return min(first * doublings, LONGEST_PAUSE)
