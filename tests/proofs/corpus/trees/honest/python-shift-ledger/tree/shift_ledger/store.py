"""Where shifts are kept: one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from shift_ledger.model import Shift

_TABLE = "CREATE TABLE IF NOT EXISTS shifts (begin TEXT, person TEXT, seconds INTEGER, UNIQUE (begin, person))"


class Store:
    def __init__(self, path: Path | str) -> None:
        self._path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute(_TABLE)
            yield connection

    def add(self, shift: Shift) -> bool:
        """False where it is there already."""
        with suppress(sqlite3.IntegrityError), self._open() as connection:
            row = (shift.begin.isoformat(), shift.person, int(shift.length.total_seconds()))
            connection.execute("INSERT INTO shifts VALUES (?, ?, ?)", row)
            return True
        return False

    def __iter__(self) -> Iterator[Shift]:
        with self._open() as connection:
            rows = connection.execute("SELECT begin, person, seconds FROM shifts ORDER BY begin").fetchall()
        for begin, person, seconds in rows:
            yield Shift(datetime.fromisoformat(begin), person, timedelta(seconds=seconds))
