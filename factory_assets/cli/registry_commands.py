"""The commands of the registry itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from factory_assets.cli.common import console
from factory_assets.cli.instance import open_instance
from factory_assets.domain.errors import InputError
from factory_assets.domain.text import counted

registry = typer.Typer(
    help="The registry: what the factory knows of papers, specs, builds and costs.", no_args_is_help=True
)


class Side(StrEnum):
    """Where a registry can be."""

    FILE = "file"
    DATABASE = "database"


@registry.callback()
def _group() -> None:
    """Further commands may follow."""


@registry.command()
def copy(
    source: Annotated[
        Side, typer.Argument(metavar="FROM", help="file: FACTORY_DATA_DIR/registry.duckdb; or database.")
    ],
    target: Annotated[Side, typer.Argument(metavar="TO", help="database: FACTORY_REGISTRY_URL; or file.")],
) -> None:
    """Copy the registry from its file to its database, or back; a second time changes nothing.

    Both sides are compared before the copy counts. The factory must be down meanwhile.
    """
    from factory_assets.cli.ownership import own
    from factory_assets.registry import Registry
    from factory_assets.registry.copying import copy_registry

    if source is target:
        raise InputError("Both sides are the same.", fix="Give `file database` or `database file`.")
    settings = open_instance().settings
    if settings.factory_registry_url is None:
        raise InputError(
            "No database is named.", where="FACTORY_REGISTRY_URL", fix="Set it, in `.env` for example."
        )
    places = {Side.FILE: settings.registry_file, Side.DATABASE: settings.registry_place}
    if source is Side.FILE and not settings.registry_file.exists():
        raise InputError(
            "There is no registry to copy.", where=str(settings.registry_file), fix="Look there."
        )
    with own(settings.factory_data_dir):
        copied = copy_registry(Registry(places[source]), Registry(places[target]))
    for table in copied:
        if table.rows:
            console.print(f"  {table.name:<20} {table.rows:>10,}  ({table.written:,} new or changed)")
    rows = sum(table.rows for table in copied)
    console.print(f"{counted(rows, 'row', 'rows')} are the same on both sides.", highlight=False)
