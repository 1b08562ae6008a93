"""What a language's syntax offers for faults: types of nodes by what they are, and what replaces them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tree_sitter import Node

COMPARED = {"==": "!=", "!=": "==", "<=": ">", ">=": "<", "<": ">=", ">": "<="}
ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})
TOKENS = COMPARED | {"+=": "=", "-=": "=", "*=": "=", "++": "--", "--": "++", "&&": "||", "||": "&&"}
"""The operators that the languages share, and what each becomes; of an arithmetic one only the first operand stays."""

Returned = Callable[[Node, str], Iterator[tuple[Node, str]]]
"""Of a node that returns and the text of the returned type: the values, each with a template of another one."""


def words(text: str) -> frozenset[str]:
    """The words of a text as a set, to write down many names of types of nodes."""
    return frozenset(text.split())


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The places of a language's sources where a fault can be put in. In a template `{}` is what stood there.

    `functions` and `constants` have a field `name` or `left`, and `calls` names the field that says what is called.
    Strings count within `shown` and in what `printers` are given, for there they are what a user sees; calls of
    `unnoticed` are left alone with all that they are given, and so are the nodes `left_alone`.
    A statement is deleted where it begins with one of `deleted`, or any does where that is empty, in one of `blocks`.
    `entries` are the names of functions in which a command starts; with `is_script` it starts at the top of a file.
    """

    names: frozenset[str]
    functions: frozenset[str]
    constants: frozenset[str]
    calls: Mapping[str, str]
    members: frozenset[str]
    imports: frozenset[str]
    left_alone: frozenset[str]
    operations: frozenset[str]
    conditions: Mapping[str, str]
    strings: frozenset[str]
    numbers: frozenset[str]
    returns: frozenset[str]
    returned: Returned
    shown: frozenset[str]
    printers: frozenset[str]
    unnoticed: frozenset[str]
    statements: Mapping[str, str]
    deleted: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset()
    tokens: Mapping[str, str] = field(default_factory=TOKENS.copy)
    literals: Mapping[str, str] = field(default_factory=lambda: {"true": "false", "false": "true"})
    result: str = ""
    entries: frozenset[str] = frozenset({"main", "usage"})
    is_script: bool = False
