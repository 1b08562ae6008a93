"""Which batches were made where and by whom, and that each is booked once, however often its results are read.

A row stands before the request that makes a batch goes out, beside the row of the journal that holds the most that the
batch can cost; that is set to what the results count once they were read. Both say "is", never "add", so reading them
again, after a kill -9 in between as well, comes to the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import TypeAdapter

from factory_assets.domain.builds import Usage
from factory_assets.router.journal import Journal
from factory_assets.router.stored import Stored
from factory_assets.router.tokens import Grant

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    call INTEGER PRIMARY KEY,
    id TEXT UNIQUE,
    name TEXT UNIQUE,
    requests INTEGER NOT NULL,
    digest TEXT NOT NULL,
    backend TEXT NOT NULL,
    model TEXT,
    grant_id TEXT NOT NULL,
    made_at TEXT NOT NULL,
    booked TEXT NOT NULL,
    is_settled INTEGER NOT NULL DEFAULT 0
);
"""
_INSERT = """
INSERT INTO batches (call, name, requests, digest, backend, model, grant_id, made_at, booked)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_NAME = "UPDATE batches SET id = ? WHERE call = ? AND id IS NULL AND NOT EXISTS (SELECT 1 FROM batches WHERE id = ?)"
_DROP = "DELETE FROM batches WHERE call = ?"
_COLUMNS = "SELECT call, id, backend, model, grant_id, requests, made_at, booked, is_settled FROM batches"
_OF = f"{_COLUMNS} WHERE id = ?"
_NAMED = f"{_COLUMNS} WHERE name = ?"
_LOST = """
SELECT call FROM batches WHERE id IS NULL AND digest = ? AND backend = ? ORDER BY call DESC LIMIT 1
"""
_SETTLE = "UPDATE batches SET booked = ?, is_settled = 1 WHERE call = ?"
_FORGET = "DELETE FROM batches WHERE made_at < ?"
_ROWS = TypeAdapter(
    list[tuple[int, str | None, str, str | None, str, int, datetime, str, bool]]
).validate_python
# The API keeps results for 29 days.
_KEPT = timedelta(days=60)
_IN_A_BATCH = "in a batch"


@dataclass(frozen=True)
class BatchRow:
    """A batch: the number of its call in the journal, its backend, and what is booked of it so far.

    `id` is None where it was never heard.
    """

    call: int
    id: str | None
    backend: str
    model: str | None
    grant_id: str
    requests: int
    made_at: datetime
    booked: Usage
    is_settled: bool


@dataclass(frozen=True)
class BatchBooks:
    """The table of batches, in the journal's file."""

    journal: Journal
    _stored: Stored

    @classmethod
    @contextmanager
    def open(cls, file: Path, journal: Journal) -> Iterator[BatchBooks]:
        """Open it.

        Raises:
            InfrastructureError: the file cannot be written.
        """
        with Stored.open(file, _SCHEMA, what="The router's table of batches") as stored:
            stored.write(_FORGET, (_stamp(datetime.now(UTC) - _KEPT),))
            yield cls(journal, stored)

    def begin(
        self,
        grant: Grant,
        *,
        name: str | None = None,
        ids: Collection[str],
        backend: str,
        model: str | None,
        most: Usage,
        now: datetime,
    ) -> int:
        """Write down a batch that is about to be made, at the most that it can cost; the number of its call.

        `ids` are those of its requests.
        """
        number = self.journal.begin(grant, model, most, now=now)
        about = (number, name, len(ids), digest_of(ids), backend, model, grant.id)
        self._stored.write(_INSERT, (*about, _stamp(now), most.model_dump_json()))
        return number

    def made(self, call: int, batch_id: str, *, now: datetime) -> None:
        """The API has made it and told its id."""
        self._stored.write(_NAME, (batch_id, call, batch_id))
        self.journal.end(call, _IN_A_BATCH, now=now)

    def not_made(self, call: int, outcome: str, *, now: datetime) -> None:
        """The API has refused it, or was never asked; it costs nothing."""
        self._stored.write(_DROP, (call,))
        self.journal.correct(call, Usage(), outcome)
        self.journal.end(call, outcome, now=now)

    def unknown(self, call: int, *, now: datetime) -> None:
        """Nobody has heard whether it was made; the most that it can cost stays booked."""
        self.journal.end(call, "broken off", now=now)

    def find(self, batch_id: str) -> BatchRow | None:
        """What is known of a batch."""
        return self._row(_OF, batch_id)

    def named(self, name: str) -> BatchRow | None:
        """What is known of the batch that was given this name when it was to be made."""
        return self._row(_NAMED, name)

    def take_in(
        self, batch_id: str, grant: Grant, *, ids: Collection[str], backend: str, now: datetime
    ) -> None:
        """Give a batch whose id was never heard its row: the one that was begun for it, or a new one."""
        lost = self._stored.rows(_LOST, (digest_of(ids), backend))
        if lost:
            call = int(str(lost[0][0]))
        else:
            call = self.begin(grant, ids=ids, backend=backend, model=None, most=Usage(), now=now)
        self.made(call, batch_id, now=now)

    def settle(self, row: BatchRow, usage: Usage) -> None:
        """Book what its results count."""
        self.journal.correct(row.call, usage, "answered in a batch")
        self._stored.write(_SETTLE, (usage.model_dump_json(), row.call))

    def _row(self, sql: str, value: str) -> BatchRow | None:
        for call, batch, backend, model, grant_id, requests, made_at, booked, is_settled in _ROWS(
            self._stored.rows(sql, (value,))
        ):
            usage = Usage.model_validate_json(booked)
            return BatchRow(call, batch, backend, model, grant_id, requests, made_at, usage, is_settled)
        return None


def digest_of(custom_ids: Iterable[str]) -> str:
    """What a batch is known by, should its own id be lost: the ids of its requests, in whichever order."""
    return hashlib.sha256(json.dumps(sorted(custom_ids)).encode()).hexdigest()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
