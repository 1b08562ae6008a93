"""What the code imports is declared, exists and is locked: resolved with network, before the last gate has none."""

from __future__ import annotations

from collections.abc import Callable

from factory_assets.dependencies.elsewhere import other_places
from factory_assets.dependencies.online import Online
from factory_assets.dependencies.resolution import DependencyFaultError, Resolution, refused
from factory_assets.domain.specs import Language
from factory_assets.domain.trees import Tree
from factory_assets.languages import LANGUAGES, LOCK_FILES
from factory_assets.languages.imports import outside_imports

WRITTEN_FILES = LOCK_FILES | {"go.mod"}
"""Every file that resolving may add to a commit or change in it."""


def resolve_dependencies(language: Language, tree: Tree, online: Online) -> Resolution:
    """Judge, lock and fetch what a commit's code imports; nothing of the repo is run.

    A repo that needs nothing but its language touches no network.

    Raises:
        InfrastructureError: when a registry cannot be reached; the dependencies were not judged.
        MissingToolError: when the language's package manager is not there.
    """
    packages = LANGUAGES[language].packages
    resolution = _judged(lambda: packages.resolve(tree, outside_imports(language, tree), online))
    if not resolution.verdict.passed:
        return resolution
    faults = list(other_places(tree))
    faults += [
        f"{known.lock} names packages that nothing here declares or imports: remove it, the factory locks by itself"
        for known in sorted((record.packages for record in LANGUAGES.values()), key=lambda one: one.lock)
        if known.lock in tree.keys() - resolution.files.keys() and known.is_locked(tree[known.lock].text)
    ]
    return Resolution(verdict=refused(faults)) if faults else resolution


def install_locked(language: Language, tree: Tree, online: Online) -> Resolution:
    """Fetch what the lock file of a shipped commit names, for running its tests; the errors are the same."""
    return _judged(lambda: LANGUAGES[language].packages.install(tree, online))


def _judged(step: Callable[[], Resolution]) -> Resolution:
    try:
        return step()
    except DependencyFaultError as error:
        return Resolution(verdict=refused(error.faults))
