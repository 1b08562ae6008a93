"""Repositories within a workspace, which are taken out before it is looked into."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# Too large to look into, and never part of a repository.
_JUNK_FOLDERS = frozenset({"__pycache__", "node_modules", ".venv"})


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
