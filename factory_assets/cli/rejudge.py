"""The command rejudge: kept failed states before the gates of today, without a model; nothing of them is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from factory_assets.building.rejudge import RefusedState
from factory_assets.cli.judging import judge_laid
from factory_assets.domain.builds import BuildStatus, GateVerdict
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.domain.readings import ReaderMode
from factory_assets.domain.specs import QueuedSpec
from factory_assets.gates import Needs, gates_after
from factory_assets.instance import Instance
from factory_assets.registry import Registry
from factory_assets.scratch import scratch_folder


@dataclass(frozen=True)
class Rejudged:
    """What the gates of today say of the phase that was refused; `refused` is empty where none does that runs here.

    `is_unread` says that a retry has the reader, who is not asked here and decides, read it as well.
    """

    name: str
    attempt: int
    state: RefusedState
    refused: tuple[GateVerdict, ...]
    is_unread: bool


def chosen(registry: Registry, name: str | None, *, all_failed: bool) -> list[QueuedSpec]:
    """The one of that name, or every failed one.

    Raises:
        InputError: neither or both are asked for, there is none of that name, or it has not failed.
    """
    if all_failed is (name is not None):
        raise InputError("Name one repo, or give --all-failed.")
    if name is None:
        return registry.queue.specs({BuildStatus.FAILED})
    queued = registry.queue.named(name)
    if queued is None:
        raise InputError("No spec has this name.", where=name, fix="`factory status` lists the names.")
    if queued.status is not BuildStatus.FAILED:
        raise InputError(f"It has not failed: it is {queued.status}.", where=name)
    return [queued]


def rejudge_all(
    specs: Sequence[QueuedSpec], instance: Instance, console: Console, *, reader: ReaderMode
) -> bool:
    """Judge each, and tell what came of it at once; whether all would pass, as far as no reader has to say it."""
    passing = unread = 0
    for queued in specs:
        try:
            rejudged = rejudge(queued, instance, reader=reader)
        except FactoryError as error:
            _say(console, "yellow", f"{queued.spec.name}: could not be judged: {error}")
            continue
        passing += not rejudged.refused
        unread += rejudged.is_unread and not rejudged.refused
        _show(rejudged, console)
    but = f", {unread} of them if the reader agrees" if unread else ""
    _say(console, None, f"{passing} of {len(specs)} would pass now{but}.")
    return passing == len(specs)


def rejudge(queued: QueuedSpec, instance: Instance, *, reader: ReaderMode) -> Rejudged:
    """Judge the state in which its last attempt failed, without the reader of that mode, who would cost money.

    Raises:
        FactoryError: it could not be judged; where no such state is kept, an InputError.
    """
    with scratch_folder("judge") as folder:
        state = instance.builds.copy_refused(queued, folder)
        papers = instance.registry.evidence.papers_of(queued)
        report = judge_laid(
            queued.spec,
            papers,
            (),
            folder=folder,
            bench=instance.builds.bench(),
            acceptance=instance.registry.builds.acceptance_of(queued.id),
        )
    refused = tuple(verdict for verdict in report.verdicts if not verdict.passed)
    is_unread = reader is ReaderMode.DECIDE and any(
        gate.needs is Needs.READ for gate in gates_after(state.phase)
    )
    return Rejudged(queued.spec.name, queued.attempts, state, refused, is_unread)


def _show(rejudged: Rejudged, console: Console) -> None:
    name, phase = rejudged.name, rejudged.state.phase
    if not rejudged.refused:
        does = "takes it up" if rejudged.state.is_kept else "does that phase anew"
        told = f"attempt {rejudged.attempt} would pass the gates after {phase} now"
        if rejudged.is_unread:
            told += " but for the reader, which is not asked here"
            does += ", if the reader lets it pass" if rejudged.state.is_kept else ""
        _say(console, "green", f"{name}: {told}; `factory retry {name}` {does}.")
        return
    _say(console, "red", f"{name}: attempt {rejudged.attempt} is still refused after {phase}:")
    for verdict in rejudged.refused:
        _say(console, None, f"         {verdict.gate}: {verdict.saw.partition(chr(10))[0]}")


def _say(console: Console, style: str | None, line: str) -> None:
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
