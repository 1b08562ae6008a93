"""Dagster's SQLite storages, made quickly: an instance of a test meets no other schema, and outlives no test."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster_private import ENGINE_MAKERS
from sqlalchemy import Engine, create_engine, event

_KEPT_ENGINES = 256


def make_storages_quick() -> None:
    """From now on, in this process.

    Every database of Dagster's, one for each run, is stamped with its schema's newest revision, and for that Alembic
    reads all its ninety scripts again; they stay the same. For each connection an engine is made, that knows none of
    the statements which another has compiled; they stay the same as well. And each commit waits for the disk, which
    guards against a machine that loses its power: a killed process loses nothing without
    (https://sqlite.org/pragma.html#pragma_synchronous).
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

    first = create_engine("sqlite://")
    # What a dialect is told at its first connection holds for every database of this SQLite.
    first.connect().close()
    for module in ENGINE_MAKERS:
        module.create_engine = _engines_like(first)  # type: ignore[attr-defined]


def _engines_like(first: Engine) -> Any:
    """What makes engines that share the statements compiled: they are kept by dialect."""

    @lru_cache(maxsize=_KEPT_ENGINES)
    def made(url: str, poolclass: type, timeout: float | None) -> Engine:
        options = {} if timeout is None else {"connect_args": {"timeout": timeout}}
        engine = create_engine(url, poolclass=poolclass, **options)
        engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    def make(url: str, *, poolclass: type, connect_args: dict[str, float] | None = None) -> Engine:
        return made(url, poolclass, (connect_args or {}).get("timeout"))

    return make
