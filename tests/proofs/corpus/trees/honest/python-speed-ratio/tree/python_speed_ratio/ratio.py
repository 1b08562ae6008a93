"""Ratios of timings."""

from collections.abc import Sequence
from statistics import median


def ratio(before: Sequence[float], after: Sequence[float]) -> float:
    """The median before, divided by the one after.

    Raises:
        ValueError: one of them is empty, or takes no time.
    """
    if not before or not after or median(after) == 0:
        raise ValueError("both lists need timings above zero")
    return median(before) / median(after)


def words(value: float) -> str:
    """The ratio in words."""
    if value > 1:
        return f"{value:.1f}x faster"
    if value < 1:
        return f"{1 / value:.1f}x slower"
    return "as fast as before"
