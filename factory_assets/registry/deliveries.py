"""Specs for other factories, into the table `candidates` of a PostgreSQL database that they read.

The table is idea-engine's (https://github.com/timholm/idea-engine, first generation, internal/db/db.go); its reader,
https://github.com/timholm/claude-code-factory (internal/importer), takes rows that are synthesized or delivered and
whose spec_json, a text, is not empty, in the order of their numbers, and marks them as imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from factory_assets.domain.delivery import Delivered, Delivery
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.registry.candidates import CONNECT_SECONDS

if TYPE_CHECKING:
    import psycopg

_WHERE = "the database that specs are delivered to"
_FIX = "Check the address, that the database runs, and that its table candidates can be read and added to."
# Two deliveries at once would each find no row of the other. The number is this program's alone.
_ALONE = "SELECT pg_advisory_xact_lock(7209173415)"
_MAKE = """
CREATE TABLE IF NOT EXISTS candidates (
    id SERIAL PRIMARY KEY,
    arxiv_id TEXT NOT NULL,
    title TEXT,
    discovered_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    status TEXT DEFAULT 'pending',
    score FLOAT DEFAULT 0,
    research_json TEXT,
    spec_json TEXT,
    delivered_at TIMESTAMP
)
"""
_EXISTS = "SELECT to_regclass('candidates') IS NOT NULL"
_COLUMNS = """
SELECT CAST(attname AS TEXT) FROM pg_attribute
WHERE attrelid = to_regclass('candidates') AND attnum > 0 AND NOT attisdropped
"""
_NEEDED = frozenset({"status", "spec_json"})
_NAMED = """
SELECT CAST(spec_json AS TEXT) FROM candidates
WHERE spec_json IS NOT NULL AND strpos(CAST(spec_json AS TEXT), %s) > 0
"""
_TRACKED = "SELECT EXISTS (SELECT 1 FROM candidates WHERE arxiv_id = %s)"


class CandidateTable:
    """The table, for as long as the transaction is open. Implements DeliveryPlace: rows are added, never changed."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection
        connection.execute(_ALONE)
        if not self._one(_EXISTS):
            connection.execute(_MAKE)
        self._columns = frozenset(str(name) for (name,) in connection.execute(_COLUMNS).fetchall())
        if missing := _NEEDED - self._columns:
            raise InfrastructureError(
                f"The table candidates has no column {' and no '.join(sorted(missing))}.",
                where=_WHERE,
                fix=_FIX,
            )

    def put(self, delivery: Delivery) -> Delivered:
        """Add a row that its readers take, unless a row has a spec of that name."""
        for (text,) in self._connection.execute(_NAMED, [delivery.name]).fetchall():
            held = _read(text)
            if isinstance(held, dict) and held.get("name") == delivery.name:
                return Delivered.BEFORE if held == delivery.document else Delivered.TAKEN
        self._add(delivery)
        return Delivered.NEW

    def _add(self, delivery: Delivery) -> None:
        from psycopg import sql  # noqa: PLC0415  heavy

        told: dict[str, object] = {
            "arxiv_id": self._free_id(delivery.arxiv_id) if "arxiv_id" in self._columns else "",
            "title": delivery.title,
            "score": delivery.score,
            "status": "synthesized",
            "spec_json": json.dumps(delivery.document, ensure_ascii=False),
        }
        values = {name: value for name, value in told.items() if name in self._columns}
        statement = sql.SQL("INSERT INTO candidates ({}) VALUES ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        self._connection.execute(statement, list(values.values()))

    def _free_id(self, arxiv_id: str) -> str:
        # idea-engine updates its rows by this id: a second row of the same paper would be overwritten with them.
        return f"arXiv:{arxiv_id}" if self._one(_TRACKED, arxiv_id) else arxiv_id

    def _one(self, statement: str, *values: object) -> bool:
        row = self._connection.execute(statement.encode(), values).fetchone()
        return bool(row and row[0])


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def without_password(url: str) -> str:
    """The address as it is.

    Raises:
        InputError: it is no address of PostgreSQL, or it holds a password, which every user of this machine could read
            in the list of programs.
    """
    import psycopg  # noqa: PLC0415  heavy
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        # The library's own words hold what it could not read.
        raise InputError(
            "This is no address of a PostgreSQL database.",
            where="--to",
            fix="Write it as postgresql://user@host/database, its password in PGPASSWORD or ~/.pgpass.",
        ) from None
    if parts.get("password") is not None:
        raise InputError(
            "The address holds a password, which every user of this machine can read while the command runs.",
            where="--to",
            fix="Leave it out and put it into PGPASSWORD or ~/.pgpass, or set IDEA_ENGINE_POSTGRES_URL in .env and"
            " write --to IDEA_ENGINE_POSTGRES_URL.",
        )
    return url


@contextmanager
def open_candidate_table(url: str) -> Iterator[CandidateTable]:
    """One transaction on the database, which commits at the end of the block: all rows are there then, or none.

    Args:
        url: postgresql://user:password@host/database; it is never shown.

    Raises:
        InfrastructureError: the database cannot be reached, or its table is of another form.
    """
    import psycopg  # noqa: PLC0415  heavy

    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            yield CandidateTable(connection)
    except psycopg.Error as error:
        # The library's own words name the host and the user, never the password.
        raise InfrastructureError(
            f"The database failed: {str(error).strip()}", where=_WHERE, fix=_FIX
        ) from None
