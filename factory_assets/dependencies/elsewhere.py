"""What a repo tells installers of other places than the registries: settings by which they fetch from anywhere.

Only what an installer reads in the repo itself is looked at. Sources: npm's .npmrc
(https://docs.npmjs.com/cli/configuring-npm/npmrc), pip's requirements files
(https://pip.pypa.io/en/stable/reference/requirements-file-format), and the tables of uv, Poetry and PDM.
"""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from factory_assets.domain.trees import Tree

_REGISTRIES = frozenset({"pypi.org", "files.pythonhosted.org", "registry.npmjs.org", "registry.yarnpkg.com"})
_PLACE = "registry"
# Options of npm that name a program, or what every program of node is given.
_PROGRAMS = frozenset({"script-shell", "shell", "git", "node-options", "globalconfig", "init-module"})
_PIP_OPTIONS = ("--index-url", "--extra-index-url", "--find-links", "-i", "-f", "--trusted-host")
_TABLES = (
    (("tool", "uv"), ("index-url", "extra-index-url", "find-links", "index")),
    (("tool", "uv", "pip"), ("index-url", "extra-index-url", "find-links")),
    (("tool", "poetry"), ("source",)),
    (("tool", "pdm"), ("source",)),
)


def other_places(tree: Tree) -> Iterator[str]:
    """Each setting with its file: installers would fetch, or run, what no registry has."""
    for path in sorted(tree):
        if path == ".npmrc":
            yield from (f"{path} sets {line}: {_WHY}" for line in _npm_settings(tree[path].text))
        elif path == "pyproject.toml":
            yield from (f"{path} sets {name}: {_WHY}" for name in _python_tables(tree[path].text))
        elif "/" not in path and path.startswith("requirements") and path.endswith((".txt", ".in")):
            yield from (f"{path} sets {line}: {_WHY}" for line in _pip_options(tree[path].text))


_WHY = "packages come from the registries, and the repo does not say from where; take it out"


def _npm_settings(text: str) -> Iterator[str]:
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        is_place = key == _PLACE or key.endswith(f":{_PLACE}")
        if key in _PROGRAMS or (is_place and not _is_registry(value)):
            yield key


def _pip_options(text: str) -> Iterator[str]:
    for line in text.splitlines():
        try:
            words = shlex.split(line.replace("=", " ", 1), comments=True)
        except ValueError:
            continue
        for option, value in pairwise([*words, ""]):
            if option in _PIP_OPTIONS and not _is_registry(value):
                yield option


def _python_tables(text: str) -> Iterator[str]:
    try:
        project = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    for keys, names in _TABLES:
        table: Any = project
        for key in keys:
            table = table.get(key, {}) if isinstance(table, Mapping) else {}
        for name in names if isinstance(table, Mapping) else ():
            if any(not _is_registry(value) for value in _addresses(table.get(name))):
                yield f"[{'.'.join(keys)}] {name}"


def _addresses(value: object) -> Iterator[str]:
    """The addresses of a setting: one, several, or tables with a `url` each."""
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _addresses(one)
        case {"url": str(url)}:
            yield url
        case _:
            return


def _is_registry(address: str) -> bool:
    try:
        return urlsplit(address.strip("\"'")).hostname in _REGISTRIES
    except ValueError:
        return False
