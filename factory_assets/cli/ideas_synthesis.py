"""The commands of ideas that ask a model: specs from research, from several papers at once, and their comparison."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from factory_assets.cli.common import (
    DayOption,
    FromOption,
    ToOption,
    at_work,
    console,
    leave,
    parse_day,
    registry_of,
)
from factory_assets.cli.ideas_commands import JsonOption, chosen_days
from factory_assets.cli.instance import open_instance
from factory_assets.cli.output import print_table
from factory_assets.domain.comparing import Comparison, Side
from factory_assets.domain.errors import InputError

if TYPE_CHECKING:
    from factory_assets.domain.analysis_report import AnalysisReport
    from factory_assets.registry import Registry

_PLAIN, _IMPORTED = "papers", "import"
WeekOption = Annotated[
    date | None,
    typer.Option("--week", parser=parse_day, metavar="YYYY-MM-DD", help="The last date of the week to fuse."),
]


def run(
    day: DayOption = None,
    first: FromOption = None,
    last: ToOption = None,
    fusion: Annotated[
        bool, typer.Option("--fusion", help="Make specs in which several papers of a week meet.")
    ] = False,
    week: WeekOption = None,
) -> None:
    """Choose candidates, look around them and make specs from that; or fuse what is known of a week's papers."""
    if fusion is not (week is not None):
        raise InputError("--fusion and --week DATE belong together.")
    instance = open_instance()
    if week is not None:
        if day or first or last:
            raise InputError("--week names the dates of a fusion: leave out --date, --from and --to.")
        _show_fused(instance.parts.synthesis.fuse(week, _say))
        return
    days = chosen_days(instance, day, first, last)
    with at_work(instance) as factory:
        leave(succeeded=not factory.ideas(days))


def synthesize(day: DayOption = None, first: FromOption = None, last: ToOption = None) -> None:
    """Make specs from what is known around the candidates of dates; what was asked before is not paid for again."""
    instance = open_instance()
    days = chosen_days(instance, day, first, last)
    with at_work(instance) as factory:
        leave(succeeded=not factory.synthesize(days))


def stats(as_json: JsonOption = False) -> None:
    """Count specs by what they were written from: how many shipped, what they rest on, and what writing them cost."""
    told = _stats(registry_of(open_instance()).reading())
    if as_json:
        console.print_json(data=told)
        return
    table = Table(title="specs by what they were written from", title_justify="left")
    heads = ("written from", "specs", "shipped", "failed", "claims", "papers", "repositories", "dollars")
    for name in heads:
        table.add_column(name, justify="left" if name == "written from" else "right")
    for route, numbers in told.items():
        table.add_row(
            route,
            *(f"{numbers[name]:.4f}" if name == "dollars" else str(numbers[name]) for name in heads[1:]),
        )
    print_table(console, table)


def compare(
    pairs: Annotated[int, typer.Option("--pairs", help="How many pairs at most.", min=1, max=200)] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Draws the order within each pair.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Have the reader's model judge researched specs against plain ones, without telling it which is which.

    Each pair costs one question; what was asked before with the same seed is not paid for again.
    """
    compared = open_instance().parts.synthesis.compare(
        pairs=pairs, seed=seed, notify=_quiet if as_json else _say
    )
    if as_json:
        told = compared.model_dump(mode="json")
        findings = {side.value: compared.findings(side) for side in Side}
        console.print_json(
            data={**told, "wins": compared.wins, "findings": findings, "chance": compared.chance}
        )
        return
    show_comparison(compared)


def show_comparison(compared: Comparison) -> None:
    """The pairs, and what they come to."""
    table = Table(title=f"judged by {compared.model}, seed {compared.seed}", title_justify="left")
    for name in ("researched", "plain", "in common", "better", "findings in each"):
        table.add_column(name)
    for each in compared.judgements:
        found = " and ".join(str(len(each.findings[side])) for side in Side)
        table.add_row(each.researched, each.plain, each.alike, each.better or "neither", found)
    print_table(console, table)
    wins = compared.wins
    _say(
        f"Researched better: {wins[Side.RESEARCHED]}, plain better: {wins[Side.PLAIN]}, neither: {wins['neither']}"
        f" (by chance alone: {compared.chance:.3f}); ${compared.dollars:.4f}."
    )
    for side in Side:
        counts = ", ".join(f"{count} {severity}" for severity, count in compared.findings(side).items())
        _say(f"Findings in {side} specs: {counts}.")
    for why in compared.unjudged:
        _say(f"Not judged: {why}")


def _show_fused(report: AnalysisReport) -> None:
    for queued in report.queued:
        _say(f"{queued.spec.name}: {', '.join(queued.spec.source_papers)}")
    for drop in report.dropped:
        _say(f"{drop.name} dropped: {'; '.join(drop.reasons)}")
    if not report.papers:
        _say(
            "No two candidates of that week are near enough to meet in one tool, or those that are have met already."
        )


def _stats(registry: Registry) -> dict[str, dict[str, float]]:
    specs = registry.queue.specs()
    routes = registry.evidence.routes([queued.id for queued in specs])
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for queued in specs:
        route = routes.get(queued.id, _PLAIN if queued.spec.source_papers else _IMPORTED)
        counts[route].update({"specs": 1, queued.status.value: 1, "papers": len(queued.spec.source_papers)})
        if (evidence := registry.evidence.of(queued.id) if queued.id in routes else None) is not None:
            counts[route].update({"claims": len(evidence.claims), "repositories": len(evidence.repositories)})
    names = ("specs", "shipped", "failed", "claims", "papers", "repositories")
    told: dict[str, dict[str, float]] = {
        route: {name: count[name] for name in names} | {"dollars": 0.0}
        for route, count in sorted(counts.items())
    }
    for route, stage in ((_PLAIN, "analyze"), ("research", "synthesize")):
        if route in told:
            told[route]["dollars"] = registry.ledger.usage(stage=stage).cost_usd
    return told


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _quiet(line: str) -> None:
    """What is printed is JSON alone."""
