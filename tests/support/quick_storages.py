"""Dagster's SQLite storages, made quickly: an instance of a test meets no other schema, and outlives no test."""

from __future__ import annotations

import sqlite3

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event


def make_storages_quick() -> None:
    """From now on, in this process.

    Every database of Dagster's, one for each run, is stamped with its schema's newest revision, and for that Alembic
    reads all its ninety scripts again; they stay the same. And each commit waits for the disk, which guards against a
    machine that loses its power: a killed process loses nothing without (https://sqlite.org/pragma.html#pragma_synchronous).
    """
    read = ScriptDirectory.from_config
    known: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        where = config.get_main_option("script_location")
        if where not in known:
            known[where] = read(config)
        return known[where]

    ScriptDirectory.from_config = from_config  # type: ignore[method-assign,assignment]

    @event.listens_for(Engine, "connect")
    def _without_waiting(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")
