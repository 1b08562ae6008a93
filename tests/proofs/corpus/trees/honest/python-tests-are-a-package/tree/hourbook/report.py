"""Sums of entries, and how they are printed."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from .log import Entry


@dataclass(frozen=True)
class Report:
    """Minutes by a name, in the order in which they are printed."""

    rows: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        return sum(minutes for _, minutes in self.rows)

    def text(self) -> str:
        width = max((len(name) for name, _ in self.rows), default=0)
        width = max(width, len("total"))
        lines = [f"{name:<{width}}  {_hours(minutes):>6}" for name, minutes in self.rows]
        lines.append(f"{'total':<{width}}  {_hours(self.total):>6}")
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["name", "minutes"])
        writer.writerows(self.rows)
        return out.getvalue()

    def json(self) -> str:
        return json.dumps({"rows": dict(self.rows), "total": self.total}, indent=2) + "\n"


def by_project(entries: Iterable[Entry]) -> Report:
    """Most minutes first; of equal ones by name."""
    sums: Counter[str] = Counter()
    for entry in entries:
        sums[entry.project] += entry.minutes
    return Report(tuple(sorted(sums.items(), key=lambda row: (-row[1], row[0]))))


def by_day(entries: Iterable[Entry]) -> Report:
    """By date."""
    sums: Counter[str] = Counter()
    for entry in entries:
        sums[entry.day.isoformat()] += entry.minutes
    return Report(tuple(sorted(sums.items())))


def _hours(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02d}"
