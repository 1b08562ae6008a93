"""Registries on DuckDB, made quickly: a new one is a copy of one that the migrations have made in this process."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from factory_assets.registry.duckdb_file import DuckDBFile, _Process
from factory_assets.registry.lock import Wait

create = DuckDBFile._create
"""How the factory makes one, for the tests of just that."""

_FOLDER = TemporaryDirectory(prefix="registry-")


def make_registries_quick() -> None:
    """From now on, in this process."""
    migrated()
    DuckDBFile._create = _copied  # type: ignore[method-assign]


@cache
def migrated() -> Path:
    """The file of a registry with its schema and no row."""
    path = Path(_FOLDER.name, "registry.duckdb")
    with DuckDBFile(path).transaction():
        pass
    return path


def _copied(self: DuckDBFile, process: _Process, wait: Wait) -> None:
    shutil.copyfile(migrated(), self._path)
