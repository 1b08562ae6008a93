"""What the commands print: the funnel, the queue, the failures, the doctor's findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from factory_assets.cli.output import PROSE_WIDTH, print_table
from factory_assets.cli.story import lacking
from factory_assets.doctor.result import CheckResult, Severity
from factory_assets.domain.acceptance import acceptance_standing
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus, Usage
from factory_assets.domain.novelty import Novelty, NoveltyVerdict
from factory_assets.domain.outcomes import why_it_waits
from factory_assets.domain.places import Places
from factory_assets.domain.specs import rank_key
from factory_assets.domain.statistics import percent
from factory_assets.domain.text import tail
from factory_assets.registry import Registry
from factory_assets.registry.models import FunnelDay


def show_funnel(console: Console, days: Sequence[FunnelDay]) -> None:
    """Papers, specs, built and mirrored repos by date, with their sums."""
    table = Table(title="papers → specs → built → mirrored", show_footer=True)
    columns = (
        ("papers", [day.papers for day in days]),
        ("specs", [day.specs for day in days]),
        ("waiting", [day.queued + day.in_progress for day in days]),
        ("built", [day.shipped for day in days]),
        ("failed", [day.failed for day in days]),
        ("mirrored", [day.mirrored for day in days]),
    )
    table.add_column("date", footer="all")
    for name, counts in columns:
        table.add_column(name, footer=str(sum(counts)), justify="right")
    for index, day in enumerate(days):
        table.add_row(str(day.day), *(str(counts[index]) for _, counts in columns))
    print_table(console, table)


def show_judges(console: Console, registry: Registry) -> None:
    """Of each repo whose build has ended: whether the like exists, what its scenarios and its reader came to."""
    table = Table(title="what was judged beside the gates", title_justify="left")
    for name in ("repo", "exists already?", "acceptance", "reader"):
        table.add_column(name, max_width=PROSE_WIDTH, overflow="fold")
    for queued in registry.queue.specs({BuildStatus.SHIPPED, BuildStatus.FAILED}):
        story = registry.stories.of_repo(queued.spec.name)
        if story is None or not story.attempts:
            continue
        last, agreed = story.attempts[-1], story.acceptance
        table.add_row(
            queued.spec.name,
            _exists(story.novelty),
            escape(acceptance_standing(agreed, last.scenarios)) if agreed else "",
            f"found {last.reading.counts.words}" if last.reading else "not asked",
        )
    if table.row_count:
        print_table(console, table)


def _exists(known: Novelty | None) -> str:
    if known is None:
        return str(NoveltyVerdict.NOT_LOOKED_UP)
    # What was not looked up can only lower the figure.
    return str(known.verdict) if known.missing else f"{known.verdict}, {known.score:.2f}"


def show_failures(console: Console, registry: Registry, *, lines: int = 40) -> None:
    """Every failed build and why: the gate that refused it, and the end of what the gate saw."""
    for queued in registry.queue.specs({BuildStatus.FAILED}):
        console.print(f"failed: {queued.spec.name} ({queued.day}|{_rank(queued.rank)})", style="red")
        refusal, _, seen = (queued.error_log or "").partition("\n")
        for text in (refusal, tail(seen, lines=lines)):
            console.print(text, markup=False, highlight=False, soft_wrap=True)


def show_missing(console: Console, registry: Registry, first: date, last: date) -> None:
    """The dates between these two, both included, of which a gather has left something out."""
    for day, missing in registry.gathers.missing().items():
        if first <= day <= last:
            console.print(
                f"incomplete: {day}: {missing}", style="yellow", markup=False, highlight=False, soft_wrap=True
            )


def show_queue(
    console: Console,
    registry: Registry,
    *,
    lost: Mapping[str, str] = MappingProxyType({}),
    places: Places | None = None,
) -> None:
    """Specs that wait or are being built; with `places`, also which of them have no partition.

    `lost` says of builds by name how their run ended.
    """
    waiting = registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS})
    table = Table(title="queue")
    for name in ("repo", "date", "rank", "language", "status", "attempts"):
        table.add_column(name)
    table.add_column("waits", max_width=PROSE_WIDTH)
    for queued in waiting:
        table.add_row(
            queued.spec.name,
            str(queued.day or "-"),
            _rank(queued.rank),
            queued.spec.language,
            BuildStatus.QUEUED if queued.spec.name in lost else queued.status,
            str(queued.attempts),
            why_it_waits(queued, lost=lost.get(queued.spec.name, ""), lacks=lacking(queued, places)),
        )
    if waiting:
        print_table(console, table)
    else:
        console.print("The queue is empty.")


def show_tokens(console: Console, by_stage: Mapping[str, Usage]) -> None:
    """What calls of models came to by stage, and the share of what was sent that their prompt cache has served."""
    if not by_stage:
        return
    table = Table(title="calls of models, in the last two weeks")
    for name in ("stage", "calls", "tokens in", "from the prompt cache", "tokens out", "dollars"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for stage, usage in by_stage.items():
        table.add_row(
            stage,
            f"{usage.calls:,}",
            f"{usage.prompt_tokens:,}",
            percent(usage.cached_share),
            f"{usage.output_tokens:,}",
            f"{usage.cost_usd:.2f}",
        )
    print_table(console, table)


def show_checks(console: Console, checks: Sequence[CheckResult]) -> None:
    """The doctor's findings, each with what it affects and how to fix it."""
    for check in checks:
        mark, style = ("ok", "green") if check.ok else (check.severity, _STYLES[check.severity])
        console.print(
            f"{mark:<8} {check.name}: {check.found}",
            style=style,
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        if not check.ok:
            console.print(f"         affects: {check.affects}", markup=False, highlight=False, soft_wrap=True)
            console.print(f"         fix: {check.fix}", markup=False, highlight=False, soft_wrap=True)


_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def _rank(rank: int | None) -> str:
    return "-" if rank is None else rank_key(rank)
