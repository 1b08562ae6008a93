"""Copying a registry from one place to another: row by row, in one transaction of each, and compared at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.registry.database import Connection
from factory_assets.registry.registry import Registry

_BATCH = 2_000
_KEYS = """
SELECT columns.table_name, columns.column_name
FROM information_schema.table_constraints AS constraints
JOIN information_schema.key_column_usage AS columns
  ON columns.constraint_catalog = constraints.constraint_catalog
     AND columns.constraint_schema = constraints.constraint_schema
     AND columns.constraint_name = constraints.constraint_name AND columns.table_name = constraints.table_name
WHERE constraints.constraint_type = 'PRIMARY KEY' AND constraints.constraint_schema = current_schema()
  AND constraints.constraint_catalog = current_database() AND columns.table_name <> 'schema_migrations'
ORDER BY columns.table_name, columns.ordinal_position
"""
_COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = current_schema() AND table_catalog = current_database() AND table_name = $1
ORDER BY column_name
"""
# For what the two databases call by names of their own.
_TYPES = {
    "VARCHAR": "TEXT",
    "TIMESTAMP WITHOUT TIME ZONE": "TIMESTAMP",
    "DOUBLE": "DOUBLE PRECISION",
}
_SEQUENCES = {"answer_ids": "answers", "spec_ids": "build_queue"}


@dataclass(frozen=True)
class CopiedTable:
    """A table that is the same on both sides now; `rows` in all, of which `written` were not there or otherwise."""

    name: str
    rows: int
    written: int


@dataclass(frozen=True)
class _Table:
    name: str
    keys: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.columns]

    def key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(row[self.names.index(key)] for key in self.keys)


def copy_registry(source: Registry, target: Registry) -> list[CopiedTable]:
    """Bring every row of `source` into `target`; a second time changes nothing.

    Both are held meanwhile, so that nobody writes. Where anything goes wrong, the target is as it was.

    Raises:
        InputError: the target has rows that the source has not, so that it is no earlier copy of it.
        InfrastructureError: one of the two cannot be read or written, or the two differ after all.
        RegistryBusyError: one of the two is held by another program.
    """
    with (
        source._database.transaction() as from_there,  # noqa: SLF001 - of this package
        target._database.transaction() as to_there,  # noqa: SLF001
    ):
        tables = _tables(from_there)
        copied = [_copy(from_there, to_there, table) for table in tables]
        for table in tables:
            if _digest(from_there, table) != _digest(to_there, table):
                raise InfrastructureError(
                    f"The copy of the table {table.name} differs from what was copied.", fix="Report this."
                )
        for sequence, name in _SEQUENCES.items():
            _advance(to_there, sequence, name)
    return copied


def _tables(connection: Connection) -> list[_Table]:
    keys: dict[str, list[str]] = {}
    for name, column in connection.execute(_KEYS).fetchall():
        keys.setdefault(name, []).append(column)
    return [
        _Table(
            name,
            tuple(named),
            tuple(
                (column, _TYPES.get(kind.upper(), kind.upper()))
                for column, kind in connection.execute(_COLUMNS, [name]).fetchall()
            ),
        )
        for name, named in keys.items()
    ]


def _copy(source: Connection, target: Connection, table: _Table) -> CopiedTable:
    there = {table.key_of(row): _line(row) for row in _rows(target, table)}
    rows = written = 0
    for batch in _batches(source, table):
        rows += len(batch)
        news = [row for row in batch if there.pop(table.key_of(row), None) != _line(row)]
        written += len(news)
        if news:
            target.execute(_upsert(table), [list(values) for values in zip(*news, strict=True)])
    if there:
        raise InputError(
            f"The table {table.name} has {len(there):,} rows there that the source has not.",
            where=", ".join(map(str, next(iter(there)))),
            fix="Copy into an empty registry, or the other way round.",
        )
    return CopiedTable(table.name, rows, written)


def _upsert(table: _Table) -> str:
    taken = ", ".join(
        f"CAST(incoming.{name} AS JSON)" if kind == "JSON" else f"incoming.{name}"
        for name, kind in table.columns
    )
    given = ", ".join(
        f"unnest(${place}::{'TEXT' if kind == 'JSON' else kind}[]) AS {name}"
        for place, (name, kind) in enumerate(table.columns, start=1)
    )
    rest = [name for name in table.names if name not in table.keys]
    changes = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return (
        f"INSERT INTO {table.name} ({', '.join(table.names)}) SELECT {taken} FROM (SELECT {given}) AS incoming"  # noqa: S608 - names of the schema
        f" WHERE TRUE ON CONFLICT ({', '.join(table.keys)}) DO {f'UPDATE SET {changes}' if changes else 'NOTHING'}"
    )


def _rows(connection: Connection, table: _Table) -> Iterator[tuple[Any, ...]]:
    for batch in _batches(connection, table):
        yield from batch


def _batches(connection: Connection, table: _Table) -> Iterator[list[tuple[Any, ...]]]:
    """The rows by their key: a million papers are not held at once."""
    keys = ", ".join(table.keys)
    columns = ", ".join(f"CAST({name} AS TEXT)" if kind == "JSON" else name for name, kind in table.columns)
    last: tuple[Any, ...] = ()
    while True:
        places = ", ".join(f"${place}" for place in range(1, len(last) + 1))
        after = f"WHERE ({keys}) > ({places})" if last else ""
        batch = connection.execute(
            f"SELECT {columns} FROM {table.name} {after} ORDER BY {keys} LIMIT {_BATCH}",  # noqa: S608
            list(last),
        ).fetchall()
        if not batch:
            return
        yield batch
        last = table.key_of(batch[-1])


def _line(row: Sequence[Any]) -> bytes:
    return hashlib.sha256(repr(row).encode("utf-8", "backslashreplace")).digest()


def _digest(connection: Connection, table: _Table) -> tuple[int, int]:
    """How many rows there are, and a sum that their order does not change: each database sorts texts in its way."""
    lines = [int.from_bytes(_line(row)) for row in _rows(connection, table)]
    return len(lines), sum(lines) % 2**256


def _advance(connection: Connection, sequence: str, table: str) -> None:
    """Let the next number be one that no row has."""
    (highest,) = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchall()[0]  # noqa: S608
    (now,) = connection.execute(f"SELECT nextval('{sequence}')").fetchall()[0]
    if highest > now:
        connection.execute(
            f"SELECT max(nextval('{sequence}')) FROM generate_series(1, {highest - now})"  # noqa: S608
        )
