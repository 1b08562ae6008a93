"""Printing for a terminal of any width, or a pipe: a name or path that is to be copied is never cut or broken."""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segments
from rich.table import Table

PROSE_WIDTH = 60
"""Columns of a table's prose, which may be broken between words."""
_NO_LIMIT = 100_000


def print_table(console: Console, table: Table) -> None:
    """Print it as wide as its contents want, though that is more than the terminal has."""
    unbounded = console.options.update(width=_NO_LIMIT)
    natural = console.measure(table, options=unbounded).maximum
    console.print(Segments(console.render(table, unbounded.update(width=natural))), soft_wrap=True, end="")
