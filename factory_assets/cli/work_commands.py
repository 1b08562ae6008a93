"""The commands that do the factory's work over dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from factory_assets.cli.common import (
    DayOption,
    FromOption,
    RepoOption,
    ToOption,
    at_work,
    check_names,
    client_of,
    console,
    leave,
    range_of,
    registry_of,
)
from factory_assets.cli.instance import open_instance
from factory_assets.domain.errors import InputError


def gather(day: DayOption = None, first: FromOption = None, last: ToOption = None) -> None:
    """Gather papers: of the trailing window, or of the dates that are named."""
    from factory_assets.cli.stages import Days
    from factory_assets.domain.automation import trailing_window

    instance = open_instance()
    settings = instance.settings
    days = Days.chosen(settings, day=day, first=first, last=last)
    if days is None:
        window = trailing_window(
            datetime.now(UTC).date(),
            days=settings.factory_gather_window_days,
            first=settings.factory_start_date,
            last=settings.factory_end_date,
        )
        if window is None:
            raise InputError("No date has come yet.", where="FACTORY_START_DATE", fix="Set an earlier date.")
        days = Days(*window)
    with at_work(instance) as factory:
        leave(succeeded=not factory.gather(days))


def analyze(day: DayOption = None, first: FromOption = None, last: ToOption = None) -> None:
    """Analyse dates that hold unread papers: yesterday, or the dates that are named."""
    from factory_assets.cli.stages import Days

    instance = open_instance()
    settings = instance.settings
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    days = Days.chosen(settings, day=day, first=first, last=last) or Days.within(
        settings, yesterday, yesterday
    )
    with at_work(instance) as factory:
        leave(succeeded=not factory.analyze(days))


def build(
    day: DayOption = None, first: FromOption = None, last: ToOption = None, repo: RepoOption = None
) -> None:
    """Build the specs that wait; a repo that is named is built again even if it failed."""
    from factory_assets.cli.stages import Days

    instance = open_instance()
    days = Days.chosen(instance.settings, day=day, first=first, last=last)
    check_names(instance, repo or [])
    with at_work(instance) as factory:
        leave(succeeded=not factory.build(days, repo or []))


def mirror(
    day: DayOption = None, first: FromOption = None, last: ToOption = None, repo: RepoOption = None
) -> None:
    """Publish the shipped repos that are not mirrored yet."""
    from factory_assets.cli.stages import Days

    instance = open_instance()
    days = Days.chosen(instance.settings, day=day, first=first, last=last)
    check_names(instance, repo or [])
    with at_work(instance) as factory:
        leave(succeeded=not factory.mirror(days, repo or []))


def plan(first: FromOption = None, last: ToOption = None) -> None:
    """Reckon what a range of dates will take: papers, requests, tokens, dollars and hours. Nothing is started."""
    from factory_assets.cli.plan import make_plan, show_plan

    instance = open_instance()
    days = range_of(instance, first, last)
    with client_of(instance) as client:
        gathered = client.gathered_days()
    show_plan(
        console,
        make_plan(
            registry_of(instance), instance.settings, first=days.first, last=days.last, gathered=gathered
        ),
    )


def backfill(
    first: FromOption = None,
    last: ToOption = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Leave what today's budget holds back in the queue, and end.")
    ] = False,
) -> None:
    """Gather, analyse, build and mirror a range of dates; what is done already is not done again."""
    from factory_assets.cli.backfill import Backfill

    instance = open_instance()
    days = range_of(instance, first, last)
    with at_work(instance) as factory:
        leave(succeeded=not Backfill(factory=factory, days=days).run(wait=not no_wait))


def import_specs(
    path: Annotated[Path, typer.Argument(help="A JSON file, or a folder of them.", metavar="FILE|DIR")],
) -> None:
    """Queue specs from JSON files: each file whole, or not at all with every reason."""
    from factory_assets.cli.imports import import_path

    # Opening an instance changes the working directory.
    path = path.absolute()
    leave(succeeded=import_path(open_instance(), path, console))


def import_from_db() -> None:
    """Queue the ready candidates of the idea engine's database (IDEA_ENGINE_POSTGRES_URL)."""
    from factory_assets.cli.imports import import_from_database

    leave(succeeded=import_from_database(open_instance(), console))
