"""The paths that documents give as this repo's own: entries of a list or a listing of its files, and places in a file.

A path in a sentence may be a user's, an example, or one that somebody is told to add: only a reader can tell.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase

from factory_assets.domain.trees import Tree, folders
from factory_assets.gates.markdown import Document
from factory_assets.languages import LOCK_FILES

_ABOUT_THE_REPO = frozenset({"CLAUDE.md", "AGENTS.md", "llms.txt"})
_LATER = (*LOCK_FILES, "provenance.json")
_BRANCHES = ("├── ", "└── ", "|-- ", "`-- ")
_NO_PATH = frozenset("*?<>{}[]()$~ \"'\\|,;=…")


def path_faults(name: str, document: Document, tree: Tree, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Paths that a document gives as the repo's and that it does not have; `suffixes` are those of its sources."""
    known = _Known(tree)
    lists: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for code in document.codes:
        path = _path(code.text)
        if path and code.group is not None:
            lists[code.group].append((path, code.line))
        is_place = name == "llms.txt" or (name in _ABOUT_THE_REPO and ":" in code.text)
        if path and is_place and path.partition("/")[0] in known.folders and not known.has(path):
            yield _fault(name, code.line, path)
    for entries in [*lists.values(), *(_listing(block.text, block.line) for block in document.blocks)]:
        present = [path for path, _ in entries if known.has(path)]
        missing = [
            (path, line)
            for path, line in entries
            if path not in present and ("/" in path or path.endswith(suffixes))
        ]
        # A list of which most is here is a list of what is here.
        if len(missing) <= len(present):
            yield from (_fault(name, line, path) for path, line in missing)


class _Known:
    """What of a repo is there, by all the ways in which it is named."""

    def __init__(self, tree: Tree) -> None:
        self.folders = frozenset(folders(tree))
        self._paths = {*tree, *self.folders}
        self._stems = {posixpath.splitext(path)[0] for path in tree}
        rules = tree[".gitignore"].text.split() if ".gitignore" in tree else []
        self._ignored = {*_LATER, *(rule.strip("/") for rule in rules if rule[0] not in "#!*")}

    def has(self, path: str) -> bool:
        """Whether a path is there, from the top or from a folder below it, or is one that only a build makes."""
        if (
            path in self._paths
            or path in self._stems
            or any(each.endswith(f"/{path}") for each in self._paths)
            or (
                "*" in path
                and any(fnmatchcase(each, pattern) for each in self._paths for pattern in (path, f"*/{path}"))
            )
        ):
            return True
        return any(fnmatchcase(part, rule) for part in [*path.split("/"), path] for rule in self._ignored)


def _path(text: str) -> str:
    """The path in a code span, without the line or the name of a test behind it; empty for what is none."""
    path = text.partition(":")[0].partition("#")[0].removeprefix("./").rstrip("/")
    is_path = not _NO_PATH.intersection(path) and not path.startswith(("-", "/", "..", "@"))
    return path if is_path and ("/" in path or "." in path.strip(".")) and "://" not in text else ""


def _listing(text: str, first: int) -> list[tuple[str, int]]:
    """The paths of a listing as tree(1) prints it, each with its line."""
    found: list[tuple[str, int]] = []
    stack: list[str] = []
    for line, row in enumerate(text.splitlines(), start=first):
        at, branch = next(((row.find(each), each) for each in _BRANCHES if each in row), (-1, ""))
        words = row[at + len(branch) :].split() if at >= 0 else []
        if words and (path := _path(words[0]) or words[0].rstrip("/")):
            stack = [*stack[: at // len(branch)], path]
            found.append(("/".join(stack), line))
    return found


def _fault(name: str, line: int, path: str) -> str:
    return f"{name}:{line} mentions {path}, which does not exist"
