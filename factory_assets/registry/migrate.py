"""Versioned migrations: the SQL files in migrations/, applied in order and once."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files

from factory_assets.domain.errors import InputError
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import to_db

_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at TIMESTAMP NOT NULL
)
"""


def migrate(connection: Connection, *, where: str) -> None:
    """Bring the schema up to this version of the factory; the caller's transaction holds it together.

    Raises:
        InputError: when a newer version of the factory has written the registry at `where`.
    """
    connection.execute(_HISTORY)
    row = connection.execute("SELECT coalesce(max(version), 0) FROM schema_migrations").fetchone()
    current = row[0] if row else 0
    known = _migrations()
    if current > len(known):
        raise InputError(
            f"The registry has schema {current}, this version of the factory knows {len(known)}.",
            where=where,
            fix="Update the factory, or set FACTORY_DATA_DIR to another folder.",
        )
    for version, (name, sql) in enumerate(known, start=1):
        if version > current:
            connection.execute(sql)
            connection.execute(
                "INSERT INTO schema_migrations (version, name, applied_at) VALUES ($1, $2, $3)",
                [version, name, to_db(datetime.now(UTC))],
            )


def _migrations() -> list[tuple[str, str]]:
    folder = files("factory_assets.registry") / "migrations"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name)
    return [(file.name, file.read_text("utf-8")) for file in found]
