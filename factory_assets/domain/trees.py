"""A committed tree in memory: what the gates judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

EXECUTABLE, REGULAR, SYMLINK = "100755", "100644", "120000"


@dataclass(frozen=True)
class TreeFile:
    """One file of a commit. `data` is a symlink's target, and None for a file too big to be looked into."""

    mode: str
    blob: str
    size: int
    data: bytes | None

    @property
    def text(self) -> str:
        """The content as text; empty for what is no text."""
        if self.data is None or b"\0" in self.data or self.mode == SYMLINK:
            return ""
        return self.data.decode("utf-8", "replace")

    @property
    def code_lines(self) -> int:
        """How many lines are not blank."""
        return sum(1 for line in self.text.splitlines() if line.strip())


Tree = Mapping[str, TreeFile]


def folders(tree: Tree) -> Iterator[str]:
    """Every folder of the tree, without a trailing slash."""
    seen: set[str] = set()
    for path in tree:
        parent = path.rpartition("/")[0]
        while parent and parent not in seen:
            seen.add(parent)
            yield parent
            parent = parent.rpartition("/")[0]


def changed_paths(old: Tree, new: Tree) -> list[str]:
    """The paths that were added, changed (content or mode) or removed, sorted."""
    return sorted(
        path
        for path in old.keys() | new.keys()
        if path not in old
        or path not in new
        or (old[path].blob, old[path].mode) != (new[path].blob, new[path].mode)
    )
