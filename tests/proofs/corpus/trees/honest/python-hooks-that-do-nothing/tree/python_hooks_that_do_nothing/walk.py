"""Walking through nested lists."""

from collections.abc import Callable


def _ignore(value: object) -> None:
    pass


class Visitor:
    """Is told what is met; heirs override what they care for."""

    def enter(self, depth: int) -> None:
        """A list begins."""

    def leave(self, depth: int) -> None:
        """A list ends."""

    def leaf(self, value: object) -> None:
        pass


class Counter(Visitor):
    """Counts the leaves."""

    def __init__(self) -> None:
        self.leaves = 0

    def leaf(self, value: object) -> None:
        """One more."""
        self.leaves += 1


def walk(tree: object, visitor: Visitor, on_leaf: Callable[[object], None] = _ignore, depth: int = 0) -> None:
    """Go through a tree, depth first."""
    if not isinstance(tree, list):
        visitor.leaf(tree)
        on_leaf(tree)
        return
    visitor.enter(depth)
    for child in tree:
        walk(child, visitor, on_leaf, depth + 1)
    visitor.leave(depth)
