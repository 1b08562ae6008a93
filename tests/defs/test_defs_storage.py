"""The storage of a new instance is whole before any program is started on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from together import together

from factory_assets.defs.storage import open_storage
from factory_assets.settings import PROJECT_ROOT

DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")


@pytest.fixture
def new_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new instance with its data in one folder."""
    (tmp_path / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(tmp_path))
    return tmp_path


def test_every_database_of_a_new_instance_is_made_to_its_newest_revision(new_instance: Path) -> None:
    with open_storage(new_instance):
        pass
    assert _revisions(new_instance) == dict.fromkeys(DATABASES, 1)


def test_processes_that_open_a_new_instance_together_leave_it_whole(new_instance: Path) -> None:
    ended = together(
        "import sys\nfrom pathlib import Path\nfrom factory_assets.defs.storage import open_storage",
        "with open_storage(Path(sys.argv[1])): pass",
        str(new_instance),
        times=4,
    )
    assert ended == [(0, "")] * 4
    assert _revisions(new_instance) == dict.fromkeys(DATABASES, 1)


def _revisions(folder: Path) -> dict[str, int]:
    """How many revisions each database is stamped with."""
    found = {}
    for database in DATABASES:
        with sqlite3.connect(folder / database) as connection:
            ((found[database],),) = connection.execute("SELECT count(*) FROM alembic_version")
    return found
