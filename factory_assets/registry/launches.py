"""Runs that were asked for: of two who would launch the same repo at one moment, one gets it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, from_db, to_db

_CLAIM = """
INSERT INTO launches (name, run_key, asked_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET run_key = excluded.run_key, asked_at = excluded.asked_at
"""


def launches_asked_for(connection: Connection) -> dict[str, datetime]:
    """When a run was last asked for, by repo."""
    return {row["name"]: from_db(row["asked_at"]) for row in fetch(connection, "SELECT * FROM launches")}


def release_launch(connection: Connection, name: str, *, run_key: str) -> None:
    """Give back the launch of this repo, if it was taken under this run key."""
    connection.execute("DELETE FROM launches WHERE name = $1 AND run_key = $2", [name, run_key])


def claim_launches(
    connection: Connection, wanted: Mapping[str, str], *, settled: Mapping[str, datetime], now: datetime
) -> set[str]:
    """Take the launches of these repos (each with its run key), and give those that nobody else has taken.

    `settled` holds the launches that count no more, as they were seen. Who asks again under the same run key has
    taken it before.
    """
    mine = free_launches(connection, wanted, settled=settled)
    for name in sorted(mine):
        connection.execute(_CLAIM, [name, wanted[name], to_db(now)])
    return mine


def free_launches(
    connection: Connection, wanted: Mapping[str, str], *, settled: Mapping[str, datetime]
) -> set[str]:
    """Those of these launches that `claim_launches` would give now; nothing is taken."""
    rows = fetch(connection, "SELECT * FROM launches WHERE name = ANY ($1::TEXT[])", [list(wanted)])
    taken = {
        row["name"]
        for row in rows
        if row["run_key"] != wanted[row["name"]] and settled.get(row["name"]) != from_db(row["asked_at"])
    }
    return wanted.keys() - taken
