"""The commands and their options."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from factory_assets.cli.instance import Instance, open_instance
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.domain.indexes import NPM_URL, PYPI_URL, Indexes
from factory_assets.gateways import Gateways
from factory_assets.registry import Registry

if TYPE_CHECKING:
    from factory_assets.cli.stages import Days, Factory
    from factory_assets.defs.client import FactoryClient

app = typer.Typer(
    help="An autonomous software factory: papers become specs, specs become repos, repos are published.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = Console()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no date.", mend="Write it as 2026-06-17.") from None


DayOption = Annotated[
    date | None, typer.Option("--date", parser=_day, metavar="YYYY-MM-DD", help="One date (UTC).")
]
FromOption = Annotated[
    date | None, typer.Option("--from", parser=_day, metavar="YYYY-MM-DD", help="First date of a range.")
]
ToOption = Annotated[
    date | None, typer.Option("--to", parser=_day, metavar="YYYY-MM-DD", help="Last date of a range.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The repo's name.")]
RepoOption = Annotated[
    list[str] | None, typer.Option("--repo", metavar="NAME", help="Only this repo; repeatable.")
]


def main() -> None:
    """Run the command; an error is one clear text and exit code 1."""
    try:
        app()
    except FactoryError as error:
        Console(stderr=True).print(
            f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(1)


@app.command()
def prepare() -> None:
    """Write the instance's `.env` and folders, where they are missing; `make setup` runs this."""
    instance = open_instance()
    console.print(f"{instance.settings.factory_mode} instance at {instance.home}", highlight=False)


@app.command()
def demo() -> None:
    """Run the whole factory over three recorded dates: no key, no network."""
    from factory_assets.cli.demo import prepare_demo, run_demo

    instance = prepare_demo()
    _exit(succeeded=run_demo(instance, _registry(instance), console))


@app.command()
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
            raise InputError("No date has come yet.", where="FACTORY_START_DATE", mend="Set an earlier date.")
        days = Days(*window)
    with _at_work(instance) as factory:
        _exit(succeeded=not factory.gather(days))


@app.command()
def analyze(day: DayOption = None, first: FromOption = None, last: ToOption = None) -> None:
    """Analyse dates that hold unread papers: yesterday, or the dates that are named."""
    from factory_assets.cli.stages import Days

    instance = open_instance()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    days = Days.chosen(instance.settings, day=day, first=first, last=last) or Days(yesterday, yesterday)
    with _at_work(instance) as factory:
        _exit(succeeded=not factory.analyze(days))


@app.command()
def build(
    day: DayOption = None, first: FromOption = None, last: ToOption = None, repo: RepoOption = None
) -> None:
    """Build the specs that wait; a repo that is named is built again even if it failed."""
    from factory_assets.cli.stages import Days

    instance = open_instance()
    days = Days.chosen(instance.settings, day=day, first=first, last=last)
    with _at_work(instance) as factory:
        _exit(succeeded=not factory.build(days, repo or []))


@app.command()
def mirror(
    day: DayOption = None, first: FromOption = None, last: ToOption = None, repo: RepoOption = None
) -> None:
    """Publish the shipped repos that are not mirrored yet."""
    from factory_assets.cli.stages import Days

    instance = open_instance()
    days = Days.chosen(instance.settings, day=day, first=first, last=last)
    with _at_work(instance) as factory:
        _exit(succeeded=not factory.mirror(days, repo or []))


@app.command()
def plan(first: FromOption = None, last: ToOption = None) -> None:
    """Reckon what a range of dates will take: papers, requests, tokens, dollars and hours. Nothing is started."""
    from factory_assets.cli.plan import make_plan, show_plan

    instance = open_instance()
    days = _range(instance, first, last)
    with _client(instance) as client:
        gathered = client.gathered_days()
    show_plan(
        console,
        make_plan(
            _registry(instance), instance.settings, first=days.first, last=days.last, gathered=gathered
        ),
    )


@app.command()
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
    days = _range(instance, first, last)
    with _at_work(instance) as factory:
        _exit(succeeded=not Backfill(factory=factory, days=days).run(wait=not no_wait))


