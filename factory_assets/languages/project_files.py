"""Reading a repo's project files as far as they can be read: what is not there, or is none, reads as empty."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from factory_assets.domain.trees import Tree

_DATA = frozenset({"tests", "testdata", "fixtures", "vendor", "target", "node_modules"})
"""Folders in which a project file is data of a test, or somebody else's."""

_GO_MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)


def read_toml(tree: Tree, path: str) -> dict[str, Any]:
    """A TOML file; empty where it is missing or broken."""
    try:
        return tomllib.loads(tree[path].text) if path in tree else {}
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def read_json(tree: Tree, path: str) -> dict[str, Any]:
    """A JSON object; empty where it is missing, broken or no object."""
    try:
        found = json.loads(tree[path].text) if path in tree else {}
    except (json.JSONDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def table(parent: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """The table at the end of the keys; empty where there is none."""
    found: Any = parent
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def project_folders(tree: Tree, name: str) -> Iterator[str]:
    """The folders that hold a project file of this name, the top first as an empty text, others with a slash."""
    for folder in sorted(path.removesuffix(name) for path in tree if f"/{path}".endswith(f"/{name}")):
        if not _DATA.intersection(folder.split("/")):
            yield folder


def go_module(tree: Tree) -> str:
    """The module path of go.mod; empty where there is none."""
    match = _GO_MODULE.search(tree["go.mod"].text) if "go.mod" in tree else None
    return match[1] if match else ""


def python_folders(tree: Tree) -> tuple[str, ...]:
    """The folders of a repo from which its own modules are imported: its top, src, and what pytest is told."""
    declared = table(read_toml(tree, "pyproject.toml"), "tool", "pytest", "ini_options").get("pythonpath", [])
    listed = declared.split() if isinstance(declared, str) else declared if isinstance(declared, list) else []
    inside = [
        name for name in listed if isinstance(name, str) and ".." not in name and not name.startswith("/")
    ]
    return ("", "src", *inside)


def npm_scripts(tree: Tree) -> dict[str, str]:
    """package.json's scripts by name."""
    return {name: str(text) for name, text in table(read_json(tree, "package.json"), "scripts").items()}
