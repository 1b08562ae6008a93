"""What the router's calls have come to, in a file of its own that a kill -9 leaves whole.

A call's row stands before its request goes out, with the estimate that holds where nothing is heard of its answer; it
is corrected to what is counted while the answer passes, and settled at its end. So what a router that died had under
way is known. SQLite, because DuckDB lets one process alone into a file (https://duckdb.org/docs/stable/connect/concurrency)
and commands without a live factory have routers of their own.
"""

from __future__ import annotations

import fcntl
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InfrastructureError
from factory_assets.router.tokens import Grant

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    router TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    repo TEXT,
    phase TEXT,
    model TEXT,
    score INTEGER,
    tier INTEGER,
    called_at TEXT NOT NULL,
    ended_at TEXT,
    outcome TEXT NOT NULL,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cache_read_tokens INTEGER NOT NULL DEFAULT 0,
    cache_write_tokens INTEGER NOT NULL DEFAULT 0,
    cost_usd REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS ended_grants (grant_id TEXT PRIMARY KEY, ended_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS calls_by_grant ON calls (grant_id);
CREATE INDEX IF NOT EXISTS calls_of_repo ON calls (repo, id);
CREATE INDEX IF NOT EXISTS calls_by_time ON calls (called_at);
CREATE INDEX IF NOT EXISTS calls_open ON calls (id) WHERE ended_at IS NULL;
"""
_BEGIN = """
INSERT INTO calls (router, grant_id, stage, repo, phase, model, score, tier, called_at, outcome,
                   input_tokens, output_tokens, cost_usd)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'under way', ?, ?, ?)
"""
_COUNT = """
UPDATE calls SET input_tokens = ?, output_tokens = ?, cache_read_tokens = ?, cache_write_tokens = ?, cost_usd = ?
WHERE id = ? AND ended_at IS NULL
"""
_END = "UPDATE calls SET ended_at = ?, outcome = ? WHERE id = ? AND ended_at IS NULL"
_OPEN = "SELECT DISTINCT router FROM calls WHERE ended_at IS NULL"
_CLOSE = "UPDATE calls SET ended_at = ?, outcome = 'router lost' WHERE ended_at IS NULL AND router = ?"
_SPENT = """
SELECT count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cache_read_tokens), 0),
       coalesce(sum(cache_write_tokens), 0), coalesce(sum(cost_usd), 0)
