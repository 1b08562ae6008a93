"""The fresh clone that gates run in: brought back to the commit's tree before each run, with changes put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.trees import EXECUTABLE, SYMLINK, Tree, TreeFile
from factory_assets.folders import remove_folder
from factory_assets.languages.clocks import GO_CACHE

_INSTALLED = "node_modules/.package-lock.json"
_CACHES = (".git", "node_modules", "target", GO_CACHE)


@dataclass(frozen=True)
class Checkout:
    """A throw-away folder that holds `tree`. `kept` are top-level folders beside it that are left alone.

    Files that already are what they should be are not touched, so that compilers build on what they built before.
    What was kept, a run may have changed; whatever lies at the path of a file or folder of the tree is replaced.
    """

    folder: Path
    tree: Tree
    kept: tuple[str, ...] = ()

    def restore(self, changes: Mapping[str, str] | None = None) -> None:
        """Make the folder the tree, but for `changes` (new content by path), and remove all else."""
        self._remove_strays(self.folder, "")
        for path, file in self.tree.items():
            data = changes[path].encode() if changes and path in changes else file.data
            if data is not None:
                _write(self.folder, path, file, data)
        installed = self.folder / _INSTALLED
        if installed.is_file() and not installed.is_symlink():
            # make asks whether it is newer than package.json, and would install again.
            installed.touch()

    def _remove_strays(self, folder: Path, prefix: str) -> None:
        folders = _folders(self.tree)
        for entry in folder.iterdir():
            path = f"{prefix}{entry.name}"
            is_folder = entry.is_dir() and not entry.is_symlink()
            is_kept = is_folder and not prefix and entry.name in {*_CACHES, *self.kept}
            if is_kept and path not in folders:
                continue
            if is_folder and path in folders:
                entry.chmod(0o755)
                self._remove_strays(entry, f"{path}/")
            elif is_folder:
                remove_folder(entry)
            elif path not in self.tree:
                entry.unlink()


def _folders(tree: Tree) -> frozenset[str]:
    return frozenset(path[:at] for path in tree for at, char in enumerate(path) if char == "/")


def _write(folder: Path, path: str, file: TreeFile, data: bytes) -> None:
    target = folder / path
    if file.mode == SYMLINK:
        if target.is_symlink() and bytes(target.readlink()) == data:
            return
        _clear(target)
        target.symlink_to(data.decode("utf-8", "surrogateescape"))
        return
    mode = 0o755 if file.mode == EXECUTABLE else 0o644
    if target.is_symlink() or not target.is_file() or target.read_bytes() != data:
        _clear(target)
        target.write_bytes(data)
    if target.stat().st_mode & 0o777 != mode:
        target.chmod(mode)


def _clear(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        remove_folder(target)
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
