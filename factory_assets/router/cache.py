"""Whole answers of the past on disk, each under its question's key, for as long as they are fresh and there is room.

A file of its own in SQLite, which a kill -9 leaves as the last answer left it. Nothing here ever stops a call: a file
that is damaged, or a disk that is full, is told once, and a question has no answer then. Each answer is kept with its
own digest, so that bytes that a disk has changed are a miss and no answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from factory_assets.domain.errors import InfrastructureError
from factory_assets.router.passing import Passing
from factory_assets.router.stored import Stored
from factory_assets.router.whole import PIECE_TYPE, STREAM_TYPE, Whole, is_stream

Row = TypeVar("Row")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    kept_at REAL NOT NULL,
    used INTEGER NOT NULL,
    size INTEGER NOT NULL,
    place TEXT,
    traits BLOB,
    status INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    digest BLOB NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used, size);
CREATE INDEX IF NOT EXISTS answers_by_place ON answers (place, used) WHERE place IS NOT NULL;
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (kept_at);
"""
_NEXT_USE = "(SELECT coalesce(max(used), 0) + 1 FROM answers)"
_GET = "SELECT kept_at, status, content_type, digest, body FROM answers WHERE key = ?"
_USE = f"UPDATE answers SET used = {_NEXT_USE} WHERE key = ?"  # noqa: S608  no value from outside
_PUT = f"""
INSERT OR REPLACE INTO answers (key, kept_at, used, size, place, traits, status, content_type, digest, body)
VALUES (?, ?, {_NEXT_USE}, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608  no value from outside
_DROP = "DELETE FROM answers WHERE key = ?"
_DROP_STALE = "DELETE FROM answers WHERE kept_at <= ? OR kept_at > ?"
_FILL = "SELECT count(*), coalesce(sum(size), 0) FROM answers"
_LEAST_USED = "SELECT key, size FROM answers ORDER BY used LIMIT 1"
_ALIKE = """
SELECT key, traits FROM answers WHERE place = ? AND kept_at > ? AND kept_at <= ? ORDER BY used DESC LIMIT ?
"""
# A row's own room, roughly: key, digest, numbers and their places in the indexes.
_ROW_BYTES = 400
_ANSWER = TypeAdapter(list[tuple[float, int, str, bytes, bytes]])
_TRAITS = TypeAdapter(list[tuple[str, bytes]])
_COUNTS = TypeAdapter(list[tuple[int, int]])
# A message of 128,000 tokens is a megabyte, and its events are twice as much.
_MOST_ANSWER_BYTES = 4 * 1024 * 1024
_MOST_ALIKE = 100
_FILE_MODE = 0o600


@dataclass(frozen=True)
class Kept:
    """An answer as it is given again; `model` is the one that gave it."""

    status: int
    content_type: str
    body: bytes
    model: str


@dataclass(frozen=True)
class Place:
    """Where an answer stands among others: `group` is what it shares with those it is compared to, `traits` its own."""

    group: str
    traits: bytes


@dataclass
class AnswerCache:
    """The cache in a file, for one router. `notify` is told, once for each reason, that it cannot be used."""

    file: Path
    ttl: timedelta
    most_bytes: int
    clock: Callable[[], datetime]
    notify: Callable[[str], None]
    _stored: Stored | None = None
    _told: set[str] = field(default_factory=set)

    @contextmanager
    def opened(self) -> Iterator[AnswerCache]:
        """Open the file for as long as the block lasts. One that cannot be opened is an empty cache."""
        with ExitStack() as stack:
            # Answers are their owner's: SQLite gives the files beside it the same mode.
            with suppress(OSError):
                self.file.parent.mkdir(parents=True, exist_ok=True)
                self.file.touch(_FILE_MODE)
            try:
                opening = Stored.open(self.file, _SCHEMA, what="The router's answers")
                self._stored = stack.enter_context(opening)
            except InfrastructureError as error:
                self._tell(error)
            yield self
            self._stored = None

    def get(self, key: str, *, streams: bool) -> Kept | None:
        """The answer to a question, in the form that is asked for; None where there is none.

        One that was kept in the other form is turned into it: the same message, as events or in one piece.
        """
        row = next(iter(self._rows(_GET, (key,), _ANSWER)), None)
        if row is None:
            return None
        kept_at, status, content_type, digest, body = row
        is_fresh = 0 <= self._now() - kept_at < self.ttl.total_seconds()
        is_sound = digest == _digest(key, status, content_type, body)
        whole = Whole.read(content_type, body) if is_fresh and is_sound else None
        # A full disk that takes no note of either costs no answer.
        self._change(lambda connection: connection.execute(_USE if whole else _DROP, (key,)))
        if whole is None:
            return None
        if streams == is_stream(content_type):
            return Kept(status, content_type, body, whole.model)
        try:
            other = (STREAM_TYPE, whole.stream) if streams else (PIECE_TYPE, whole.piece)
        except RecursionError:
            return None
        return Kept(status, *other, whole.model)

    def put(
        self,
        key: str,
        *,
        status: int,
        content_type: str,
        body: bytes,
        wants_json: bool = False,
        place: Place | None = None,
    ) -> bool:
        """Keep an answer; False where it is not kept.

        Only what the model has ended itself is: no error, no answer that was cut or refused, none without words, and
        where JSON was asked for none that is not JSON.
        """
        whole = Whole.read(content_type, body) if status == 200 else None
        size = len(body) + len(place.traits if place else b"") + _ROW_BYTES
        if whole is None or (wants_json and not whole.is_json) or size > self.most_bytes:
            return False
        group, traits = (place.group, place.traits) if place else (None, None)
        digest = _digest(key, status, content_type, body)
        row = (key, self._now(), size, group, traits, status, content_type, digest, body)
        return self._change(lambda connection: self._put(connection, row))

    def keeping(
        self, passing: Passing, key: str, *, wants_json: bool = False, place: Place | None = None
    ) -> Passing:
        """The same answer under way, which is kept, as by `put`, when it is closed.

        A whole answer says itself that it is whole, so that one whose caller hangs up behind its last event is kept.
        """
        held = bytearray()
        most = min(self.most_bytes, _MOST_ANSWER_BYTES)

        async def content() -> AsyncIterator[bytes]:
            async for chunk in passing.content:
                if len(held) <= most:
                    held.extend(chunk)
                yield chunk

        async def close() -> None:
            await passing.close()
            if 0 < len(held) <= most:
                body = bytes(held)
                held.clear()
                told = {name.lower(): value.decode("latin-1") for name, value in passing.headers}
                put = partial(
                    self.put, key, status=passing.status, body=body, wants_json=wants_json, place=place
                )
                # A disk that is slow to take it holds up no other call.
                await asyncio.to_thread(put, content_type=told.get(b"content-type", ""))

        return Passing(passing.status, passing.headers, content(), close)

    def alike(self, group: str) -> list[tuple[str, bytes]]:
        """Keys and traits of the fresh answers of a group, those used last first."""
        now = self._now()
        return self._rows(_ALIKE, (group, now - self.ttl.total_seconds(), now, _MOST_ALIKE), _TRAITS)

    def fill(self) -> tuple[int, int]:
        """How many answers there are, and their bytes."""
        return next(iter(self._rows(_FILL, (), _COUNTS)), (0, 0))

    def _put(self, connection: sqlite3.Connection, row: tuple[object, ...]) -> None:
        now = self._now()
        connection.execute(_DROP_STALE, (now - self.ttl.total_seconds(), now))
        connection.execute(_PUT, row)
        (_, size) = connection.execute(_FILL).fetchone()
        while size > self.most_bytes:
            key, its_size = connection.execute(_LEAST_USED).fetchone()
            connection.execute(_DROP, (key,))
            size -= its_size

    def _rows(self, sql: str, values: tuple[object, ...], form: TypeAdapter[list[Row]]) -> list[Row]:
        """What a query finds; nothing where it cannot be asked, or a damaged file answers something else."""
        try:
            return form.validate_python(self._stored.rows(sql, values) if self._stored else [])
        except InfrastructureError as error:
            self._tell(error)
        except ValidationError:
            pass
        return []

    def _change(self, act: Callable[[sqlite3.Connection], object]) -> bool:
        if self._stored is None:
            return False
        try:
            with self._stored.transaction() as connection:
                act(connection)
        except InfrastructureError as error:
            self._tell(error)
            return False
        return True

    def _tell(self, error: InfrastructureError) -> None:
        if error.what not in self._told:
            self._told.add(error.what)
            self.notify(f"{error} Calls go on without the cache.")

    def _now(self) -> float:
        return self.clock().timestamp()


def _digest(key: str, status: int, content_type: str, body: bytes) -> bytes:
    head = f"{key}\0{status}\0{content_type}\0".encode()
    return hashlib.sha256(head + body).digest()
