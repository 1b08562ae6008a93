"""Folders that untrusted code worked in are gone when they are removed, whatever it left, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

from factory_assets.folders import fresh_folder, remove_folder


def test_a_folder_is_removed_however_deep_it_is_nested(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        above, here = here, os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(above)
    os.close(os.open("file", os.O_CREAT, dir_fd=here))
    os.close(here)
    remove_folder(top)
    assert not any(tmp_path.iterdir())


def test_what_was_made_unwritable_is_removed_and_what_a_link_leads_to_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "in").mkdir(parents=True)
    (kept / "in" / "file").touch()
    top = tmp_path / "top"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "file").touch()
    os.mkfifo(top / "a" / "pipe")
    (top / "a" / "link").symlink_to(kept)
    (top / "b").symlink_to(kept / "in")
    for folder in (top / "a" / "b", top / "a", top):
        folder.chmod(0o500)
    (tmp_path / "to-top").symlink_to(top)
    remove_folder(tmp_path / "to-top")
    assert top.is_dir()
    remove_folder(top)
    remove_folder(top)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (kept / "in" / "file").exists()


def test_a_fresh_folder_is_empty_whatever_was_there(tmp_path: Path) -> None:
    for leave in (Path.touch, Path.mkdir, lambda path: path.symlink_to(tmp_path)):
        leave(tmp_path / "new")
        assert list(fresh_folder(tmp_path / "new").iterdir()) == []
        remove_folder(tmp_path / "new")
