"""What a schedule or sensor launches: decisions as pure functions of the clock and the registry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from factory_assets.domain.announcements import is_settled
from factory_assets.domain.specs import QueuedSpec


def trailing_window(today: date, *, days: int, first: date, last: date | None) -> tuple[date, date] | None:
    """The dates to gather now, both ends inclusive: the last `days` days that are partitions."""
    end = today if last is None else min(today, last)
    start = max(first, end - timedelta(days=days - 1))
    return (start, end) if start <= end else None


def days_to_analyse(
    gathered: Iterable[date], analysed: Collection[date], unread: Collection[date], now: datetime
) -> list[date]:
    """Settled dates that were gathered and are not analysed, or hold papers that came later, oldest first."""
    return [
        day for day in sorted(gathered) if is_settled(day, now) and (day not in analysed or day in unread)
    ]


@dataclass(frozen=True)
class Launches:
    """The specs to launch now, and why the others wait."""

    specs: tuple[QueuedSpec, ...]
    already_running: int
    held_by_budget: int


def choose_launches(
    launchable: Sequence[QueuedSpec],
    *,
    busy: Collection[str],
    spent_usd: float,
    repo_budget_usd: float,
    day_budget_usd: float,
) -> Launches:
    """Launch what has no run yet while the day's budget covers each repo's whole budget.

    Runs that are queued or running hold their repo's budget too, so that together they cannot overspend.
    """
    waiting = [queued for queued in launchable if queued.spec.name not in busy]
    room = day_budget_usd - spent_usd - len(busy) * repo_budget_usd
    affordable = max(0, int(room / repo_budget_usd + 1e-9))
    return Launches(
        specs=tuple(waiting[:affordable]),
        already_running=len(launchable) - len(waiting),
        held_by_budget=max(0, len(waiting) - affordable),
    )
