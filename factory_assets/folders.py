"""Folders that untrusted code worked in: made fresh, and removed without following what it left."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def fresh_folder(path: Path) -> Path:
    """An empty folder at this path that only its owner can enter, whatever was there before."""
    remove_folder(path)
    path.mkdir(parents=True, mode=stat.S_IRWXU)
    return path


def remove_folder(path: Path) -> None:
    """Remove a folder with everything in it, also what was made unwritable; links are not followed."""
    if path.is_symlink() or path.is_file():
        path.unlink()
        return
    if not path.exists():
        return
    path.chmod(stat.S_IRWXU)
    for folder, names, _ in os.walk(path):
        for name in names:
            child = Path(folder, name)
            if not child.is_symlink():
                child.chmod(stat.S_IRWXU)
    shutil.rmtree(path)
