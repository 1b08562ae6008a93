"""A SQLite file of the router's: a kill leaves it whole, and whatever fails in it is told in one way."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.errors import InfrastructureError

# An event loop waits meanwhile; whoever else writes to the file is done within milliseconds.
_BUSY_SECONDS = 0.25


@dataclass(frozen=True)
class Stored:
    """Tables in a file, which others may lie in as well. `what` names their content in errors.

    Safe for several threads, one at a time.
    """

    file: Path
    what: str
    _connection: sqlite3.Connection
    _lock: threading.Lock

    @classmethod
    @contextmanager
    def open(cls, file: Path, schema: str, *, what: str) -> Iterator[Stored]:
        """Open the file and lay its tables.

        What is committed outlives the process at once, and a crash of the machine as of the last checkpoint:
        https://sqlite.org/pragma.html#pragma_synchronous.

        Raises:
            InfrastructureError: it cannot be read or written, or is no SQLite file.
        """
        with told(file, what):
            file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                file, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
        try:
            with told(file, what):
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(schema)
            yield cls(file, what, connection, threading.Lock())
        finally:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is done within, or nothing of it.

        Raises:
            InfrastructureError: as `open`.
        """
        with self._lock, told(self.file, self.what):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                # SQLite has rolled back by itself after some errors, such as a full disk.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def write(self, sql: str, values: tuple[object, ...]) -> int:
        """One statement by itself; the number of the row that it has added.

        Raises:
            InfrastructureError: as `open`.
        """
        with self._lock, told(self.file, self.what):
            return int(self._connection.execute(sql, values).lastrowid or 0)

    def rows(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """What a query finds.

        Raises:
            InfrastructureError: as `open`.
        """
        with self._lock, told(self.file, self.what):
            return self._connection.execute(sql, values).fetchall()

    def version(self) -> int:
        """Another number whenever somebody else has written to the file: https://sqlite.org/pragma.html#pragma_data_version.

        Raises:
            InfrastructureError: as `open`.
        """
        with self._lock, told(self.file, self.what):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


@contextmanager
def told(file: Path, what: str) -> Iterator[None]:
    """Tell in one way of whatever fails in a file or beside it."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise InfrastructureError(
            f"{what} cannot be kept: {error}.",
            where=str(file),
            fix="Free disk space there and see that the file can be written; if it is no SQLite file, move it away.",
        ) from error
