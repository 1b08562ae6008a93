"""What the commands share: their options, and opening what they work on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from factory_assets.cli.instance import OpenedInstance
from factory_assets.domain.builds import IN_PROGRESS
from factory_assets.domain.errors import InputError
from factory_assets.registry import Registry

if TYPE_CHECKING:
    from factory_assets.cli.stages import Days, Factory
    from factory_assets.defs.client import FactoryClient

console = Console()


def parse_day(text: str) -> date:
    """A date as an operator writes it.

    Raises:
        InputError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no date.", fix="Write it as 2026-06-17.") from None


DayOption = Annotated[
    date | None, typer.Option("--date", parser=parse_day, metavar="YYYY-MM-DD", help="One date (UTC).")
]
FromOption = Annotated[
    date | None, typer.Option("--from", parser=parse_day, metavar="YYYY-MM-DD", help="First date of a range.")
]
ToOption = Annotated[
    date | None, typer.Option("--to", parser=parse_day, metavar="YYYY-MM-DD", help="Last date of a range.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The repo's name.")]
RepoOption = Annotated[
    list[str] | None, typer.Option("--repo", metavar="NAME", help="Only this repo; repeatable.")
]


def range_of(instance: OpenedInstance, first: date | None, last: date | None) -> Days:
    """The dates from `first` to `last`.

    Raises:
        InputError: neither is named.
    """
    from factory_assets.cli.stages import Days

    days = Days.chosen(instance.settings, day=None, first=first, last=last)
    if days is None:
        raise InputError("No range of dates is named.", fix="Give --from D --to D.")
    return days


def leave(*, succeeded: bool) -> None:
    """End the command; its exit code tells a script how it went."""
    if not succeeded:
        raise typer.Exit(1)


def registry_of(instance: OpenedInstance) -> Registry:
    """The instance's registry."""
    return instance.parts.registry


def client_of(instance: OpenedInstance) -> AbstractContextManager[FactoryClient]:
    """A client of the instance's Dagster."""
    from factory_assets.defs.client import FactoryClient

    return FactoryClient.open(instance.workspace, instance.settings.factory_data_dir)


def lost_now(instance: OpenedInstance, registry: Registry) -> dict[str, str]:
    """See defs.lost_builds; Dagster is asked only while a build is at work."""
    if not registry.queue.specs(IN_PROGRESS):
        return {}
    from factory_assets.defs.lost_builds import lost_builds
    from factory_assets.defs.storage import open_storage

    with open_storage(instance.settings.factory_data_dir) as dagster:
        return lost_builds(dagster, registry)


def at_work(instance: OpenedInstance) -> AbstractContextManager[Factory]:
    """The factory at work on the instance."""
    from factory_assets.cli.stages import Factory

    return Factory.at_work(instance, registry_of(instance), console)


def check_names(instance: OpenedInstance, names: Sequence[str]) -> None:
    """Refuse a name that cannot be worked on, before anything is started.

    Raises:
        InputError: with the names, and why.
    """
    from factory_assets.cli.stages import named_specs

    if names:
        named_specs(registry_of(instance), names, places=instance.settings.places)


def check_up(instance: OpenedInstance, *, joining: int = 0) -> bool:
    """Run the doctor's checks and show them; False where one of them stops the factory.

    `joining` is how many builds a worker takes that starts here.
    """
    from factory_assets.cli.running import running_now
    from factory_assets.cli.tables import show_checks
    from factory_assets.doctor.run import errors_of, run_checks

    inputs = instance.parts.doctor_inputs()
    running = running_now(instance.settings.factory_data_dir)
    if running is not None:
        inputs = replace(inputs, changed_settings=tuple(running.differing(instance.settings)))
    if instance.settings.factory_celery_broker is not None:
        from factory_assets.defs.worker_places import worker_places

        inputs = replace(inputs, worker_places=lambda: worker_places(instance.settings, joining=joining))
    checks = run_checks(inputs)
    show_checks(console, checks)
    return not errors_of(checks)
