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
    lost_now,
    parse_day,
    registry_of,
)
from factory_assets.cli.instance import OpenedInstance, open_instance
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.settings import Settings

# From the first day to the last one, both included.
_TWO_WEEKS = timedelta(days=13)


def show(
    name: NameArgument,
    opens: Annotated[
        bool, typer.Option("--open", help="Open its page in the Dagster UI, where there is a browser.")
    ] = False,
) -> None:
    """Tell the whole story of one repo: papers, spec, phases, gates, cost, commits, mirror, pages of the UI."""
    from factory_assets.cli.pages import open_page, show_pages
    from factory_assets.cli.story import show_story
    from factory_assets.defs.by_hand import reports_on_spec
    from factory_assets.defs.storage import open_storage

    instance = open_instance()
    registry = registry_of(instance)
    story = registry.stories.of_repo(name)
    if story is None:
        raise InputError("No spec has this name.", where=name, fix="`factory status` lists the names.")
    lost = lost_now(instance, registry).get(name, "")
    with open_storage(instance.settings.factory_data_dir) as dagster:
        by_hand = [str(report) for report in reports_on_spec(dagster, story.queued)]
    show_story(
        story,
        console,
        git_dir=instance.settings.git_dir,
        by_hand=by_hand,
        lost=lost,
        places=instance.settings.places,
    )
    page = show_pages(story.queued, console, ui_url=instance.settings.ui_url)
    if opens:
        open_page(page, console)


def retry(
    name: NameArgument,
    again_from: Annotated[
        Phase | None,
        typer.Option(
            "--from", help="Do everything from this phase on anew; without it, what passed is kept."
        ),
    ] = None,
) -> None:
    """Queue a failed repo again, from the first phase that did not pass, or end the wait of one that was put off."""
    from factory_assets.cli import queue_actions
    from factory_assets.defs.queue import put_off_cancelled
    from factory_assets.defs.storage import open_storage

    instance = open_instance()
    registry = registry_of(instance)
    # A run cancelled just now would otherwise put the repo off after this command, in the next tick.
    with open_storage(instance.settings.factory_data_dir) as dagster:
        put_off_cancelled(dagster, registry, datetime.now(UTC), busy={})
    undo, places = instance.parts.housekeeping.undo_phases, instance.settings.places
    queue_actions.retry(registry, name, console, again_from=again_from, undo=undo, places=places)


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
    from factory_assets.cli import queue_actions

    instance = open_instance()
    queue_actions.requeue(
        registry_of(instance), since, console, write=not dry_run, places=instance.settings.places
    )


def resume() -> None:
    """Let the queue go on that a refused credential has stopped."""
    from factory_assets.cli.queue_actions import show_resumed
    from factory_assets.cli.running import workers_in_force

    instance = open_instance()
    workers = workers_in_force(instance.settings)
    with client_of(instance) as client:
        show_resumed(client.resume_queue(registry_of(instance), workers), workers, console)


def show_as_json(instance: OpenedInstance) -> None:
    """Print how the factory stands, as one JSON object; the exit code is 1 where something is wrong."""
    from factory_assets.cli.observing import observe

    state = observe(instance, datetime.now(UTC))
    typer.echo(state.model_dump_json(indent=2))
    leave(succeeded=state.is_healthy)


def status(
    first: FromOption = None,
    last: ToOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Counts and times of this moment alone, for a program.")
    ] = False,
) -> None:
    """Show the funnel, the queue and the models' tokens, over the last two weeks or the dates that are named."""
    from factory_assets.cli.ownership import is_owned
    from factory_assets.cli.queue_actions import show_batches, show_holds, show_windows
    from factory_assets.cli.running import running_now, show_others, show_running
    from factory_assets.cli.stages import Days
    from factory_assets.cli.tables import show_failures, show_funnel, show_missing, show_queue, show_tokens

    instance = open_instance()
    if as_json:
        show_as_json(instance)
        return
    settings = instance.settings
    today = datetime.now(UTC).date()
    newest = settings.newest_date(today)
    days = Days.chosen(settings, day=None, first=first, last=last) or Days(
        max(settings.factory_start_date, newest - _TWO_WEEKS), newest
    )
    registry = registry_of(instance)
    if (running := running_now(settings.factory_data_dir)) is not None:
        show_running(running, settings, console)
    elif not is_owned(settings.factory_data_dir):
        show_others(settings.factory_data_dir, console)
    if settings.factory_celery_broker is not None:
        _show_worker_places(settings)
    show_holds(registry.holds.standing(), console)
    show_batches(registry.batches.open(), console)
    show_windows(instance.parts.router.windows().lines(datetime.now(UTC)), console)
    show_funnel(console, registry.reports.funnel(days.first, days.last))
    show_missing(console, registry, days.first, days.last)
    show_queue(console, registry, lost=lost_now(instance, registry), places=settings.places)
    show_tokens(console, registry.reports.statistics(today - _TWO_WEEKS, today).by_stage)
    show_failures(console, registry)


def _show_worker_places(settings: Settings) -> None:
    from factory_assets.defs.worker_places import worker_places

    try:
        places = worker_places(settings)
    except InfrastructureError as failed:
        told, fits = failed.what, False
    else:
        told, fits = f"{places}", places.fits
    console.print(told, style=None if fits else "yellow", markup=False, highlight=False, soft_wrap=True)


def verify_repo(
    source: Annotated[str, typer.Argument(help="A clone's folder, or an address.", metavar="PATH|URL")],
    tests: Annotated[
        bool, typer.Option("--tests", help="Run its tests and scenarios too, in a sandbox.")
    ] = False,
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
