"""How a language's dependencies are resolved and installed: what its record in languages/ points at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from factory_assets.dependencies.online import Online
from factory_assets.dependencies.resolution import Resolution, passed
from factory_assets.domain.agents import Reach
from factory_assets.domain.code_imports import Import
from factory_assets.domain.indexes import PackageIndexes
from factory_assets.domain.trees import Tree


@dataclass(frozen=True, kw_only=True)
class Packages:
    """A language's package manager.

    `resolve` judges, locks and fetches what a tree imports; `install` fetches what its lock file names. `project` is
    the file that declares dependencies, and `is_locked` says whether the text of its file `lock` names a package.
    `reach` are its registries and the hosts that keep their files, the only ones that untrusted programs may reach;
    `variables` make the package manager ask these registries.
    """

    resolve: Callable[[Tree, Sequence[Import], Online], Resolution]
    install: Callable[[Tree, Online], Resolution]
    reach: Callable[[PackageIndexes], Reach] = lambda _: Reach()
    variables: Callable[[PackageIndexes], dict[str, str]] = lambda _: {}
    project: str = ""
    lock: str = ""
    is_locked: Callable[[str], bool] = bool


def nothing_locked(tree: Tree, online: Online) -> Resolution:
    """Install what a language without lock files locks."""
    del tree, online
    return Resolution(verdict=passed("nothing is locked"))


def _nothing_imported(tree: Tree, needed: Sequence[Import], online: Online) -> Resolution:
    del tree, needed, online
    return Resolution(verdict=passed("no packages"))


NO_PACKAGES = Packages(resolve=_nothing_imported, install=nothing_locked)
