"""Where a registry is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr


@dataclass(frozen=True)
class PostgresPlace:
    """A schema of a PostgreSQL database: its address is postgresql://user:password@host/database."""

    url: SecretStr
    schema: str


# A file is one of DuckDB.
RegistryPlace = Path | PostgresPlace