FROM calls WHERE grant_id = ? AND (cost_usd > 0 OR output_tokens > 0)
"""
# Of a repo that was built more than once, the last calls count.
_ROUTED = """
SELECT avg(score), avg(tier) FROM (
    SELECT score, tier FROM calls WHERE repo = ? AND stage = 'build' AND tier IS NOT NULL ORDER BY id DESC LIMIT 500
)
"""
_END_GRANT = "INSERT INTO ended_grants (grant_id, ended_at) VALUES (?, ?) ON CONFLICT DO NOTHING"
_HAS_ENDED = "SELECT 1 FROM ended_grants WHERE grant_id = ?"
_FORGET = "DELETE FROM ended_grants WHERE ended_at < ?"
_FORGET_CALLS = "DELETE FROM calls WHERE called_at < ? AND ended_at IS NOT NULL"
_BUSY_SECONDS = 10.0
# No token is issued for so long a time.
_GRANTS_KEPT = timedelta(days=30)
# What a phase or a question has cost stands in the registry for good.
_CALLS_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Journal:
    """The journal in a file; several routers may write it, each with a name of its own."""

    file: Path
    router: str
    _connection: sqlite3.Connection
    _lock: threading.Lock

    @classmethod
    @contextmanager
    def open(cls, file: Path) -> Iterator[Journal]:
        """Open it, and settle what routers that are gone left under way, at what is known of it.

        Raises:
            InfrastructureError: the file cannot be written, or is no journal.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        router = secrets.token_hex(4)
        with ExitStack() as held:
            with _told(file):
                held.enter_context(_alive(file, router))
                connection = held.enter_context(closing(_connect(file)))
                # A row outlives the kill of a process; what a power cut takes is reserved in the registry.
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_SCHEMA)
                connection.execute(_FORGET, (_stamp(datetime.now(UTC) - _GRANTS_KEPT),))
                connection.execute(_FORGET_CALLS, (_stamp(datetime.now(UTC) - _CALLS_KEPT),))
                for (other,) in connection.execute(_OPEN).fetchall():
                    if other != router and _is_gone(file, other):
                        connection.execute(_CLOSE, (_stamp(datetime.now(UTC)), other))
            yield cls(file, router, connection, threading.Lock())

    def begin(
        self,
        grant: Grant,
        model: str | None,
        estimate: Usage,
        *,
        now: datetime,
        routed: tuple[int, int] | None = None,
    ) -> int:
        """Write down a call that is about to be made, and the score and tier it was routed by; its number."""
        score, tier = routed or (None, None)
        about = (self.router, grant.id, grant.stage, grant.repo, grant.phase, model, score, tier, _stamp(now))
        return self._write(_BEGIN, (*about, estimate.input_tokens, estimate.output_tokens, estimate.cost_usd))

    def count(self, number: int, usage: Usage) -> None:
        """Set what a call has used, as far as it is known; nothing once it has ended."""
        counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
        self._write(_COUNT, (*counts, usage.cost_usd, number))

    def end(self, number: int, outcome: str, *, now: datetime) -> None:
        """Settle a call."""
        self._write(_END, (_stamp(now), outcome, number))

    def end_grant(self, grant_id: str, *, now: datetime) -> None:
        """Write down that no further call of a grant is to pass, at later routers either."""
        self._write(_END_GRANT, (grant_id, _stamp(now)))

    def has_ended(self, grant_id: str) -> bool:
        """Whether that was written down."""
        with self._lock, _told(self.file):
            return self._connection.execute(_HAS_ENDED, (grant_id,)).fetchone() is not None

    def spent(self, grant_id: str) -> Usage:
        """What all calls of a grant have used, those under way as far as it is known."""
        with self._lock, _told(self.file):
            return _spent(self._connection, grant_id)

    def routed(self, repo: str) -> tuple[float, int] | None:
        """The score (0 to 1) and the tier by which the calls of a repo's build were routed, on average."""
        with self._lock, _told(self.file):
            score, tier = self._connection.execute(_ROUTED, (repo,)).fetchone()
        return None if tier is None else (score / 100, round(tier))

    def _write(self, sql: str, row: tuple[object, ...]) -> int:
        with self._lock, _told(self.file):
            return int(self._connection.execute(sql, row).lastrowid or 0)


def spent_by(file: Path, grant_id: str) -> Usage:
    """What the calls of a grant have used, read where no router answers.

    Raises:
        InfrastructureError: the file cannot be read.
    """
    with _told(file), closing(_connect(file)) as connection:
        return _spent(connection, grant_id)


def _connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)


def _spent(connection: sqlite3.Connection, grant_id: str) -> Usage:
    calls, sent, written, read, kept, dollars = connection.execute(_SPENT, (grant_id,)).fetchone()
    return Usage(
        calls=calls,
        input_tokens=sent,
        output_tokens=written,
        cache_read_tokens=read,
        cache_write_tokens=kept,
        cost_usd=dollars,
    )


@contextmanager
def _alive(journal: Path, router: str) -> Iterator[None]:
    """Hold a lock for as long as this router lives, by which others see that it does."""
    lock = _lock_file(journal, router)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _is_gone(journal: Path, router: str) -> bool:
    lock = _lock_file(journal, router)
    try:
        with lock.open() as seen:
            fcntl.flock(seen, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.unlink(missing_ok=True)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _lock_file(journal: Path, router: str) -> Path:
    return journal.with_name(f"{journal.name}.{router}.lock")


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise InfrastructureError(
            f"The router's journal cannot be written: {error}.",
            where=str(file),
            mend="Free disk space there. A file that is damaged can be moved away; it is made anew.",
        ) from error


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
