"""What a measurement was to reach, and what of it does not."""

from __future__ import annotations

from collections.abc import Iterable


def verdict(target: str, missed: Iterable[str]) -> str:
    """The line under a table: its target, and the rows that miss it."""
    rows = ", ".join(missed)
    return f"Target: {target}. " + (f"**Missed** by: {rows}." if rows else "Met.")
