"""What was made from an archive's files in an older form goes once nobody reads it any more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_archive_store import record

from factory_assets.archive import Archive, index_folders
from factory_assets.archive.index_folders import SEARCH, SPACE, sweep_older_forms
from factory_assets.archive.search import SearchIndex
from factory_assets.instance import Instance
from factory_assets.locks import path_lock
from factory_assets.settings import Settings


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """With folders of older forms, of the current ones, of a newer one, and what is no index at all."""
    folder = tmp_path / "archive"
    for name in ("search-1", "search-2", "search-99", "search-old", "search-01", SEARCH, SPACE, "months"):
        (folder / name / "marks").mkdir(parents=True)
        (folder / name / "marks" / "2026-06.json").write_text("{}")
    (folder / "search-0").write_text("a file")
    return folder


def names(archive: Path) -> set[str]:
    return {path.name for path in archive.iterdir() if path.suffix != ".lock"}


def test_the_folders_of_older_forms_go_and_nothing_else(archive: Path) -> None:
    before = names(archive)
    assert sweep_older_forms(archive, remove=False) == ["search-1", "search-2"]
    assert names(archive) == before
    assert sweep_older_forms(archive, remove=True) == ["search-1", "search-2"]
    assert names(archive) == before - {"search-1", "search-2"}
    assert sweep_older_forms(archive, remove=True) == []


def test_one_that_a_process_of_an_older_version_works_on_is_left(archive: Path) -> None:
    with path_lock(archive / "search-2.lock"):
        assert sweep_older_forms(archive, remove=True) == ["search-1"]
    assert "search-2" in names(archive)


def test_one_that_was_half_removed_is_finished(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, **_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(index_folders.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            sweep_older_forms(archive, remove=True)
    assert sweep_older_forms(archive, remove=True) == ["search-1.going", "search-2"]
    assert "search-1.going" not in names(archive)


def test_the_nightly_housekeeping_removes_them_and_the_index_goes_on(tmp_path: Path, archive: Path) -> None:
    instance = Instance(Settings(_env_file=None, factory_data_dir=tmp_path))
    Archive(archive).merge([record("2606.00001", title="A cache")])
    assert [found.record.arxiv_id for found in SearchIndex(Archive(archive)).search("cache", 3)] == [
        "2606.00001"
    ]
    told = instance.housekeeping.sweep(before=datetime.now(UTC), remove=True)
    assert "indexes of older forms: search-1, search-2" in told
    assert "search-2" not in names(archive)
    assert SearchIndex(Archive(archive)).search("cache", 3)
    assert not any(
        "indexes" in line for line in instance.housekeeping.sweep(before=datetime.now(UTC), remove=True)
    )


def test_an_instance_without_an_archive_has_nothing_to_remove(tmp_path: Path) -> None:
    assert sweep_older_forms(tmp_path / "archive", remove=True) == []
