"""A source as a syntax tree, by tree-sitter (https://tree-sitter.github.io/tree-sitter)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node, Parser

from factory_assets.languages.base import LanguageRecord


@dataclass(frozen=True)
class Source:
    """A source and its tree. Offsets are those of bytes in `data`; lines begin at 1.

    What does not parse has a tree all the same, with nodes for the parts that are no code of the language.
    """

    data: bytes
    root: Node

    def text(self, node: Node) -> str:
        """What stands in the source for a node."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def between(self, start: int, end: int) -> str:
        """What stands between two places, with single spaces."""
        return " ".join(self.data[start:end].decode("utf-8", "replace").split())

    def head(self, node: Node) -> str:
        """What a declaration says between its name and its body."""
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        return self.between(
            name.end_byte if name else node.start_byte, body.start_byte if body else node.end_byte
        )

    def nodes(self, *types: str) -> Iterator[Node]:
        """All nodes in the order of the source, or those of some types."""
        return nodes(self.root, *types)

    def faults(self) -> Iterator[tuple[int, str]]:
        """Line and reason of each place that is no code of the language."""
        if not self.root.has_error:
            return
        for node in self.nodes():
            if node.is_missing:
                yield line_of(node), f"{node.type} is missing"
            elif node.is_error:
                yield line_of(node), f"cannot be parsed: {' '.join(self.text(node).split())[:60]}"


def parse(record: LanguageRecord, text: str) -> Source:
    """Parse a source of a language."""
    data = text.encode("utf-8", "replace")
    return Source(data, Parser(record.grammar).parse(data).root_node)


def line_of(node: Node) -> int:
    """The line, from 1, on which a node begins."""
    return node.start_point.row + 1


def nodes(top: Node, *types: str) -> Iterator[Node]:
    """A node and all below it in the order of the source, or those of some types.

    It goes by a cursor, since a hostile source may be nested deeper than Python calls may be.
    """
    cursor = top.walk()
    while True:
        node = cursor.node
        if node is not None and (not types or node.type in types):
            yield node
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
