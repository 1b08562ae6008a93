"""The folders that untrusted code worked in: made fresh and removed without following what it left."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

# Too large to look into, and never part of a repository.
_JUNK_FOLDERS = frozenset({"__pycache__", "node_modules", ".venv"})


def fresh_folder(path: Path) -> Path:
    """An empty folder at this path, whatever was there before."""
    remove_folder(path)
    path.mkdir(parents=True)
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


def remove_git_folders(workspace: Path) -> None:
    """Remove every `.git` file or folder in the workspace, however it is spelt."""
    for folder, names, files in os.walk(workspace):
        for name in [*names, *files]:
            if name.casefold() in {".git", "git~1"}:
                path = Path(folder, name)
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        names[:] = [name for name in names if name.casefold() != ".git" and name not in _JUNK_FOLDERS]
