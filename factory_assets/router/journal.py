"""What the router's calls have come to, in a file of its own that a kill -9 leaves whole.

A call's row stands before its request goes out and holds the most that it can cost, so that what a router that died
had under way is known; it is written down to what was counted while the answer passes, and settled at its end.
SQLite, because DuckDB lets one process alone into a file: https://duckdb.org/docs/stable/connect/concurrency.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InfrastructureError
from factory_assets.router.tokens import Grant

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    grant_id TEXT NOT NULL,
    repo TEXT NOT NULL,
    phase TEXT NOT NULL,
    model TEXT NOT NULL,
    called_at TEXT NOT NULL,
    ended_at TEXT,
    outcome TEXT NOT NULL,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    cost_usd REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS calls_by_grant ON calls (grant_id);
CREATE INDEX IF NOT EXISTS calls_open ON calls (id) WHERE ended_at IS NULL;
"""
_BEGIN = """
INSERT INTO calls (grant_id, repo, phase, model, called_at, outcome, cost_usd) VALUES (?, ?, ?, ?, ?, 'under way', ?)
"""
_COUNT = """
UPDATE calls SET input_tokens = ?, output_tokens = ?, cache_read_tokens = ?, cache_write_tokens = ?, cost_usd = ?
WHERE id = ? AND ended_at IS NULL
"""
_END = "UPDATE calls SET ended_at = ?, outcome = ? WHERE id = ? AND ended_at IS NULL"
_CLOSE = "UPDATE calls SET ended_at = ?, outcome = 'router lost' WHERE ended_at IS NULL"
_SPENT = "SELECT coalesce(sum(cost_usd), 0) FROM calls WHERE grant_id = ?"
_BUSY_SECONDS = 10.0


@dataclass(frozen=True)
class Journal:
    """The journal in a file. One router at a time writes it; its calls may come from several threads."""

    file: Path
    _connection: sqlite3.Connection
    _lock: threading.Lock

    @classmethod
    @contextmanager
    def open(cls, file: Path) -> Iterator[Journal]:
        """Open it, and settle what an earlier router left under way at the most that it can have cost.

        Raises:
            InfrastructureError: the file cannot be written, or is no journal.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        with _told(file):
            connection = sqlite3.connect(
                file, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
        try:
            with _told(file):
                connection.execute("PRAGMA journal_mode = WAL")
                # Each call's row is on disk before its request is on the wire.
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_SCHEMA)
                connection.execute(_CLOSE, (_stamp(datetime.now(UTC)),))
            yield cls(file, connection, threading.Lock())
        finally:
            connection.close()

    def begin(self, grant: Grant, model: str, *, most_usd: float, now: datetime) -> int:
        """Write down a call that is about to be made; its number."""
        row = (grant.id, grant.repo, grant.phase, model, _stamp(now), most_usd)
        return self._write(_BEGIN, row)

    def count(self, number: int, usage: Usage) -> None:
        """Set what a call has used, as far as it is known; nothing once it has ended."""
        counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
        self._write(_COUNT, (*counts, usage.cost_usd, number))

    def end(self, number: int, outcome: str, *, now: datetime) -> None:
        """Settle a call."""
        self._write(_END, (_stamp(now), outcome, number))

    def spent(self, grant_id: str) -> float:
        """Dollars of all calls of a grant, those under way at the most that they can cost."""
        with self._lock, _told(self.file):
            (dollars,) = self._connection.execute(_SPENT, (grant_id,)).fetchone()
        return float(dollars)

    def _write(self, sql: str, row: tuple[object, ...]) -> int:
        with self._lock, _told(self.file):
            return int(self._connection.execute(sql, row).lastrowid or 0)


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise InfrastructureError(
            f"The router's journal cannot be written: {error}.",
            where=str(file),
            mend="Free disk space there, and see that no other router of this instance is at work.",
        ) from error


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
