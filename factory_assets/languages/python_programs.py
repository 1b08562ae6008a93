"""How the programs of a Python repo are started."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from factory_assets.domain import reserved
from factory_assets.domain.trees import Tree
from factory_assets.languages.entry_points import (
    EntryPoints,
    Snippet,
    Start,
    StartCommand,
    Words,
    a_free_name,
)
from factory_assets.languages.project_files import python_folders, read_toml, table

# The factory's own test run brings pytest along.
GIVEN = reserved.PYTHON_STANDARD | {"pytest", "_pytest"}
_PYTHON = re.compile(r"^(?:.*/bin/)?python3?(?:\.\d+)?$")
_CALL = "import sys; from {module} import {function} as run; sys.argv[0] = {name!r}; sys.exit(run())"
_RUN = "import runpy; runpy.run_module({package!r}, run_name='__main__', alter_sys=True)"


def _commands(tree: Tree) -> Iterator[tuple[str, Words] | str]:
    project = read_toml(tree, "pyproject.toml")
    scripts = table(project, "project", "scripts") | table(project, "tool", "poetry", "scripts")
    for name, target in scripts.items():
        module, _, function = str(target).partition(":")
        if _has_module(tree, module, (".py", "/__init__.py")):
            function = function.partition(".")[0] or "main"
            yield name, ("python3", "-c", _CALL.format(module=module, function=function, name=name))
        else:
            yield f"pyproject.toml declares the command {name} as {target}, and there is no module {module}"


def _undeclared(tree: Tree) -> Iterator[tuple[str, Words]]:
    for folder in python_folders(tree):
        for path in tree:
            package, _, name = path.removeprefix(folder and f"{folder}/").rpartition("/")
            if name == "__main__.py" and "/" not in package and posixpath.join(folder, package, name) == path:
                yield package.replace("_", "-"), ("python3", "-c", _RUN.format(package=package))


def _anywhere(name: str, words: Words, clone: Path) -> Start:
    """As an installed command is, which does not look for its modules in the folder where it is called."""
    del name, clone
    *start, call = words
    return Start((*start, f"import sys; sys.path[:1] = []; {call}"))


def _snippet(tree: Tree, clone: Path) -> Snippet:
    path = f"{a_free_name(tree)}.py"
    return Snippet(path, Start(("python3", str(clone / path))))


def _launched(words: Words, tree: Tree) -> StartCommand | str | None:
    if not _PYTHON.match(words[0]):
        return None
    if len(words) > 1 and words[1].endswith(".py") and words[1].removeprefix("./") in tree:
        return StartCommand(("python3", words[1]), words[2:])
    module = words[2] if words[1:2] == ("-m",) and len(words) > 2 else ""
    if _has_module(tree, module, (".py", "/__main__.py")):
        return StartCommand(("python3", "-m", module), words[3:])
    top, path = module.partition(".")[0], module.replace(".", "/")
    # A module of nobody we know may be a user's; one that is all but called like the repo's own is not.
    own = {PurePosixPath(path).parts[-2] for path in tree if path.endswith("/__init__.py")} - {"tests"}
    if top not in GIVEN and difflib.get_close_matches(top, own):
        return f"`python3 -m {module}`, and there is no {path}/__main__.py or {path}.py"
    return None


def _has_module(tree: Tree, module: str, endings: Words) -> bool:
    path = module.replace(".", "/")
    return any(
        posixpath.join(folder, path + ending) in tree for folder in python_folders(tree) for ending in endings
    )


ENTRY_POINTS = EntryPoints(
    declared=_commands,
    undeclared=_undeclared,
    anywhere=_anywhere,
    snippet=_snippet,
    launched=_launched,
    name=lambda tree: str(table(read_toml(tree, "pyproject.toml"), "project").get("name", "")),
    search=("PYTHONPATH", python_folders),
)
