"""What the code imports is declared, exists and is locked: resolved with network, before the last gate has none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from factory_assets.dependencies.bash import resolve_bash
from factory_assets.dependencies.golang import install_go, resolve_go
from factory_assets.dependencies.online import Online
from factory_assets.dependencies.python import install_python, resolve_python
from factory_assets.dependencies.resolution import DependencyFaultError, Resolution, passed, refused
from factory_assets.dependencies.rust import install_rust, resolve_rust
from factory_assets.dependencies.typescript import install_typescript, resolve_typescript
from factory_assets.domain.indexes import Indexes, PackageIndexes
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.languages.project_files import LOCK_FILES

__all__ = [
    "WRITTEN_FILES",
    "Indexes",
    "Online",
    "PackageIndexes",
    "Resolution",
    "install_locked",
    "resolve_dependencies",
]

WRITTEN_FILES = LOCK_FILES | {"go.mod"}
"""Every file that resolving may add to a commit or change in it."""

_NAMES_A_PACKAGE = {
    "requirements.lock": re.compile(r"^\s*[^\s#]", re.MULTILINE),
    "package-lock.json": re.compile(r'"(?:node_modules/|resolved")'),
    "go.sum": re.compile(r"\S"),
    "Cargo.lock": re.compile(r"^source\s*=", re.MULTILINE),
}

_Step = Callable[[Tree, Online], Resolution]


def _nothing_locked(tree: Tree, online: Online) -> Resolution:
    del tree, online
    return Resolution(verdict=passed("nothing is locked"))


_RESOLVE: Mapping[Language, _Step] = {
    Language.PYTHON: resolve_python,
    Language.TYPESCRIPT: resolve_typescript,
    Language.GO: resolve_go,
    Language.RUST: resolve_rust,
    Language.BASH: resolve_bash,
}
_INSTALL: Mapping[Language, _Step] = {
    Language.PYTHON: install_python,
    Language.TYPESCRIPT: install_typescript,
    Language.GO: install_go,
    Language.RUST: install_rust,
    Language.BASH: _nothing_locked,
}


def resolve_dependencies(language: Language, tree: Tree, online: Online) -> Resolution:
    """Judge, lock and fetch what a commit's code imports; nothing of the repo is run.

    A repo that needs nothing but its language touches no network.

    Raises:
        InfrastructureError: when a registry cannot be reached; the dependencies were not judged.
        MissingToolError: when the language's package manager is not there.
    """
    resolution = _judged(_RESOLVE[language], tree, online)
    left = [] if not resolution.verdict.passed else sorted(LOCK_FILES & tree.keys() - resolution.files.keys())
    faults = [
        f"{path} names packages that nothing here declares or imports: remove it, the factory locks by itself"
        for path in left
        if _NAMES_A_PACKAGE[path].search(tree[path].text)
    ]
    return Resolution(verdict=refused(faults)) if faults else resolution


def install_locked(language: Language, tree: Tree, online: Online) -> Resolution:
    """Fetch what the lock file of a shipped commit names, for running its tests; the errors are the same."""
    return _judged(_INSTALL[language], tree, online)


def _judged(step: _Step, tree: Tree, online: Online) -> Resolution:
    try:
        return step(tree, online)
    except DependencyFaultError as error:
        return Resolution(verdict=refused(error.faults))
