"""The real registry with its rows in memory: the same SQL and rules, and no file to open for each transaction.

Where a test runs on PostgreSQL, it is a schema there.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import registry_on_postgres
from pydantic import TypeAdapter
from quick_registries import migrated

from factory_assets.domain.acceptance import ScenarioResult
from factory_assets.domain.builds import ModelCall, Phase, Usage
from factory_assets.registry import Registry
from factory_assets.registry.database import Connection
from factory_assets.registry.duckdb_file import DuckDBFile
from factory_assets.registry.rows import fetch, from_db

_RESULTS = TypeAdapter(tuple[ScenarioResult, ...])


class _InMemory(DuckDBFile):
    """A database of this process alone, for as long as its registry."""

    def __init__(self) -> None:
        super().__init__(Path("in memory"))
        self._lock = threading.Lock()
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        # A plan for a handful of rows costs more than running it.
        self._connection.execute("PRAGMA disable_optimizer")
        self._connection.execute(f"ATTACH '{migrated()}' AS migrated (READ_ONLY)")
        self._connection.execute("COPY FROM DATABASE migrated TO memory")
        self._connection.execute("DETACH migrated")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self._lock:
            self._connection.execute("BEGIN TRANSACTION")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):
                    self._connection.execute("ROLLBACK")
                raise


def memory_registry() -> Registry:
    if (place := registry_on_postgres.place_of(None)) is not None:
        return Registry(place)
    registry = Registry(Path("in memory"))
    registry._database.transaction = _InMemory().transaction
    return registry


def rows(registry: Registry, sql: str, *values: object) -> list[dict[str, object]]:
    """What no subject of the registry tells."""
    with registry._database.transaction() as connection:
        return fetch(connection, sql, values)


def calls(registry: Registry) -> list[ModelCall]:
    """The lines of the ledger in the order in which they were written."""
    found = []
    for row in rows(registry, "SELECT * FROM llm_calls ORDER BY rowid"):
        usage = Usage(**{name: row[name] for name in Usage.model_fields})
        rest = {name: row[name] for name in ModelCall.model_fields if name in row}
        found.append(ModelCall(**{**rest, "usage": usage, "at": from_db(row["called_at"])}))
    return found


def reserved(registry: Registry) -> list[dict[str, object]]:
    """What is set aside now, with what of it was metered."""
    return rows(registry, "SELECT * FROM reservations ORDER BY rowid")


def results(registry: Registry) -> dict[tuple[str, Phase], tuple[ScenarioResult, ...]]:
    """What the scenarios came to, by commit and phase."""
    return {
        (row["commit"], Phase(row["phase"])): _RESULTS.validate_json(row["results"])
        for row in rows(registry, "SELECT * FROM scenario_results ORDER BY rowid")
    }
