"""Differences between two trees, short enough to be read as evidence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from factory_assets.domain.text import strip_hidden
from factory_assets.domain.trees import Tree

MOST_LINES = 60
_LONGEST_LINE = 200
# difflib takes time with the square of the lines where most of them differ.
_TOO_LONG_TO_COMPARE = 3000


def diff_lines(old: Tree, new: Tree, paths: Iterable[str], *, most: int = MOST_LINES) -> list[str]:
    """A unified diff of the named files, cut after `most` lines; what is left out is counted."""
    lines = [line for path in paths for line in _file_diff(old, new, path)]
    shown = [strip_hidden(line)[:_LONGEST_LINE] for line in lines[:most]]
    left_out = len(lines) - len(shown)
    return [*shown, f"… and {left_out} more lines"] if left_out else shown


def _file_diff(old: Tree, new: Tree, path: str) -> list[str]:
    before, after = (tree[path].text.splitlines() if path in tree else [] for tree in (old, new))
    names = (f"a/{path}" if path in old else "/dev/null", f"b/{path}" if path in new else "/dev/null")
    if len(before) + len(after) > _TOO_LONG_TO_COMPARE:
        return [f"--- {names[0]}", f"+++ {names[1]}", f"({len(before)} lines before, {len(after)} after)"]
    found = list(difflib.unified_diff(before, after, *names, lineterm="", n=1))
    if found:
        return found
    if path in old and path in new and old[path].mode != new[path].mode:
        return [
            f"--- {names[0]}",
            f"+++ {names[1]}",
            f"(mode {old[path].mode} before, {new[path].mode} after)",
        ]
    return [f"--- {names[0]}", f"+++ {names[1]}", "(empty or no text)"]
