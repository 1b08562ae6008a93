"""What a build may take by the size of its spec: turns of the build phase, and multiples of time and dollars."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST = 20
MIN_LINES, MAX_LINES = 100, 300
"""What the analysis proposes: lines of code that can be built in one sitting."""


@dataclass(frozen=True)
class Size:
    """Up to `lines` estimated lines, the build phase has so many turns.

    Budgets of the repo and its phases, and the wall-clock limit of a phase, are `share` times their settings.
    """

    lines: int
    turns: int
    share: float


# The first three are what analysis proposes. A turn writes some fifty lines with their tests, and each turn costs
# more the longer the session is, so that dollars grow faster than lines.
SIZES = (
    Size(100, 10, 1.0),
    Size(200, 15, 1.0),
    Size(300, 20, 1.0),
    Size(600, 30, 1.5),
    Size(1_500, 45, 2.0),
    Size(3_000, 70, 3.0),
    Size(5_000, 100, 4.0),
)
LARGEST = SIZES[-1].lines


def size_of(estimated_lines: int) -> Size:
    """The row of the table; what is larger than all of them has the last one."""
    return next((size for size in SIZES if estimated_lines <= size.lines), SIZES[-1])


def too_large(estimated_lines: int) -> str:
    """Why so many lines are refused, and what the operator can do."""
    return (
        f"{estimated_lines:,} lines are more than one build can write ({LARGEST:,}, whatever FACTORY_BUILD_TURNS and"
        " FACTORY_BUILD_BUDGET_USD are): cut the spec down, or split it"
    )


def beyond_day(estimated_lines: int, *, repo_usd: float, day_usd: float) -> str | None:
    """Why the day's budget could never cover a build of that size; None where it does."""
    needed = repo_usd * size_of(estimated_lines).share
    if needed <= day_usd:
        return None
    return (
        f"{estimated_lines:,} lines may take ${needed:.2f}, {size_of(estimated_lines).share:g} times"
        f" FACTORY_REPO_BUDGET_USD (${repo_usd:.2f}), and FACTORY_DAY_BUDGET_USD is ${day_usd:.2f}: raise that to"
        f" {needed:g}, or cut the spec down"
    )
