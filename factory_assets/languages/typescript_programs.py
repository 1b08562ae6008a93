"""How the programs of a TypeScript repo are compiled and started."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from factory_assets.domain.trees import Tree
from factory_assets.languages.entry_points import (
    EntryPoints,
    Snippet,
    Start,
    StartCommand,
    Words,
    a_free_name,
)
from factory_assets.languages.project_files import npm_scripts, read_json, table

_COMPILED = re.compile(r"\.([mc]?)js$")


def _commands(tree: Tree) -> Iterator[tuple[str, Words] | str]:
    package = read_json(tree, "package.json")
    declared = package.get("bin")
    bins = {str(package.get("name", "")): declared} if isinstance(declared, str) else table(package, "bin")
    for name, target in bins.items():
        path = posixpath.normpath(str(target))
        if path in tree or _source(path) in tree:
            yield PurePosixPath(name).name, ("node", path)
        else:
            yield f"package.json declares the command {name} as {target}, and there is no {_source(path)}"


def _undeclared(tree: Tree) -> Iterator[tuple[str, Words]]:
    for name in ("cli", "main"):
        if f"src/{name}.ts" in tree:
            yield name, ("node", f"dist/src/{name}.js")


# What is compiled with faults in its types is compiled all the same.
BUILD = (
    *("node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--rootDir", ".", "--outDir", "dist"),
    *("--noEmit", "false", "--incremental", "false", "--composite", "false"),
)


def _anywhere(name: str, words: Words, clone: Path) -> Start:
    del name
    made = str(clone / words[1])
    return Start((words[0], made), BUILD, made)


def _snippet(tree: Tree, clone: Path) -> Snippet:
    """A module among the tests, from where the library is imported as they do: from `../src/index.js`."""
    name = a_free_name(tree)
    made = str(clone / "dist" / "tests" / f"{name}.js")
    return Snippet(f"tests/{name}.ts", Start(("node", made), BUILD, made))


def _launched(words: Words, tree: Tree) -> StartCommand | str | None:
    if words[0] == "npm":
        script = words[2:3] if words[1:2] in {("run",), ("run-script",)} else words[1:2]
        is_named = script != words[1:2] or script in {("test",), ("start",)}
        missing = is_named and script and script[0] not in npm_scripts(tree)
        return f"`{' '.join(words[:3])}`, and package.json has no script {script[0]}" if missing else None
    at = next((at for at, word in enumerate(words) if at and not word.startswith("-")), None)
    if words[0] != "node" or at is None:
        return None
    path = posixpath.normpath(words[at])
    if path in tree or _source(path) in tree:
        return StartCommand(("node", path), words[at + 1 :])
    is_built = path.startswith("dist/") and _COMPILED.search(path)
    return (
        f"`node {path}`, and there is no {_source(path)} that it could be compiled from" if is_built else None
    )


def _source(path: str) -> str:
    return _COMPILED.sub(r".\1ts", path.removeprefix("dist/"))


ENTRY_POINTS = EntryPoints(
    declared=_commands,
    undeclared=_undeclared,
    anywhere=_anywhere,
    snippet=_snippet,
    launched=_launched,
    name=lambda tree: str(read_json(tree, "package.json").get("name", "")),
)
