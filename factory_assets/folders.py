"""Folders that untrusted code worked in: made fresh, and removed without following what it left."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def fresh_folder(path: Path) -> Path:
    """An empty folder at this path that only its owner can enter, whatever was there before."""
    remove_folder(path)
    path.mkdir(parents=True, mode=stat.S_IRWXU)
    return path


def remove_folder(path: Path) -> None:
    """Remove a folder with everything in it, however deep, also what was made unwritable; links are not followed."""
    if path.is_symlink() or path.is_file():
        path.unlink()
        return
    if not path.exists():
        return
    path.chmod(stat.S_IRWXU)
    _empty(path)
    path.rmdir()


def _empty(path: Path) -> None:
    """Go down and up again, one step each time: paths may be longer than the system takes, and calls not as deep."""
    here = os.open(path, _FOLDER)
    names: list[str] = []
    try:
        left = [_without_files(here)]
        while left[-1] or names:
            if left[-1]:
                names.append(left[-1].pop())
                os.chmod(names[-1], stat.S_IRWXU, dir_fd=here)
                here = _step(here, names[-1])
                left.append(_without_files(here))
            else:
                left.pop()
                here = _step(here, "..")
                os.rmdir(names.pop(), dir_fd=here)
    finally:
        os.close(here)


def _step(folder: int, name: str) -> int:
    there = os.open(name, _FOLDER, dir_fd=folder)
    os.close(folder)
    return there


def _without_files(folder: int) -> list[str]:
    """Remove all that is no folder, and give the names of what is one."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in found:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in found if is_folder]
