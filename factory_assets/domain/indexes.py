"""Where packages come from: the registries of each language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

CRATES_URL = "https://index.crates.io"
GO_URL = "https://proxy.golang.org"


class PackageIndexes(Protocol):
    """The registries that built repos are resolved from. Addresses carry no password: a sandbox sees them.

    One that this machine does not name, or that cannot be used, is told by an InputError when it is asked for.
    """

    @property
    def pypi_url(self) -> str:
        """The Python index (simple API)."""
        ...

    @property
    def pypi_files(self) -> tuple[str, ...]:
        """Where it keeps its files, as host:port."""
        ...

    @property
    def npm_url(self) -> str:
        """The npm registry."""
        ...

    @property
    def crates_url(self) -> str:
        """The sparse index of Rust's crates."""
        ...

    @property
    def go_url(self) -> str:
        """Go's module proxy."""
        ...


@dataclass(frozen=True)
class Indexes:
    """Registries that are known by address."""

    pypi_url: str = ""
    npm_url: str = ""
    crates_url: str = CRATES_URL
    go_url: str = GO_URL
    pypi_files: tuple[str, ...] = ()


def place(url: str, official: str = "") -> str:
    """Where a registry is, as a sandbox's egress proxy knows places: the official one by its host alone.

    A firm's own may have a private address, which only a place with its port may.
    """
    parts = urlsplit(url)
    if url == official:
        return str(parts.hostname)
    return f"{parts.hostname}:{parts.port or (80 if parts.scheme == 'http' else 443)}"
