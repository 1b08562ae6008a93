"""The package registries of each language: the only hosts that untrusted programs may reach."""

from __future__ import annotations

from collections.abc import Mapping

from factory_assets.domain.agents import Reach
from factory_assets.domain.specs import Language

REGISTRIES: Mapping[Language, Reach] = {
    Language.PYTHON: Reach(("pypi.org", "files.pythonhosted.org")),
    Language.TYPESCRIPT: Reach(("registry.npmjs.org",)),
    Language.GO: Reach(("proxy.golang.org", "sum.golang.org")),
    Language.RUST: Reach(("index.crates.io", "static.crates.io", "crates.io")),
    Language.BASH: Reach(),
}
