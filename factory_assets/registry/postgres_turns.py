"""Turns at servers, over all hosts that share a PostgreSQL registry, by its clock.

A turn lasts for as long as a request does, so that it is no transaction: it is an advisory lock of a connection of its
own, which the server lets go when that connection ends, whatever becomes of the host.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from factory_assets.domain.errors import InfrastructureError
from factory_assets.registry.lock import pauses
from factory_assets.registry.postgres import WHERE, PostgresDatabase

# Of one schema, as the registry's own lock.
_KEY = "hashtextextended('software factory turn ' || current_schema() || ' ' || $1::TEXT, 0)"
_TRY = f"SELECT pg_try_advisory_lock({_KEY})"
_LOCK = f"SELECT pg_advisory_lock({_KEY})"
_SINCE = """
SELECT EXTRACT(epoch FROM (clock_timestamp() AT TIME ZONE 'UTC') - asked_at) FROM server_turns WHERE server = $1
"""
_QUIET = """
SELECT EXTRACT(epoch FROM quiet_until - (clock_timestamp() AT TIME ZONE 'UTC')) FROM server_turns WHERE server = $1
"""
_ASKED = """
INSERT INTO server_turns (server, asked_at) VALUES ($1, clock_timestamp() AT TIME ZONE 'UTC')
ON CONFLICT (server) DO UPDATE SET asked_at = excluded.asked_at, quiet_until = NULL
"""
_BE_QUIET = """
INSERT INTO server_turns (server, quiet_until)
VALUES ($1, (clock_timestamp() AT TIME ZONE 'UTC') + make_interval(secs => $2))
ON CONFLICT (server) DO UPDATE SET quiet_until = excluded.quiet_until
"""


class PostgresTurn:
    """A turn that is held. Implements HeldTurn."""

    def __init__(self, connection: psycopg.Connection[Any], server: str) -> None:
        self._connection = connection
        self._server = server

    def seconds_since_asked(self) -> float:
        """See HeldTurn."""
        seconds = self._asked(_SINCE)
        return math.inf if seconds is None else seconds

    def note_asked(self) -> None:
        """See HeldTurn."""
        self._run(_ASKED, [self._server])

    def seconds_of_quiet(self) -> float:
        """See HeldTurn."""
        return self._asked(_QUIET) or 0.0

    def be_quiet(self, seconds: float) -> None:
        """See HeldTurn."""
        self._run(_BE_QUIET, [self._server, seconds])

    def _asked(self, query: str) -> float | None:
        row = self._run(query, [self._server]).fetchone()
        return None if row is None or row[0] is None else float(row[0])

    def _run(self, query: str, values: list[Any]) -> psycopg.Cursor[Any]:
        try:
            return self._connection.execute(query, values)
        except psycopg.Error as error:
            raise _failed(error) from error


class PostgresTurns:
    """Where the turn at one server is held. Implements TurnPlace."""

    def __init__(self, database: PostgresDatabase, server: str) -> None:
        self._database = database
        self._server = server

    @contextmanager
    def held(self, waiting: Callable[[], None]) -> Iterator[PostgresTurn]:
        """See TurnPlace."""
        connection = self._locked(waiting)
        try:
            yield PostgresTurn(connection, self._server)
        finally:
            connection.close()

    def _locked(self, waiting: Callable[[], None]) -> psycopg.Connection[Any]:
        """A connection that holds the turn; a server that restarts meanwhile is waited for."""
        ends = None
        for pause in pauses():
            try:
                return self._lock(waiting)
            except psycopg.OperationalError as error:
                ends = ends or time.monotonic() + self._database.patience.seconds
                if time.monotonic() > ends:
                    raise _failed(error) from error
                time.sleep(pause)
        raise AssertionError  # pauses never end

    def _lock(self, waiting: Callable[[], None]) -> psycopg.Connection[Any]:
        connection = self._database.connection_apart()
        try:
            if connection.execute(_TRY, [self._server]).fetchone() != (True,):
                waiting()
                connection.execute(_LOCK, [self._server])
        except BaseException:
            connection.close()
            raise
        return connection


def _failed(error: psycopg.Error) -> InfrastructureError:
    return InfrastructureError(
        f"The registry's database does not tell whose turn it is to ask: {' '.join(str(error).split())}",
        where=WHERE,
        fix="Check that PostgreSQL runs and is reached from here; then run the step again.",
    )
