"""How a language's dependencies are resolved and installed: what its record in languages/ points at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from factory_assets.dependencies.online import Online
from factory_assets.dependencies.resolution import Resolution, passed
from factory_assets.domain.code_imports import Import
from factory_assets.domain.trees import Tree


@dataclass(frozen=True, kw_only=True)
class Packages:
    """A language's package manager.

    `resolve` judges, locks and fetches what a tree imports; `install` fetches what its lock file names. `locked`
    matches where the file `lock` names a package.
    """

    resolve: Callable[[Tree, Sequence[Import], Online], Resolution]
    install: Callable[[Tree, Online], Resolution]
    lock: str = ""
    locked: re.Pattern[str] | None = None


def nothing_locked(tree: Tree, online: Online) -> Resolution:
    """Install what a language without lock files locks."""
    del tree, online
    return Resolution(verdict=passed("nothing is locked"))


def _nothing_imported(tree: Tree, needed: Sequence[Import], online: Online) -> Resolution:
    del tree, needed, online
    return Resolution(verdict=passed("no packages"))


NO_PACKAGES = Packages(resolve=_nothing_imported, install=nothing_locked)
