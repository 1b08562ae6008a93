"""Where packages come from: the registries of each language."""

from __future__ import annotations

from dataclasses import dataclass

PYPI_URL = "https://pypi.org/simple"
NPM_URL = "https://registry.npmjs.org"
CRATES_URL = "https://index.crates.io"
GO_URL = "https://proxy.golang.org"


@dataclass(frozen=True)
class Indexes:
    """The registries that built repos are resolved from. Addresses carry no password: a sandbox sees them."""

    pypi_url: str = PYPI_URL
    npm_url: str = NPM_URL
    crates_url: str = CRATES_URL
    go_url: str = GO_URL
