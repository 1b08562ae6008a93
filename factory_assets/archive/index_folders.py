"""The folders of what is made from an archive's files, by kind and form; those of forms that nobody reads any more."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from filelock import Timeout

from factory_assets.locks import path_lock

SEARCH, SPACE = "search-3", "space-1"
"""Those that are read now. One of another form gets the next number and is made beside the older one."""

_GOING = ".going"
_NAME = re.compile(rf"(?P<kind>search|space)-(?P<number>[1-9]\d*)({re.escape(_GOING)})?", re.ASCII)


def lock_of(folder: Path) -> Path:
    """What whoever works on such a folder holds a lock on."""
    return folder.with_suffix(".lock")


def sweep_older_forms(archive: Path, *, remove: bool) -> list[str]:
    """Remove the folders of older forms, which are made again by whoever wants them; returns their names.

    Left alone are the current ones, those of newer forms, and what a process of an older version works on. Without
    `remove` it only tells what would go.

    Raises:
        OSError: a folder cannot be removed.
    """
    if not archive.is_dir():
        return []
    return [path.name for path in sorted(archive.iterdir()) if _is_older(path) and _gone(path, remove=remove)]


def _is_older(path: Path) -> bool:
    found = _NAME.fullmatch(path.name)
    current = {form.rpartition("-")[0]: int(form.rpartition("-")[2]) for form in (SEARCH, SPACE)}
    return found is not None and path.is_dir() and int(found["number"]) < current[found["kind"]]


def _gone(path: Path, *, remove: bool) -> bool:
    try:
        with path_lock(lock_of(path), blocking=False).acquire():
            if remove:
                _remove(path)
            return True
    except Timeout:
        return False


def _remove(path: Path) -> None:
    # Nobody finds half of one, whoever dies on the way.
    going = path.with_suffix(_GOING)
    if path != going:
        if going.exists():
            shutil.rmtree(going)
        path.rename(going)
    shutil.rmtree(going)
