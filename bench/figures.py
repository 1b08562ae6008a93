"""The measured figures of bench/RESULTS.md, by the heading, the row and the column in which they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from factory_assets.settings import PROJECT_ROOT

RESULTS = PROJECT_ROOT / "bench" / "RESULTS.md"


@dataclass(frozen=True)
class Figure:
    """A number that a calculation starts from, and where it comes from."""

    name: str
    value: float
    unit: str
    source: str


def cell(heading: str, row: str, column: str) -> float:
    """The number in a table below that heading; the first table that has such a row and column.

    Raises:
        LookupError: there is none.
    """
    for header, rows in _tables(heading):
        if column in header:
            for cells in rows:
                if cells[0] == row:
                    return number(cells[header.index(column)])
    raise LookupError(f"bench/RESULTS.md has no {column!r} of {row!r} below {heading!r}")


def column(heading: str, name: str) -> list[float]:
    """All numbers of a column, from the first table below that heading that has it.

    Raises:
        LookupError: there is none.
    """
    for header, rows in _tables(heading):
        if name in header:
            return [number(cells[header.index(name)]) for cells in rows]
    raise LookupError(f"bench/RESULTS.md has no column {name!r} below {heading!r}")


def number(text: str) -> float:
    """The number that a cell begins with, such as 9.64 of `9.64 s`.

    Raises:
        LookupError: it begins with none.
    """
    found = re.match(r"[+-]?[\d,]*\.?\d+", text)
    if found is None:
        raise LookupError(f"{text!r} is no number")
    return float(found[0].replace(",", ""))


def _tables(heading: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Each table of a section, up to the next heading of any level."""
    lines: list[str] = []
    for line in [*_section(heading), ""]:
        if line.startswith("|"):
            lines.append(line)
        elif lines:
            header, _, *rows = [[part.strip() for part in row.strip("|").split("|")] for row in lines]
            yield header, rows
            lines = []


@cache
def _section(heading: str) -> list[str]:
    _, found, rest = f"\n{RESULTS.read_text(encoding='utf-8')}".partition(f"\n{heading}\n")
    if not found:
        raise LookupError(f"bench/RESULTS.md has no heading {heading!r}")
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
