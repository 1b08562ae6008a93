"""What the router's calls have come to, in a file of its own that a kill -9 leaves whole.

A call's row stands before its request goes out, with the estimate that holds where nothing is heard of its answer; it
is corrected to what is counted while the answer passes, and settled at its end. So what a router that died had under
way is known. SQLite, because DuckDB lets one process alone into a file (https://duckdb.org/docs/stable/connect/concurrency)
and commands without a live factory have routers of their own.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import TypeAdapter

from factory_assets.domain.builds import Usage
from factory_assets.router.stored import Stored, told
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
_CORRECT = """
UPDATE calls SET input_tokens = ?, output_tokens = ?, cache_read_tokens = ?, cache_write_tokens = ?, cost_usd = ?,
                 outcome = ?
WHERE id = ?
"""
_SETTLE = """
UPDATE calls SET input_tokens = ?, output_tokens = ?, cache_read_tokens = ?, cache_write_tokens = ?, cost_usd = ?,
                 ended_at = ?, outcome = ?
WHERE id = ? AND ended_at IS NULL
"""
_END = "UPDATE calls SET ended_at = ?, outcome = ? WHERE id = ? AND ended_at IS NULL"
_OPEN = "SELECT DISTINCT router FROM calls WHERE ended_at IS NULL"
_CLOSE = "UPDATE calls SET ended_at = ?, outcome = 'router lost' WHERE ended_at IS NULL AND router = ?"
_SPENT = """
SELECT count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cache_read_tokens), 0),
       coalesce(sum(cache_write_tokens), 0), coalesce(sum(cost_usd), 0)
FROM calls WHERE grant_id = ? AND (cost_usd > 0 OR output_tokens > 0 OR input_tokens > 0)
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
_WHAT = "The router's journal"
_SPENT_ROWS = TypeAdapter(list[tuple[int, int, int, int, int, float]]).validate_python
_ROUTED_ROWS = TypeAdapter(list[tuple[float | None, float | None]]).validate_python
# No token is issued for so long a time.
_GRANTS_KEPT = timedelta(days=30)
# What a phase or a question has cost stands in the registry for good.
_CALLS_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Journal:
    """The journal in a file; several routers may write it, each with a name of its own."""

    router: str
    _stored: Stored

    @classmethod
    @contextmanager
    def open(cls, file: Path) -> Iterator[Journal]:
        """Open it, and settle what routers that are gone left under way, at what is known of it.

        Raises:
            InfrastructureError: the file cannot be written, or is no journal.
        """
        router = secrets.token_hex(4)
        with Stored.open(file, _SCHEMA, what=_WHAT) as stored, _alive(file, router):
            now = datetime.now(UTC)
            stored.write(_FORGET, (_stamp(now - _GRANTS_KEPT),))
            stored.write(_FORGET_CALLS, (_stamp(now - _CALLS_KEPT),))
            for (other,) in stored.rows(_OPEN):
                if other != router and _is_gone(file, str(other)):
                    stored.write(_CLOSE, (_stamp(now), other))
            yield cls(router, stored)

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
        return self._stored.write(
            _BEGIN, (*about, estimate.input_tokens, estimate.output_tokens, estimate.cost_usd)
        )

    def count(self, number: int, usage: Usage) -> None:
        """Set what a call has used, as far as it is known; nothing once it has ended."""
        self._stored.write(_COUNT, (*_counts(usage), number))

    def settle(self, number: int, usage: Usage, outcome: str, *, now: datetime) -> None:
        """Set what a call has used, and end it: both, or neither."""
        self._stored.write(_SETTLE, (*_counts(usage), _stamp(now), outcome, number))

    def correct(self, number: int, usage: Usage, outcome: str) -> None:
        """Set what a call has used that ended before that was known: one in a batch."""
        self._stored.write(_CORRECT, (*_counts(usage), outcome, number))

    def end(self, number: int, outcome: str, *, now: datetime) -> None:
        """End a call at what is known of its use."""
        self._stored.write(_END, (_stamp(now), outcome, number))

    def end_grant(self, grant_id: str, *, now: datetime) -> None:
        """Write down that no further call of a grant is to pass, at later routers either."""
        self._stored.write(_END_GRANT, (grant_id, _stamp(now)))

    def has_ended(self, grant_id: str) -> bool:
        """Whether that was written down."""
        return bool(self._stored.rows(_HAS_ENDED, (grant_id,)))

    def spent(self, grant_id: str) -> Usage:
        """What all calls of a grant have used, those under way as far as it is known."""
        return _spent(self._stored, grant_id)

    def routed(self, repo: str) -> tuple[float, int] | None:
        """The score (0 to 1) and the tier by which the calls of a repo's build were routed, on average."""
        ((score, tier),) = _ROUTED_ROWS(self._stored.rows(_ROUTED, (repo,)))
        return None if score is None or tier is None else (score / 100, round(tier))


def spent_by(file: Path, grant_id: str) -> Usage:
    """What the calls of a grant have used, read where no router answers.

    Raises:
        InfrastructureError: the file cannot be read.
    """
    with Stored.open(file, _SCHEMA, what=_WHAT) as stored:
        return _spent(stored, grant_id)


def _spent(stored: Stored, grant_id: str) -> Usage:
    ((calls, sent, written, read, kept, dollars),) = _SPENT_ROWS(stored.rows(_SPENT, (grant_id,)))
    return Usage(
        calls=calls,
        input_tokens=sent,
        output_tokens=written,
        cache_read_tokens=read,
        cache_write_tokens=kept,
        cost_usd=dollars,
    )


def _counts(usage: Usage) -> tuple[int, int, int, int, float]:
    tokens = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    return (*tokens, usage.cost_usd)


@contextmanager
def _alive(journal: Path, router: str) -> Iterator[None]:
    """Hold a lock for as long as this router lives, by which others see that it does."""
    lock = _lock_file(journal, router)
    with ExitStack() as opened:
        with told(journal, _WHAT):
            held = opened.enter_context(lock.open("w"))
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


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
