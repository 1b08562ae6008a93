"""The commands that tell of repos and put them back into the queue."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from factory_assets.cli.common import (
    FromOption,
    NameArgument,
    ToOption,
    client_of,
    console,
    leave,
    parse_day,
    registry_of,
)
from factory_assets.cli.instance import open_instance
from factory_assets.domain.errors import InputError


def show(name: NameArgument) -> None:
    """Tell the whole story of one repo: papers, spec, phases, gates, cost, commits, mirror."""
    from factory_assets.cli.story import show_story
    from factory_assets.defs.by_hand import reports_on_spec
    from factory_assets.defs.storage import open_storage

    instance = open_instance()
    story = registry_of(instance).story_of(name)
    if story is None:
        raise InputError("No spec has this name.", where=name, mend="`factory status` lists the names.")
    with open_storage(instance.settings.factory_data_dir) as dagster:
        by_hand = [str(report) for report in reports_on_spec(dagster, story.queued)]
    show_story(story, console, git_dir=instance.settings.git_dir, by_hand=by_hand)


def retry(name: NameArgument) -> None:
    """Queue a failed repo again for a fresh attempt, or end the wait of one that was put off."""
    from factory_assets.cli import desk
    from factory_assets.defs.queue import put_off_cancelled
    from factory_assets.defs.storage import open_storage

    instance = open_instance()
    registry = registry_of(instance)
    # A run cancelled just now would otherwise put the repo off after this command, in the next tick.
    with open_storage(instance.settings.factory_data_dir) as dagster:
        put_off_cancelled(dagster, registry, datetime.now(UTC), busy={})
    desk.retry(registry, name, console)


def requeue(
    since: Annotated[
        date,
        typer.Option(
            "--failed-since", parser=parse_day, metavar="YYYY-MM-DD", help="First date of failure (UTC)."
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list them.")] = False,
) -> None:
    """Queue again every build that failed on a date or later."""
    from factory_assets.cli import desk

    desk.requeue(registry_of(open_instance()), since, console, write=not dry_run)


def resume() -> None:
    """Let the queue go on that a refused credential has stopped."""
    from factory_assets.cli.desk import show_resumed

    instance = open_instance()
    workers = instance.settings.build_workers
    with client_of(instance) as client:
        show_resumed(client.resume_queue(registry_of(instance), workers), workers, console)


def status(first: FromOption = None, last: ToOption = None) -> None:
    """Show the funnel and the queue, over the last two weeks or the dates that are named."""
    from factory_assets.cli.desk import show_holds
    from factory_assets.cli.running import running_now, show_running
    from factory_assets.cli.stages import Days
    from factory_assets.cli.tables import show_failures, show_funnel, show_queue

    instance = open_instance()
    settings = instance.settings
    newest = settings.factory_end_date or datetime.now(UTC).date()
    days = Days.chosen(settings, day=None, first=first, last=last) or Days(
        max(settings.factory_start_date, newest - timedelta(days=13)), newest
    )
    registry = registry_of(instance)
    if (running := running_now(settings.factory_data_dir)) is not None:
        show_running(running, settings, console)
    show_holds(registry.holds(), console)
    show_funnel(console, registry.funnel(days.first, days.last))
    show_queue(console, registry)
    show_failures(console, registry)


def verify_repo(
    source: Annotated[str, typer.Argument(help="A clone's folder, or an address.", metavar="PATH|URL")],
    tests: Annotated[bool, typer.Option("--tests", help="Run its tests too, in a sandbox.")] = False,
    pypi_url: Annotated[
        str | None, typer.Option(envvar="FACTORY_PYPI_URL", help="For --tests; pip's own by default.")
    ] = None,
    npm_url: Annotated[
        str | None, typer.Option(envvar="FACTORY_NPM_URL", help="For --tests; npm's own by default.")
    ] = None,
) -> None:
    """Check a clone of a shipped repo against its own claims; needs no instance."""
    from factory_assets.cli.verify import verify, verify_with_tests
    from factory_assets.network.indexes import OwnIndexes

    indexes = OwnIndexes(pypi_url, npm_url)
    leave(succeeded=verify_with_tests(source, indexes, console) if tests else verify(source, console))
