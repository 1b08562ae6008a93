"""The registry on PostgreSQL: many hosts share it, one of them at a time writes.

A writing transaction holds an advisory lock from its beginning to its end, as it holds the file's lock where the
registry is a file: what has been read cannot be changed by another before it is acted upon. Who only reads waits for
nobody. A process has one connection, whatever the number of its threads.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.string import TextLoader

from factory_assets.domain.errors import InfrastructureError, RegistryBusyError
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.registry.database import Access, Connection, Database, no_secrets
from factory_assets.registry.lock import USUAL, Patience, pauses
from factory_assets.registry.migrate import migrate

WHERE = "FACTORY_REGISTRY_URL"
_CONNECT_SECONDS = 10
# A host that is cut off in the middle of a transaction must not keep the others waiting for longer. Compiling a query
# takes longer than any of the registry's.
_SESSION = """
SET TimeZone = 'UTC';
SET client_min_messages = warning;
SET jit = off;
SET idle_in_transaction_session_timeout = '60s';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '20s'
"""
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_READING = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Of one schema: a database may hold the registries of several factories.
_KEY = "hashtextextended('software factory registry ' || current_schema(), 0)"
_WRITING = f"BEGIN; SET LOCAL lock_timeout = {{milliseconds}}; SELECT pg_advisory_xact_lock({_KEY})"
_HOLDER = f"""
SELECT activity.application_name, activity.client_addr::TEXT, activity.pid
FROM pg_locks AS locks JOIN pg_stat_activity AS activity USING (pid), (SELECT {_KEY} AS key) AS own
WHERE locks.locktype = 'advisory' AND locks.granted AND locks.objsubid = 1
  AND ((locks.classid::BIGINT << 32) | locks.objid::BIGINT) = own.key
"""  # noqa: S608 - of constants
_BROKEN = (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError)


@dataclass
class _Session:
    """A process's connection. A forked child has none of its parent's."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    connection: psycopg.Connection[Any] | None = None
    is_checked: bool = False


_SESSIONS: dict[tuple[int, str, str], _Session] = {}


class PostgresDatabase(Database):
    """A PostgreSQL database, of version 12 or later.

    Args:
        place: its address, which is never shown, and the schema of the tables; both are made at the first transaction.
        patience: of a transaction that waits for another one that writes, or for the server to come back.
        access: of its transactions.
        redactor: see Database.
    """

    is_shared = True

    def __init__(
        self,
        place: PostgresPlace,
        patience: Patience = USUAL,
        access: Access = Access.WRITING,
        redactor: Callable[[], Redactor] = no_secrets,
    ) -> None:
        super().__init__(patience, access, redactor)
        self._url = place.url.get_secret_value()
        self._schema = place.schema

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Begin, and commit at the end of the block; see Database."""
        session = _SESSIONS.setdefault((os.getpid(), self._url, self._schema), _Session())
        if not session.lock.acquire(timeout=self.patience.seconds):
            raise _busy("another thread of this process")
        try:
            with self._readable_errors(session):
                connection = self._begun(session)
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    # Where the server is gone there is nothing left to roll back.
                    with suppress(psycopg.Error):
                        connection.execute("ROLLBACK")
                    raise
        finally:
            session.lock.release()

    def connection_apart(self) -> psycopg.Connection[Any]:
        """A connection besides the process's own, for what outlasts a transaction; it is to be closed.

        Raises:
            InfrastructureError, RegistryBusyError: as `transaction`.
            psycopg.OperationalError: the server cannot be reached.
        """
        session = _SESSIONS.get((os.getpid(), self._url, self._schema))
        if session is None or not session.is_checked:
            # So that the tables are there.
            with self.transaction():
                pass
        return self._connected()

    def _begun(self, session: _Session) -> psycopg.Connection[Any]:
        """A connection whose transaction has begun; a server that restarts is waited for."""
        ends = time.monotonic() + self.patience.seconds
        for pause in pauses():
            try:
                if session.connection is None:
                    session.connection = self._connected()
                if not session.is_checked:
                    self._prepare(session.connection)
                    session.is_checked = True
                self._begin(session.connection, self.access)
            except psycopg.OperationalError as error:
                if isinstance(error, psycopg.errors.LockNotAvailable) or time.monotonic() > ends:
                    raise
                _drop(session)
                time.sleep(pause)
            else:
                return session.connection
        raise AssertionError  # pauses never end

    def _begin(self, connection: psycopg.Connection[Any], access: Access) -> None:
        if access is Access.READING:
            connection.execute(_READING)
            return
        milliseconds = max(1, round(self.patience.seconds * 1000))
        connection.execute(_WRITING.format(milliseconds=milliseconds))

    def _connected(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self._url,
            autocommit=True,
            cursor_factory=psycopg.RawCursor,
            connect_timeout=_CONNECT_SECONDS,
            application_name=_own_name(),
            **_KEEPALIVE,
        )
        # As in DuckDB, a text.
        connection.adapters.register_loader("json", TextLoader)
        connection.execute(_SESSION)
        connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(self._schema)))
        return connection

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        if connection.execute("SELECT current_schema()").fetchone() == (None,):
            # Another process may make it at the same time.
            with suppress(psycopg.errors.UniqueViolation, psycopg.errors.DuplicateSchema):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self._schema)))
        self._begin(connection, Access.WRITING)
        migrate(connection, where=WHERE)
        connection.execute((files("factory_assets.registry") / "postgres_indexes.sql").read_bytes())
        connection.execute("COMMIT")

    @contextmanager
    def _readable_errors(self, session: _Session) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.LockNotAvailable as error:
            raise _busy(self._holder(session)) from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise InfrastructureError(
                "Something was to be written where the registry is only read.",
                where=WHERE,
                fix="Report this.",
            ) from error
        except _BROKEN as error:
            _drop(session)
            # The library's words name host and user, never the password.
            raise InfrastructureError(
                f"The registry's database failed: {' '.join(str(error).split())}",
                where=WHERE,
                fix="Check that PostgreSQL runs, is reached from here, and has space; then run the step again.",
            ) from error

    def _holder(self, session: _Session) -> str:
        if session.connection is None:
            return "another program"
        with suppress(psycopg.Error):
            session.connection.execute("ROLLBACK")
            found = session.connection.execute(_HOLDER).fetchone()
            if found:
                name, host, pid = found
                return f"{name or 'a program'} on {host or 'its own machine'} (PostgreSQL's process {pid})"
        return "another program"


def _own_name() -> str:
    command = " ".join(sys.argv)[:40] if sys.argv else sys.executable
    return f"process {os.getpid()} {command}"[:63]


def _busy(holder: str) -> RegistryBusyError:
    return RegistryBusyError(
        f"The registry stayed locked by {holder}.",
        where=WHERE,
        fix="Run the step again; if that program hangs, end it.",
    )


def _drop(session: _Session) -> None:
    connection, session.connection, session.is_checked = session.connection, None, False
    if connection is not None:
        with suppress(psycopg.Error):
            connection.close()