@app.command("import")
def import_specs(
    path: Annotated[Path, typer.Argument(help="A JSON file, or a folder of them.", metavar="FILE|DIR")],
) -> None:
    """Queue specs from JSON files: each file whole, or not at all with every reason."""
    from factory_assets.cli.imports import import_path

    # Opening an instance changes the working directory.
    path = path.absolute()
    _exit(succeeded=import_path(open_instance(), path, console))


@app.command("import-from-db")
def import_from_db() -> None:
    """Queue the ready candidates of the idea engine's database (IDEA_ENGINE_POSTGRES_URL)."""
    from factory_assets.cli.imports import import_from_database

    _exit(succeeded=import_from_database(open_instance(), console))


@app.command()
def show(name: NameArgument) -> None:
    """Tell the whole story of one repo: papers, spec, phases, gates, cost, commits, mirror."""
    from factory_assets.cli.story import show_story

    instance = open_instance()
    story = _registry(instance).story_of(name)
    if story is None:
        raise InputError("No spec has this name.", where=name, mend="`factory status` lists the names.")
    show_story(story, console, git_dir=instance.settings.git_dir)


@app.command()
def retry(name: NameArgument) -> None:
    """Queue a failed repo again for a fresh attempt, or end the wait of one that was put off."""
    from factory_assets.cli import desk

    desk.retry(_registry(open_instance()), name, console)


@app.command()
def requeue(
    since: Annotated[
        date,
        typer.Option(
            "--failed-since", parser=_day, metavar="YYYY-MM-DD", help="First date of failure (UTC)."
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list them.")] = False,
) -> None:
    """Queue again every build that failed on a date or later."""
    from factory_assets.cli import desk

    desk.requeue(_registry(open_instance()), since, console, write=not dry_run)


@app.command()
def resume() -> None:
    """Let the queue go on that a refused credential has stopped."""
    from factory_assets.cli.desk import show_resumed

    instance = open_instance()
    workers = instance.settings.build_workers
    with _client(instance) as client:
        show_resumed(client.resume_queue(_registry(instance), workers), workers, console)


@app.command()
def status(first: FromOption = None, last: ToOption = None) -> None:
    """Show the funnel and the queue, over the last two weeks or the dates that are named."""
    from factory_assets.cli.desk import show_holds
    from factory_assets.cli.stages import Days
    from factory_assets.cli.tables import show_failures, show_funnel, show_queue

    instance = open_instance()
    settings = instance.settings
    newest = settings.factory_end_date or datetime.now(UTC).date()
    days = Days.chosen(settings, day=None, first=first, last=last) or Days(
        max(settings.factory_start_date, newest - timedelta(days=13)), newest
    )
    registry = _registry(instance)
    show_holds(registry.holds(), console)
    show_funnel(console, registry.funnel(days.first, days.last))
    show_queue(console, registry)
    show_failures(console, registry)


@app.command("verify")
def verify_repo(
    source: Annotated[str, typer.Argument(help="A clone's folder, or an address.", metavar="PATH|URL")],
    tests: Annotated[bool, typer.Option("--tests", help="Run its tests too, in a sandbox.")] = False,
    pypi_url: Annotated[str, typer.Option(envvar="FACTORY_PYPI_URL", help="For --tests.")] = PYPI_URL,
    npm_url: Annotated[str, typer.Option(envvar="FACTORY_NPM_URL", help="For --tests.")] = NPM_URL,
) -> None:
    """Check a clone of a shipped repo against its own claims; needs no instance."""
    from factory_assets.cli.verify import verify, verify_with_tests

    indexes = Indexes(pypi_url=pypi_url, npm_url=npm_url)
    _exit(succeeded=verify_with_tests(source, indexes, console) if tests else verify(source, console))


@app.command()
def doctor() -> None:
    """Check credentials, programs, sandbox and disk; say what is affected and how to mend it."""
    _exit(succeeded=_check_up(open_instance()))


@app.command()
def up(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay and run it here, as a service manager wants it.")
    ] = False,
) -> None:
    """Start the factory: check, prepare, then run web server, code server and daemon in the background."""
    from factory_assets.cli import supervisor
    from factory_assets.cli.desk import show_holds

    instance = open_instance()
    settings = instance.settings
    supervisor.check_startable(instance)
    gateways = Gateways(settings)
    gateways.check_credentials()
    if not _check_up(instance):
        raise InputError("The factory was not started.", mend="Mend what stands above in red.")
    gateways.registry.analysed_days()
    with _client(instance) as client:
        released = client.release_dead_runs()
        client.forget_daemon()
        show_holds(client.open_queue(gateways.registry, gateways, settings.build_workers), console)
    if released:
        console.print(f"{len(released)} runs whose worker had died are reported as failed.")
    builds, analysis = gateways.most_a_day_can_cost()
    console.print(
        f"A day can cost at most ${builds + analysis:.2f}: ${builds:.2f} for builds (FACTORY_DAY_BUDGET_USD) and"
        f" ${analysis:.2f} to analyse one date; each further date that is analysed on that day adds the latter.",
        highlight=False,
        soft_wrap=True,
    )
    if foreground:
        supervisor.supervise(instance)
        return
    console.print(f"The UI: {supervisor.start_supervisor(instance)}", highlight=False)
    console.print("What spends money or publishes starts only after `factory enable`. Stop with `make down`.")


@app.command()
def down() -> None:
    """Stop the factory and everything it started; runs in flight stop too and are resumed later."""
    from factory_assets.cli.supervisor import stop_supervisor

    console.print("Stopped." if stop_supervisor(open_instance()) else "It was not running.")


@app.command(hidden=True)
def supervise() -> None:
    """Run the programs in the foreground, as a service manager wants it."""
    from factory_assets.cli import supervisor

    supervisor.supervise(open_instance())


@app.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
) -> None:
    """Remove runs, transcripts and failed states older than FACTORY_KEEP_DAYS that nothing shows."""
    from factory_assets.defs.housekeeping import sweep_instance

    instance = open_instance()
    before = datetime.now(UTC) - timedelta(days=instance.settings.factory_keep_days)
    runs = sweep_instance(before=before, remove=not dry_run)
    console.print("Would be removed:" if dry_run else "Removed:")
    console.print(f"  old runs: {runs.removed} ({runs.kept} are kept because something shows them)")
    for line in Gateways(instance.settings).sweep(before=before, remove=not dry_run):
        console.print(f"  {line}", highlight=False)


