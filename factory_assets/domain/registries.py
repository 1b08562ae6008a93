"""The package registries of each language: the only hosts that untrusted programs may reach, and how they ask them."""

from __future__ import annotations

from urllib.parse import urlsplit

from factory_assets.domain.agents import Reach
from factory_assets.domain.indexes import CRATES_URL, GO_URL, PackageIndexes
from factory_assets.domain.specs import Language


def reach_of(language: Language, indexes: PackageIndexes) -> Reach:
    """The registries that a language's dependencies are resolved from, and the hosts that keep their files."""
    match language:
        case Language.PYTHON:
            return Reach((_place(indexes.pypi_url), *indexes.pypi_files))
        case Language.TYPESCRIPT:
            return Reach((_place(indexes.npm_url),))
        case Language.GO:
            return Reach((_place(indexes.go_url, GO_URL), "sum.golang.org"))
        case Language.RUST:
            index = _place(indexes.crates_url, CRATES_URL)
            return Reach((index, "static.crates.io", "crates.io"))
        case Language.BASH:
            return Reach()


def client_variables(language: Language, indexes: PackageIndexes) -> dict[str, str]:
    """The variables by which a language's package manager asks these registries, and not its built-in one.

    Sources: pip's PIP_<OPTION>, uv's UV_DEFAULT_INDEX, npm's npm_config_<name>.
    """
    match language:
        case Language.PYTHON:
            return {"PIP_INDEX_URL": indexes.pypi_url, "UV_DEFAULT_INDEX": indexes.pypi_url}
        case Language.TYPESCRIPT:
            return {"npm_config_registry": indexes.npm_url}
        case Language.GO | Language.RUST | Language.BASH:
            return {}


def _place(url: str, official: str = "") -> str:
    parts = urlsplit(url)
    if url == official:
        return str(parts.hostname)
    # A firm's own index may have a private address: only a place with its port may.
    return f"{parts.hostname}:{parts.port or (80 if parts.scheme == 'http' else 443)}"
