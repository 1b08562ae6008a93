"""The storage of a new instance is whole before any program is started on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from factory_assets.defs.storage import make_storage
from factory_assets.settings import PROJECT_ROOT

DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


def test_every_database_of_a_new_instance_is_made_to_its_newest_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(tmp_path))
    make_storage()
    for database in DATABASES:
        with sqlite3.connect(tmp_path / database) as connection:
            assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,), database
