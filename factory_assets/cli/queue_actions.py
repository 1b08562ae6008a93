"""What an operator does with the queue: retry one repo, requeue many, resume a queue that was stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time

from rich.console import Console

from factory_assets.domain.automation import Hold
from factory_assets.domain.batches import AnalysisBatch
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus, Phase
from factory_assets.domain.errors import InputError, StatusError
from factory_assets.domain.places import Lacking, Places
from factory_assets.domain.specs import QueuedSpec, rank_key
from factory_assets.registry import Registry

_NEXT = "`queued_specs` launches it when its turn comes (`factory enable`), or `factory build --repo {}` does now."


def retry(
    registry: Registry,
    name: str,
    console: Console,
    *,
    again_from: Phase | None = None,
    undo: Callable[[str, Phase], None],
    places: Places | None = None,
) -> None:
    """Queue a failed repo again, or end the wait of one that was put off, and say what launches it.

    Args:
        registry: where it waits.
        name: its name.
        console: where to tell it.
        again_from: the phase from which on everything is done anew; None goes on from what has passed.
        undo: does away with the phases of a repo from one on.
        places: the partitions there are; with them it is told where there is none for it.

    Raises:
        InputError: no spec has this name.
        StatusError: it has shipped, or it is being built.
    """
    queued = registry.queue.named(name)
    if queued is None:
        raise InputError("No spec has this name.", where=name, fix="`factory status` lists the names.")
    if queued.status is BuildStatus.SHIPPED:
        raise StatusError(
            "It has shipped, and a shipped repo never changes.",
            where=name,
            fix="Nothing is to be done; `factory show` tells its story.",
        )
    if queued.status in IN_PROGRESS:
        raise StatusError(
            f"It is {queued.status}.",
            where=name,
            fix="Nothing is to be done: should its run be gone, another takes it up where it stopped.",
        )
    if again_from is not None:
        undo(name, again_from)
    registry.queue.requeue(queued.id)
    console.print(
        f"{name}: {_done(queued, again_from)} {_next(queued, registry, places)}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _next(queued: QueuedSpec, registry: Registry, places: Places | None) -> str:
    if (lacks := _lacking(queued, places)) is not None:
        return f"But nothing can launch it now. {lacks.what} {lacks.fix}"
    if standing := [hold for hold in registry.holds.standing() if hold.stops_builds]:
        return f"But the queue is stopped, and nothing launches it before that is fixed. {standing[0]}"
    return _NEXT.format(queued.spec.name)


def _lacking(queued: QueuedSpec, places: Places | None) -> Lacking | None:
    return places.lacking(queued, datetime.now(UTC).date()) if places is not None else None


def requeue(
    registry: Registry, since: date, console: Console, *, write: bool, places: Places | None = None
) -> None:
    """Queue again every build that failed on that date (UTC) or later; without `write`, only list them."""
    failed = registry.queue.failed_since(datetime.combine(since, time(), UTC))
    if write:
        for queued in failed:
            registry.queue.requeue(queued.id)
    for queued in failed:
        reason = (queued.error_log or "").partition("\n")[0]
        console.print(f"  {place(queued)}: {reason}", markup=False, highlight=False, soft_wrap=True)
        if (lacks := _lacking(queued, places)) is not None:
            unlaunched = f"    Nothing can launch it now. {lacks.what} {lacks.fix}"
            console.print(unlaunched, markup=False, highlight=False, soft_wrap=True)
    said = "queued again" if write else "would be queued again"
    console.print(f"{len(failed)} builds that failed since {since} {said}.", highlight=False)


def show_resumed(lifted: Sequence[Hold], workers: int, console: Console) -> None:
    """What `factory resume` did."""
    for hold in lifted:
        console.print(f"Lifted: {hold.reason}", markup=False, highlight=False, soft_wrap=True)
    said = "The queue goes on" if lifted else "The queue was not stopped"
    console.print(f"{said}: {workers} builds may run at once.", highlight=False)


def show_holds(standing: Sequence[Hold], console: Console) -> None:
    """The stops of the queue, before everything else."""
    for hold in standing:
        console.print(
            f"THE QUEUE IS STOPPED since {hold.since:%Y-%m-%d %H:%M} UTC ({hold.cause}): {hold}",
            style="bold red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def show_batches(batches: Sequence[AnalysisBatch], console: Console) -> None:
    """The dates whose analysis waits for a message batch."""
    for batch in batches:
        console.print(f"analysis of {batch.words}", markup=False, highlight=False, soft_wrap=True)


def show_windows(lines: Sequence[str], console: Console) -> None:
    """How full the subscription's windows are, where anything is known of them."""
    for line in lines:
        console.print(f"subscription {line}", markup=False, highlight=False, soft_wrap=True)


def place(queued: QueuedSpec) -> str:
    """Date, rank and name."""
    rank = rank_key(queued.rank) if queued.rank is not None else "--"
    return f"{queued.day}|{rank} {queued.spec.name}"


def _done(queued: QueuedSpec, again_from: Phase | None) -> str:
    if queued.status is BuildStatus.FAILED:
        goes_on = f"the next begins anew at {again_from}" if again_from else "the next keeps what had passed"
        return f"queued again; attempt {queued.attempts} had failed, {goes_on}."
    if queued.wait_cause is None:
        return "it is queued and waits for nothing."
    return f"it waits no longer ({queued.wait_cause})."
