"""Imported specs in the registry: queued at the late ranks of their import date, with where they came from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from pydantic_core import to_json

from factory_assets.domain.errors import StatusError
from factory_assets.domain.imports import ImportCounts, ImportedSpec
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import to_db
from factory_assets.registry.specs import insert_spec, place_waiting, specs_named

_ORIGIN = """
INSERT INTO spec_origins (spec_id, origin, source, source_url, source_repos, market_analysis, imported_at,
                          further)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


def import_specs(
    connection: Connection,
    day: date,
    specs: Sequence[ImportedSpec],
    *,
    late_ranks: range,
    now: datetime,
) -> ImportCounts:
    """Queue all of them or none, as domain.ports.ImportStore says.

    Raises:
        StatusError: naming the names that other specs have.
    """
    by_name = {item.spec.name: item for item in specs}
    here = {queued.spec.name: queued.spec for queued in specs_named(connection, list(by_name))}
    repeated = {item.spec.name for item in specs if by_name[item.spec.name].spec != item.spec}
    taken = sorted(repeated | {name for name, spec in here.items() if spec != by_name[name].spec})
    if taken:
        raise StatusError(
            f"Another spec has the name {', '.join(taken)}.",
            fix="Names are unique over all time: choose another, and import the file again.",
        )
    new = [item for name, item in by_name.items() if name not in here]
    free = place_waiting(connection, day, late_ranks)
    ranks: list[int | None] = [*free, *[None] * len(new)]
    for item, rank in zip(new, ranks, strict=False):
        insert_spec(connection, item.spec, analysed_day=None, day=day, rank=rank, now=now)
    queued = specs_named(connection, [item.spec.name for item in new])
    for spec in queued:
        _record_origin(connection, spec.id, by_name[spec.spec.name], now)
    return ImportCounts(tuple(queued), tuple(sorted(here)))


def _record_origin(connection: Connection, spec_id: int, item: ImportedSpec, now: datetime) -> None:
    connection.execute(
        _ORIGIN,
        [
            spec_id,
            item.origin,
            item.source,
            item.spec.source_url,
            to_json(item.source_repos).decode(),
            item.market_analysis,
            to_db(now),
            to_json(item.further).decode() if item.further else None,
        ],
    )