@app.command()
def enable() -> None:
    """Start the schedules and the sensor that spend money or publish."""
    with _client(open_instance()) as client:
        console.print("Started: " + ", ".join(client.enable()))


@app.command()
def disable() -> None:
    """Stop the schedules and the sensor that spend money or publish."""
    with _client(open_instance()) as client:
        console.print("Stopped: " + ", ".join(client.disable()))


@app.command("demo-ui")
def demo_ui() -> None:
    """Serve the Dagster UI on the demo's instance until Ctrl-C."""
    from factory_assets.cli.demo import prepare_demo
    from factory_assets.cli.supervisor import check_startable, supervise

    instance = prepare_demo()
    settings = instance.settings
    check_startable(instance)
    console.print(
        f"http://{settings.factory_ui_host}:{settings.factory_ui_port} (Ctrl-C stops it)", highlight=False
    )
    supervise(instance)


def _range(instance: Instance, first: date | None, last: date | None) -> Days:
    from factory_assets.cli.stages import Days

    days = Days.chosen(instance.settings, day=None, first=first, last=last)
    if days is None:
        raise InputError("No range of dates is named.", mend="Give --from D --to D.")
    return days


def _exit(*, succeeded: bool) -> None:
    if not succeeded:
        raise typer.Exit(1)


def _registry(instance: Instance) -> Registry:
    return Gateways(instance.settings).registry


def _client(instance: Instance) -> AbstractContextManager[FactoryClient]:
    from factory_assets.defs.client import FactoryClient

    return FactoryClient.open(instance.workspace)


def _at_work(instance: Instance) -> AbstractContextManager[Factory]:
    from factory_assets.cli.stages import Factory

    return Factory.at_work(instance, _registry(instance), console)


def _check_up(instance: Instance) -> bool:
    from factory_assets.cli.tables import show_checks
    from factory_assets.doctor.run import errors_of, run_checks

    checks = run_checks(Gateways(instance.settings).doctor_inputs())
    show_checks(console, checks)
    return not errors_of(checks)
