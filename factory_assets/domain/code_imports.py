"""One import of a source: what code needs from outside its repo."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Import:
    """One import of something outside the repo. `name` is the language's unit: a module, package, path or crate.

    `optional` marks one that the code can do without, `erased` one that only the type checker sees, and
    `test` one in a test. `on_demand` is set for one that only a call of a function makes.
    """

    name: str
    path: str
    line: int
    optional: bool = False
    erased: bool = False
    test: bool = False
    on_demand: bool = False

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.path}:{self.line}"
