"""The code location of an instance. A mistake in `.env` must not unload it: Dagster would end what is in flight.

So where the settings cannot hold, the last ones that did stay in force, and the UI and an alert say so.
"""

from __future__ import annotations

import logging
import os

import dagster as dg

from factory_assets.build_defs import build_defs
from factory_assets.defs.daemons import daemon_is_running
from factory_assets.defs.standing import Grid, refuse_to_narrow
from factory_assets.defs.storage import storage_at
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.last_good import home_of_instance, last_good, remember
from factory_assets.registry import Registry
from factory_assets.settings import Settings, is_pinned, load_settings

_log = logging.getLogger(__name__)


def load_location() -> dg.Definitions:
    """The definitions by the settings as they are now, or else by the last ones that could hold.

    Raises:
        FactoryError: the settings cannot hold, and none ever did.
    """
    home = home_of_instance()
    before = last_good(home)
    try:
        settings = load_settings()
        if before is not None:
            refuse_to_break(before, settings)
        definitions = build_defs(settings)
    except (FactoryError, OSError) as error:
        if before is None:
            raise
        _log.error("The last good settings stay in force, because these cannot be: %s", error)
        # Dagster's storage is where this says, for what this process evaluates and the runs that it starts.
        os.environ["FACTORY_DATA_DIR"] = str(before.factory_data_dir)
        return build_defs(before, refused=str(error))
    remember(settings, home)
    return definitions


def refuse_to_break(before: Settings, settings: Settings) -> None:
    """Refuse settings that break what those before them have begun: another place or mode, or too few partitions.

    Raises:
        InputError: with what stands against it.
    """
    if settings.factory_data_dir != before.factory_data_dir:
        _refuse_to_part_from_daemon(before, settings)
        # A folder of its own is another instance, with a mode and partitions of its own.
        return
    if settings.factory_mode is not before.factory_mode:
        raise InputError(
            f"FACTORY_MODE is {settings.factory_mode}, and this is a {before.factory_mode} instance.",
            where=str(settings.factory_data_dir),
            fix="Set it back, or name another FACTORY_DATA_DIR too; the two modes share nothing.",
        )
    grid = _grid_of(settings)
    # Without a home of its own, Dagster has no instance on which anything could stand.
    if grid.lacks_some_of(_grid_of(before)) and os.environ.get("DAGSTER_HOME"):
        with dg.DagsterInstance.get() as instance:
            refuse_to_narrow(instance, Registry(settings.registry_place), grid)


def _refuse_to_part_from_daemon(before: Settings, settings: Settings) -> None:
    """Code and daemon would each work in a folder of their own."""
    home, folder = home_of_instance(), before.factory_data_dir
    # A command has a daemon of its own for the folder that it was given.
    if is_pinned(home) or not (home / "dagster.yaml").exists() or not folder.is_dir():
        return
    with storage_at(home, folder) as instance:
        if daemon_is_running(instance):
            raise InputError(
                f"FACTORY_DATA_DIR is {settings.factory_data_dir}, and a daemon is at work in {folder}.",
                where=str(home),
                fix="Stop that daemon first, or set FACTORY_DATA_DIR back.",
            )


def _grid_of(settings: Settings) -> Grid:
    return Grid(settings.factory_start_date, settings.factory_end_date, settings.factory_ranks)
