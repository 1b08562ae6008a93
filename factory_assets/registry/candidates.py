"""The idea engine's table `candidates`, in a PostgreSQL database that belongs to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.imports import Candidate

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10

# A row that another import holds is left to it.
_READY = """
SELECT id, CAST(spec_json AS TEXT) FROM candidates
WHERE status IN ('synthesized', 'delivered')
ORDER BY delivered_at NULLS LAST, id
FOR UPDATE SKIP LOCKED
"""
_DONE = "UPDATE candidates SET status = 'imported' WHERE CAST(id AS TEXT) = ANY (%s)"


class Candidates:
    """The candidates that are ready, held for as long as the transaction is open."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def ready(self) -> list[Candidate]:
        """Those synthesized or delivered, in the order of delivery."""
        return [
            Candidate(id=str(row_id), text=text)
            for row_id, text in self._connection.execute(_READY).fetchall()
        ]

    def mark_imported(self, ids: Sequence[str]) -> None:
        """Mark those that are safe in the factory's own queue."""
        self._connection.execute(_DONE, [list(ids)])


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
            mend="Check the address, that the database runs, and that the table candidates"
            " (id, status, spec_json, delivered_at) can be read and updated.",
        ) from None
