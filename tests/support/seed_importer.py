"""How the seed's factory reads specs, as its importer does it: https://github.com/timholm/claude-code-factory
(internal/importer/importer.go), with encoding/json's rules for the types of its fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg

_TEXTS = ("name", "problem", "solution", "language", "source_url", "market_analysis")
_LISTS = ("files", "source_papers", "source_repos")
READY = (
    "SELECT id, spec_json FROM candidates WHERE status IN ('synthesized', 'delivered') AND spec_json IS NOT NULL"
    " AND spec_json != '' ORDER BY id"
)


def product_spec(text: str) -> dict[str, Any]:
    """One ProductSpec; a value of another type than its field is refused, an unknown field is passed over."""
    said = json.loads(text)
    assert isinstance(said, dict)
    spec: dict[str, Any] = {}
    for name in _TEXTS:
        spec[name] = said.get(name, "")
        assert isinstance(spec[name], str), name
    for name in _LISTS:
        spec[name] = said.get(name, [])
        assert isinstance(spec[name], list), name
        assert all(isinstance(one, str) for one in spec[name]), name
    spec["estimated_lines"] = said.get("estimated_lines", 0)
    assert type(spec["estimated_lines"]) is int
    return spec


def import_from_dir(folder: Path) -> list[dict[str, Any]]:
    return [
        product_spec(path.read_text()) for path in sorted(folder.iterdir()) if path.name.endswith(".json")
    ]


def import_from_db(url: str) -> list[dict[str, Any]]:
    """What it queues; the rows are marked as it marks them."""
    taken = []
    with psycopg.connect(url) as connection:
        for number, text in connection.execute(READY).fetchall():
            assert isinstance(number, int)
            assert isinstance(text, str)
            taken.append(product_spec(text))
            connection.execute(
                "UPDATE candidates SET status = 'imported', delivered_at = NOW() WHERE id = %s", [number]
            )
    return taken
