"""The commands of ideas: the best papers of a date, and the research around them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
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
    registry_of,
)
from factory_assets.cli.ideas_delivery import deliver
from factory_assets.cli.instance import OpenedInstance, open_instance
from factory_assets.cli.output import print_table
from factory_assets.domain.text import counted, single_line

if TYPE_CHECKING:
    from factory_assets.cli.stages import Days
    from factory_assets.domain.research import Candidate, ResearchContext
    from factory_assets.registry import IdeaCounts

ideas = typer.Typer(
    help="The best papers of a date, and the research around them that specs can rest on.",
    no_args_is_help=True,
)
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
ideas.command()(deliver)


@ideas.command()
def discover(day: DayOption = None, first: FromOption = None, last: ToOption = None) -> None:
    """Score the papers of dates and choose the best: of yesterday, or of the dates that are named."""
    instance = open_instance()
    days = chosen_days(instance, day, first, last)
    with at_work(instance) as factory:
        leave(succeeded=not factory.discover(days))


@ideas.command()
def research(day: DayOption = None, first: FromOption = None, last: ToOption = None) -> None:
    """Look for papers, repositories and methods around the chosen candidates; what is known is not looked up again."""
    instance = open_instance()
    days = chosen_days(instance, day, first, last)
    with at_work(instance) as factory:
        leave(succeeded=not factory.research(days))


@ideas.command("list")
def list_ideas(day: DayOption = None, as_json: JsonOption = False) -> None:
    """List how far each date has come, or the candidates of one with their points and what is known around them."""
    registry = registry_of(open_instance()).reading()
    if day is None:
        _show_days(registry.ideas.days(), as_json=as_json)
        return
    contexts = {context.arxiv_id: context for context in registry.ideas.contexts(day)}
    candidates = registry.ideas.candidates(day)
    if as_json:
        told = [
            {
                **candidate.model_dump(mode="json"),
                "context": context.model_dump(mode="json") if context else None,
            }
            for candidate in candidates
            for context in [contexts.get(candidate.arxiv_id)]
        ]
        console.print_json(data=told)
        return
    chosen = [candidate for candidate in candidates if candidate.chosen]
    titles = {
        paper.arxiv_id: single_line(paper.title)
        for paper in registry.papers.by_id([candidate.arxiv_id for candidate in chosen])
    }
    for candidate in chosen:
        _show(candidate, titles.get(candidate.arxiv_id, ""), contexts.get(candidate.arxiv_id))
    if candidates:
        _say(f"{len(chosen)} of {counted(len(candidates), 'paper', 'papers')} chosen.")
    else:
        _say(f"No candidates were chosen on {day} yet: `factory ideas discover --date {day}`.")


def chosen_days(instance: OpenedInstance, day: date | None, first: date | None, last: date | None) -> Days:
    """The dates that are named, else yesterday."""
    from factory_assets.cli.stages import Days

    settings = instance.settings
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    return Days.chosen(settings, day=day, first=first, last=last) or Days.within(
        settings, yesterday, yesterday
    )


def _show_days(days: Sequence[IdeaCounts], *, as_json: bool) -> None:
    if as_json:
        console.print_json(data=[counts.model_dump(mode="json") for counts in days])
        return
    table = Table(title="ideas")
    for name in ("date", "papers scored", "chosen", "researched", "with gaps"):
        table.add_column(name, justify="left" if name == "date" else "right")
    for counts in days:
        numbers = (counts.candidates, counts.chosen, counts.contexts, counts.with_gaps)
        table.add_row(str(counts.day), *map(str, numbers))
    if days:
        print_table(console, table)
    else:
        _say("No candidates were chosen yet: `factory ideas discover --date D` chooses those of a date.")


def _show(candidate: Candidate, title: str, context: ResearchContext | None) -> None:
    _say(f"{candidate.place:>3}  {candidate.score:5.1f}  {candidate.arxiv_id}  {title}")
    for reason in candidate.reasons:
        _say(f"     {reason.points:+6.1f}  {reason.what}")
    if context is None:
        _say("     not looked around yet")
        return
    for piece in context.pieces:
        _say(f"     {piece.id:<3} {piece.title} ({piece.relation}; {piece.licence or 'no licence known'})")
    for gap in context.gaps:
        _say(f"     not looked up: {gap}")


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
