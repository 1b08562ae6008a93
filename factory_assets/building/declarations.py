"""Changes of project files that declare dependencies and nothing else: what fixes a failed gate on dependencies."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

from factory_assets.domain.trees import Tree, TreeFile

_PYTHON = (("project", "dependencies"), ("project", "optional-dependencies"), ("dependency-groups",))
_NPM = (("dependencies",), ("devDependencies",), ("peerDependencies",), ("optionalDependencies",))
_CARGO = (
    *(("dependencies",), ("dev-dependencies",), ("build-dependencies",)),
    *(("dev_dependencies",), ("build_dependencies",), ("workspace", "dependencies")),
    *(("target", "*", f"{kind}dependencies") for kind in ("", "dev-", "build-")),
)
_GO_REQUIRE = re.compile(
    r"^require[ \t]*\((?:[ \t]*(?://[^\n]*|\S+[ \t]+\S+[^\n]*)?\n)*?\)[ \t]*$|^require[ \t]+\S+[ \t]+\S+[^\n]*$",
    re.MULTILINE,
)
_Form = tuple[Callable[[str], Any], tuple[tuple[str, ...], ...]]
_FORMS: dict[str, _Form] = {
    "pyproject.toml": (tomllib.loads, _PYTHON),
    "package.json": (json.loads, _NPM),
    "Cargo.toml": (tomllib.loads, _CARGO),
}


def only_declares(path: str, before: Tree, after: Tree) -> bool:
    """Whether a project file was changed in its tables of dependencies alone."""
    old, new = before.get(path), after.get(path)
    if old is None or new is None or old.mode != new.mode:
        return False
    rest = _rest(path.rpartition("/")[2], old)
    return rest is not None and rest == _rest(path.rpartition("/")[2], new)


def _rest(name: str, file: TreeFile) -> Any | None:
    """What a project file says beside its dependencies; None where that cannot be told."""
    if name == "go.mod":
        return [line.strip() for line in _GO_REQUIRE.sub("", file.text).splitlines() if line.strip()]
    if name not in _FORMS:
        return None
    read, tables = _FORMS[name]
    try:
        found = read(file.text)
    except (ValueError, RecursionError):
        return None
    whole = copy.deepcopy(found)
    for keys in tables:
        _remove(whole, keys)
    return whole


def _remove(table: Any, keys: tuple[str, ...]) -> None:
    """Take a table out, and the tables around it that hold nothing else."""
    if not isinstance(table, dict):
        return
    first, rest = keys[0], keys[1:]
    names: Iterable[str] = list(table) if first == "*" else [first] if first in table else []
    for name in names:
        if rest:
            _remove(table[name], rest)
        if not rest or table[name] == {}:
            del table[name]
