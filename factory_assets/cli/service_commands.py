"""The commands that start, stop, check and clean an instance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from factory_assets.cli.common import (
    check_up,
    client_of,
    console,
    leave,
    registry_of,
)
from factory_assets.cli.instance import open_instance
from factory_assets.cli.ownership import own
from factory_assets.daemon_notes import living_daemons
from factory_assets.domain.errors import InputError


def prepare() -> None:
    """Write the instance's `.env` and folders, where they are missing; `make setup` runs this."""
    instance = open_instance()
    console.print(f"{instance.settings.factory_mode} instance at {instance.home}", highlight=False)


def demo() -> None:
    """Run the whole factory over three recorded dates: no key, no network."""
    from factory_assets.cli.demo import prepare_demo, run_demo

    instance = prepare_demo()
    leave(succeeded=run_demo(instance, registry_of(instance), console))


def demo_ui() -> None:
    """Serve the Dagster UI on the demo's instance until Ctrl-C."""
    from factory_assets.cli.demo import prepare_demo
    from factory_assets.cli.supervisor import check_startable, supervise

    instance = prepare_demo()
    check_startable(instance)
    console.print(f"{instance.settings.local_ui_url} (Ctrl-C stops it)", highlight=False)
    supervise(instance)


def doctor() -> None:
    """Check credentials, programs, sandbox and disk; say what is affected and how to fix it."""
    leave(succeeded=check_up(open_instance()))


def up(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay and run it here, as a service manager wants it.")
    ] = False,
) -> None:
    """Start the factory: check, prepare, then run web server, code server and daemon in the background."""
    from factory_assets.cli import supervisor
    from factory_assets.cli.queue_actions import show_holds
    from factory_assets.defs.daemons import (
        check_no_daemon,
        forget_daemon,
        open_queue,
        release_dead_runs,
        runs_going_on,
    )
    from factory_assets.defs.standing import refuse_to_lose_ranks
    from factory_assets.defs.storage import open_storage
    from factory_assets.last_good import last_good
    from factory_assets.location import refuse_to_break

    instance = open_instance()
    settings = instance.settings
    supervisor.check_startable(instance)
    instance.parts.credential.check()
    if not check_up(instance):
        raise InputError("The factory was not started.", fix="Fix what stands above in red.")
    refuse_to_lose_ranks(instance.parts.registry, settings.factory_ranks)
    if (before := last_good(instance.home)) is not None:
        refuse_to_break(before, settings)
    # Checks take a while, and nobody may have begun to work on this instance meanwhile.
    with open_storage(settings.factory_data_dir) as dagster, own(settings.factory_data_dir):
        check_no_daemon(dagster)
        forget_daemon(dagster)
        parts = instance.parts
        released, alive = release_dead_runs(dagster, parts.registry), runs_going_on(dagster)
        standing = open_queue(dagster, parts.registry, parts.credential, settings.build_workers)
        show_holds(standing, console)
    if released:
        console.print(
            f"Reported as failed, because the worker had died: {', '.join(released)}.", soft_wrap=True
        )
    if alive:
        console.print(f"Going on in a worker of an earlier daemon: {', '.join(alive)}.", soft_wrap=True)
    writes = parts.synthesis if settings.factory_specs_from == "research" else parts.analysis
    builds, analysis = settings.factory_day_budget_usd, writes.most_a_date_can_cost()
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


def down() -> None:
    """Stop the factory and everything it started; runs in flight stop too and are resumed later."""
    from factory_assets.cli.supervisor import stop_supervisor

    instance = open_instance()
    console.print("Stopped." if stop_supervisor(instance) else "It was not running.")
    for daemon in living_daemons(instance.settings.factory_data_dir):
        console.print(f"Still there: the daemon {daemon}; stop it where it was started.", soft_wrap=True)


def supervise() -> None:
    """Run the programs in the foreground, as a service manager wants it."""
    from factory_assets.cli import supervisor

    supervisor.supervise(open_instance())


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
) -> None:
    """Remove runs, transcripts and failed states older than FACTORY_KEEP_DAYS that nothing shows."""
    from factory_assets.defs.housekeeping import SweptRuns, sweep_runs
    from factory_assets.defs.storage import open_storage

    instance = open_instance()
    before = datetime.now(UTC) - timedelta(days=instance.settings.factory_keep_days)
    upkeep = instance.parts.housekeeping
    are_sent = dry_run or upkeep.send_logs(lambda line: console.print(line, highlight=False, soft_wrap=True))
    with open_storage(instance.settings.factory_data_dir) as dagster:
        # What waits for FACTORY_LOG_STORE goes with its run.
        runs = sweep_runs(dagster, before=before, remove=not dry_run) if are_sent else SweptRuns(0, 0)
    console.print("Would be removed:" if dry_run else "Removed:")
    console.print(f"  old runs: {runs.removed} ({runs.kept} are kept because something shows them)")
    for line in upkeep.sweep(before=before, remove=not dry_run):
        console.print(f"  {line}", highlight=False)


def enable() -> None:
    """Start the schedules and the sensor that spend money or publish."""
    with client_of(open_instance()) as client:
        console.print("Started: " + ", ".join(client.enable()))


def disable() -> None:
    """Stop the schedules and the sensor that spend money or publish."""
    with client_of(open_instance()) as client:
        console.print("Stopped: " + ", ".join(client.disable()))
