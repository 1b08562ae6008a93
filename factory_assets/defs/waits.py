"""What a tick says of what it does not launch: stops, specs that wait, dates and repos without a partition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date

from factory_assets.defs.alerts import budget_cause
from factory_assets.domain.alerts import Alert
from factory_assets.domain.automation import Hold, Launches
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus, WaitCause
from factory_assets.domain.places import Lacking, Places
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry


def waiting_specs(
    registry: Registry,
    launchable: Sequence[QueuedSpec],
    launches: Launches,
    cancelled: Collection[str],
    *,
    places: Places,
    today: date,
) -> str:
    """Why specs wait, with numbers, in one line; empty when none does. `cancelled` are put off in this tick."""
    ready = {queued.id for queued in launchable}
    causes = Counter(
        _cause(queued, cancelled, places.lacking(queued, today))
        for queued in registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS})
        if queued.id not in ready
    )
    put_off = ", ".join(f"{number} ({cause})" for cause, number in sorted(causes.items()))
    told = [*launches.held, *([f"put off: {put_off}"] if put_off else [])]
    return f"Specs that wait: {'; '.join(told)}." if told else ""


def _cause(queued: QueuedSpec, cancelled: Collection[str], lacks: Lacking | None) -> str:
    if lacks is not None:
        return f"no {lacks.missing}"
    if queued.spec.name in cancelled:
        return str(WaitCause.CANCELLED)
    return str(queued.wait_cause)


def day_is_full(launches: Launches, *, day_usd: float, ui_url: str) -> Alert:
    """What an operator is told when the day's budget holds specs back."""
    return Alert(
        cause=budget_cause(WaitCause.DAY_BUDGET),
        title=f"Builds wait: the {WaitCause.DAY_BUDGET} is used up or set aside",
        text=f"{launches.held_by_budget} specs wait. They go on at 00:00 UTC, or when FACTORY_DAY_BUDGET_USD"
        f" (${day_usd:.2f}) is raised.",
        link=f"{ui_url}/assets/built_repos",
    )


def held(standing: Sequence[Hold]) -> str:
    """Why nothing that needs a model is launched."""
    return "Nothing that needs a model is launched. " + " ".join(str(hold) for hold in standing)


def apart(number: int, what: str, one: str, more: str) -> str:
    """What is left out because Dagster has no partition for it; empty where nothing is."""
    if not number:
        return ""
    subject = f"1 {what} {one}" if number == 1 else f"{number} {what}s {more}"
    return (
        f"{subject}: no partition lies there now (FACTORY_START_DATE, FACTORY_END_DATE and"
        " FACTORY_RANKS say which do)."
    )
