"""A source as a syntax tree, by tree-sitter (https://tree-sitter.github.io/tree-sitter)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tree_sitter import Node, Parser

from factory_assets.languages.base import LanguageRecord

MOST_SECONDS = 2.0
"""What a parser may take for one file. An honest one takes milliseconds; some nonsense would take it hours."""

_PIECE = 1 << 16
_DEEPEST = 1000
_MOST_SQUARES = 10**7


@dataclass(frozen=True)
class Source:
    """A source and its tree. Offsets are those of bytes in `data`; lines begin at 1.

    What does not parse has a tree all the same, with nodes for the parts that are no code of the language. Only
    what `refused` names a reason for has none: its tree is empty.
    """

    data: bytes
    root: Node
    refused: str = ""

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
        if self.refused:
            yield 1, self.refused
        if not self.root.has_error:
            return
        for node in self.nodes():
            if node.is_missing:
                yield line_of(node), f"{node.type} is missing"
            elif node.is_error:
                start = self.data[node.start_byte : min(node.end_byte, node.start_byte + 60)]
                yield line_of(node), f"cannot be parsed: {' '.join(start.decode('utf-8', 'replace').split())}"


def parse(record: LanguageRecord, text: str) -> Source:
    """Parse a source of a language, for at most MOST_SECONDS of processor time."""
    data = text.encode("utf-8", "replace")
    # The scanners of the grammars take a NUL for the end, and one of them never gets there.
    if b"\0" in data:
        return _refused(record, data, "holds a NUL byte")
    is_over = _deadline()
    try:
        tree = Parser(record.grammar).parse(
            lambda offset, _: data[offset : offset + _PIECE], progress_callback=lambda *_: is_over()
        )
    except ValueError:
        return _refused(record, data, f"cannot be parsed within {MOST_SECONDS:.0f} seconds")
    if _is_beyond_asking(tree.root_node, is_over):
        return _refused(record, data, "is nested too deep or too broken to be read")
    return Source(data, tree.root_node)


def _is_beyond_asking(root: Node, is_over: Callable[[], bool]) -> bool:
    """Whether a query would take hours: it takes time with the square of the depth and of what lies loose."""
    cursor = root.walk()
    depth = squares = moves = 0
    while True:
        if root.has_error and cursor.node is not None and cursor.node.is_error:
            squares += cursor.node.child_count**2
        moves += 1
        if depth > _DEEPEST or squares > _MOST_SQUARES or (moves % 1000 == 0 and is_over()):
            return True
        if cursor.goto_first_child():
            depth += 1
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return False
            depth -= 1


def _refused(record: LanguageRecord, data: bytes, reason: str) -> Source:
    """A source that cannot be read, and why."""
    return Source(data, Parser(record.grammar).parse(b"").root_node, reason)


def _deadline() -> Callable[[], bool]:
    stop = time.thread_time() + MOST_SECONDS
    return lambda: time.thread_time() > stop


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
