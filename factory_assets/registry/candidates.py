"""The idea engine's tables `candidates` and `clusters`, in a PostgreSQL database that belongs to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.imports import Candidate

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

CONNECT_SECONDS = 10
# The first generation of the idea engine writes the first, its newest the second; a database may have both.
TABLES = ("candidates", "clusters")
_FIX = (
    "Check the address, that the database runs, and that the table candidates or clusters (status, spec_json) can be"
    " read and updated."
)

_EXISTS = "SELECT to_regclass(%s) IS NOT NULL"
# The row as text: the columns differ by generation, and a value that one row should not hold fails for nobody else.
# A row that another import holds is left to it. A locked row keeps its ctid until this transaction ends.
_READY = """
SELECT CAST(ctid AS TEXT), CAST(row_to_json({table}) AS TEXT) FROM {table}
WHERE status IN ('synthesized', 'delivered')
FOR UPDATE SKIP LOCKED
"""
_DONE = "UPDATE {table} SET status = 'imported' WHERE ctid = ANY (CAST(%s AS tid[]))"


class Candidates:
    """The candidates that are ready, held for as long as the transaction is open."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection
        self._places: dict[str, tuple[str, str]] = {}

    def ready(self) -> list[Candidate]:
        """Those synthesized or delivered, in the order of delivery, table by table.

        Raises:
            InfrastructureError: the database has neither table.
        """
        there = [table for table in TABLES if self._exists(table)]
        if not there:
            raise InfrastructureError(
                f"The idea engine's database has none of the tables {' and '.join(TABLES)}.",
                where="IDEA_ENGINE_POSTGRES_URL",
                fix=_FIX,
            )
        return [candidate for table in there for candidate in self._ready_in(table)]

    def mark_imported(self, ids: Sequence[str]) -> None:
        """Mark those that are safe in the factory's own queue."""
        for table in TABLES:
            places = [place for one in ids for at, place in [self._places[one]] if at == table]
            if places:
                self._connection.execute(_in(_DONE, table), [places])

    def _exists(self, table: str) -> bool:
        row = self._connection.execute(_EXISTS, [table]).fetchone()
        return bool(row and row[0])

    def _ready_in(self, table: str) -> list[Candidate]:
        found = []
        for place, text in self._connection.execute(_in(_READY, table)).fetchall():
            try:
                row = json.loads(text)
            except (ValueError, RecursionError):
                row = {}
            number = str(row.get("id", place))
            name = number if table == TABLES[0] else f"{table}/{number}"
            self._places[name] = (table, place)
            delivered = row.get("delivered_at")
            order = (delivered is None, str(delivered), number.rjust(20))
            found.append((order, Candidate(id=name, text=text)))
        return [candidate for _, candidate in sorted(found, key=lambda one: one[0])]


def _in(statement: str, table: str) -> sql.Composed:
    from psycopg import sql  # noqa: PLC0415  heavy

    return sql.SQL(statement).format(table=sql.Identifier(table))


@contextmanager
def open_candidates(url: str) -> Iterator[Candidates]:
    """One transaction on the idea engine's database, which commits at the end of the block.

    Args:
        url: postgresql://user:password@host/database; it is never shown.

    Raises:
        InfrastructureError: the database cannot be reached, or has no such table.
    """
    import psycopg  # noqa: PLC0415  heavy

    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            yield Candidates(connection)
    except psycopg.Error as error:
        # The library's own words name the host and the user, never the password.
        raise InfrastructureError(
            f"The idea engine's database failed: {str(error).strip()}",
            where="IDEA_ENGINE_POSTGRES_URL",
            fix=_FIX,
        ) from None
