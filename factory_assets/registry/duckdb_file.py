"""The registry as a file of DuckDB: one short transaction at a time over all threads and processes.

DuckDB lets one process have a file open, so every transaction opens it, works and closes it again. What
stays in the process is an empty DuckDB engine, because starting one takes ten times as long as opening a file.
"""

from __future__ import annotations

import atexit
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.redaction import Redactor
from factory_assets.registry.database import Access, Connection, Database, no_secrets
from factory_assets.registry.lock import USUAL, Patience, Wait, file_lock, holder_of, pauses
from factory_assets.registry.migrate import migrate

_BEGIN = {Access.WRITING: "BEGIN TRANSACTION", Access.READING: "BEGIN TRANSACTION READ ONLY"}

# A sixth of DuckDB's own row groups: rows of a filled one are written once, and not into the log before, and a query
# for a date reads few others. A file that was made with larger ones gets smaller ones from then on.
_ATTACH = "ATTACH $1 AS registry (ROW_GROUP_SIZE 20480)"
_LOOK_SECONDS = 0.5
_FOREIGN_HOLDER = re.compile(r"held in (?P<program>.+) \(PID (?P<pid>\d+)\)")
_BROKEN = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.OutOfMemoryException,
    duckdb.SerializationException,
    # What a commit that cannot be written raises; nobody else is there for it to conflict with.
    duckdb.TransactionException,
)
# Nothing is ever downloaded or spilled into the working directory; no query relies on the order of insertion.
_ENGINE_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "preserve_insertion_order": False,
    "temp_directory": "",
    "threads": min(4, os.cpu_count() or 1),
}


@dataclass
class _Process:
    """What a process keeps between transactions. A forked child starts with none of it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    engine: duckdb.DuckDBPyConnection | None = None
    checked: set[tuple[Path, int, int]] = field(default_factory=set)


_PROCESSES: dict[int, _Process] = {}


@atexit.register
def _forget_this_process() -> None:
    """Close the engine while the interpreter is whole; DuckDB complains of one that outlives it."""
    _drop_engine(_PROCESSES.pop(os.getpid(), _Process()))


def _this_process() -> _Process:
    return _PROCESSES.setdefault(os.getpid(), _Process())


class DuckDBFile(Database):
    """A file that many processes share by short transactions.

    Args:
        path: the file; made with its folder at the first transaction.
        patience: of a transaction that waits for the file.
        access: of its transactions.
        redactor: see Database.
    """

    def __init__(
        self,
        path: Path,
        patience: Patience = USUAL,
        access: Access = Access.WRITING,
        redactor: Callable[[], Redactor] = no_secrets,
    ) -> None:
        super().__init__(patience, access, redactor)
        self._path = path.absolute()
        self._lock_path = self._path.with_name(self._path.name + ".lock")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open the file, begin, and commit at the end of the block; see Database."""
        wait = Wait(self.patience)
        process = _this_process()
        while not process.lock.acquire(timeout=min(_LOOK_SECONDS, self.patience.seconds)):
            wait.go_on(self._path, holder_of(self._lock_path))
        try:
            with file_lock(self._lock_path, wait), self._readable_errors(process):
                self._prepare(process, wait)
                with (
                    _attached(process, self._path, wait) as connection,
                    _committed(connection, self.access),
                ):
                    yield connection
        finally:
            process.lock.release()

    def _prepare(self, process: _Process, wait: Wait) -> None:
        if not self._path.exists():
            self._create(process, wait)
        elif self._identity() not in process.checked:
            with _attached(process, self._path, wait) as connection, _committed(connection):
                migrate(connection, where=str(self._path))
        process.checked.add(self._identity())

    def _create(self, process: _Process, wait: Wait) -> None:
        # Made aside and renamed, because a file that a dying process left half made could not be opened.
        draft = self._path.with_name(self._path.name + ".new")
        for leftover in (draft, draft.with_name(draft.name + ".wal")):
            leftover.unlink(missing_ok=True)
        with _attached(process, draft, wait) as connection, _committed(connection):
            migrate(connection, where=str(self._path))
        draft.replace(self._path)

    def _identity(self) -> tuple[Path, int, int]:
        stat = self._path.stat()
        return self._path, stat.st_dev, stat.st_ino

    @contextmanager
    def _readable_errors(self, process: _Process) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            _drop_engine(process)
            raise InfrastructureError(
                f"The registry cannot be read or written: {error}",
                where=str(self._path),
                fix="Free disk space and memory and run the step again; if the file itself is damaged,"
                " put a backup of it in its place.",
            ) from error


@contextmanager
def _attached(process: _Process, path: Path, wait: Wait) -> Iterator[duckdb.DuckDBPyConnection]:
    if process.engine is None:
        process.engine = duckdb.connect(":memory:", config=_ENGINE_CONFIG)
    connection = process.engine.cursor()
    _attach(connection, path, wait)
    try:
        connection.execute("USE registry")
        yield connection
    finally:
        connection.close()
        _detach(process)


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, wait: Wait) -> None:
    for pause in pauses():
        try:
            connection.execute(_ATTACH, [str(path)])
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error):
                raise
            wait.go_on(path, _foreign_holder(error))
            time.sleep(pause)
        else:
            return


def _foreign_holder(error: duckdb.IOException) -> str:
    holder = _FOREIGN_HOLDER.search(str(error))
    return f"process {holder['pid']} ({holder['program']})" if holder else "another program"


def _detach(process: _Process) -> None:
    if process.engine is None:
        return
    try:
        process.engine.execute("DETACH registry")
    except duckdb.Error:
        # The engine would keep the file, and with it every other process out.
        _drop_engine(process)
        raise


def _drop_engine(process: _Process) -> None:
    engine, process.engine = process.engine, None
    if engine is not None:
        with suppress(duckdb.Error):
            engine.close()


@contextmanager
def _committed(connection: Connection, access: Access = Access.WRITING) -> Iterator[None]:
    connection.execute(_BEGIN[access])
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After a failed commit there is no transaction left to roll back.
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
