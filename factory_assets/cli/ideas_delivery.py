"""`factory ideas deliver`: a date's researched specs for another factory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factory_assets.cli.common import console, parse_day, registry_of
from factory_assets.cli.instance import OpenedInstance, open_instance
from factory_assets.domain.delivery import Delivered, Delivery, DeliveryPlace
from factory_assets.domain.errors import InputError
from factory_assets.domain.text import counted

if TYPE_CHECKING:
    from factory_assets.registry import Registry

_SETTING = "IDEA_ENGINE_POSTGRES_URL"


def deliver(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FOLDER|URL",
            help="A folder of JSON files, postgresql://user@host/database (its password in PGPASSWORD or ~/.pgpass),"
            f" or {_SETTING}, the database that this setting names.",
        ),
    ],
    day: Annotated[str, typer.Option("--date", metavar="DATE", help="Whose specs, as 2026-06-18.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Hand a date's specs that come from research to another factory; doing it again changes nothing."""
    instance = open_instance()
    deliveries = list(_deliveries(registry_of(instance), parse_day(day)))
    if not deliveries:
        raise InputError(
            "No spec of this date comes from research.",
            where=day,
            fix="`factory ideas list` tells which dates have some.",
        )
    with _place(to, instance) as place:
        outcomes = {delivery.name: place.put(delivery) for delivery in deliveries}
    if as_json:
        console.print_json(data={name: outcome.name.lower() for name, outcome in outcomes.items()})
        return
    new = sum(outcome is Delivered.NEW for outcome in outcomes.values())
    _say(f"{counted(new, 'spec', 'specs')} of {len(outcomes)} delivered.")
    for name, outcome in outcomes.items():
        _say(f"  {name}: {outcome}")


def _deliveries(registry: Registry, day: date) -> Iterator[Delivery]:
    from factory_assets.ideas.delivery import delivery_of

    scores = {candidate.arxiv_id: candidate.score for candidate in registry.ideas.candidates(day)}
    for queued in registry.queue.of_day(day):
        evidence = registry.evidence.of(queued.id)
        if evidence is not None:
            best = max((scores.get(paper, 0.0) for paper in queued.spec.source_papers), default=0.0)
            yield delivery_of(queued.spec, evidence, score=best)


@contextmanager
def _place(to: str, instance: OpenedInstance) -> Iterator[DeliveryPlace]:
    from factory_assets.ideas.delivery import SpecFolder
    from factory_assets.registry.deliveries import open_candidate_table, without_password

    if to == _SETTING:
        named = instance.settings.idea_engine_postgres_url
        if named is None:
            raise InputError(
                "There is no address of a database.",
                where=_SETTING,
                fix="Set it in .env, as postgresql://user:password@host/database.",
            )
        with open_candidate_table(named.get_secret_value()) as table:
            yield table
    elif "://" in to:
        with open_candidate_table(without_password(to)) as table:
            yield table
    else:
        yield SpecFolder(Path(to))


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
