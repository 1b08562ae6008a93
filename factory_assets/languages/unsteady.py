"""The names by which code asks for what is another elsewhere, or tomorrow: the clock, the network, chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CHANCE = "chance"
_ASKED = {"clock": "the clock", "network": "the network", "chance": CHANCE, "programs": "another program"}


@dataclass(frozen=True, kw_only=True)
class Unsteady:
    """Names by what they ask.

    `modules` are looked for in the nodes `importing`, in what is quoted there where anything is; `calls` are ends of
    what is called, `names` those of the nodes `naming`, and `texts` stand in the code without its white space. Where
    one of `seeds` is called, chance is none.
    """

    importing: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()
    naming: tuple[str, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    seeds: frozenset[str] = frozenset()


def asking(**words: str) -> dict[str, str]:
    """Names by what they ask: `clock`, `network`, `chance` and `programs` are given them, with spaces between."""
    return {name: _ASKED[kind] for kind, names in words.items() for name in names.split()}
