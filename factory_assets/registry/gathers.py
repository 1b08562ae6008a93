"""Dates of which something is missing, and since when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime

from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, from_db, to_db

_MISS = """
INSERT INTO incomplete_dates (day, since, missing) VALUES ($1, $2, $3)
ON CONFLICT (day) DO UPDATE SET missing = excluded.missing
"""


def note_gathered(
    connection: Connection, days: Collection[date], missing: Mapping[date, str], now: datetime
) -> None:
    """Keep what is missing of these dates, which were gathered; how long something has been missing stays."""
    for day in sorted(days):
        if day in missing:
            connection.execute(_MISS, [day, to_db(now), missing[day]])
        else:
            connection.execute("DELETE FROM incomplete_dates WHERE day = $1", [day])


def incomplete_dates(connection: Connection) -> dict[date, datetime]:
    """Since when something has been missing of each date that is not whole."""
    rows = fetch(connection, "SELECT day, since FROM incomplete_dates ORDER BY day")
    return {row["day"]: from_db(row["since"]) for row in rows}


def missing_of_dates(connection: Connection) -> dict[date, str]:
    """What is missing of each date that is not whole, in words."""
    rows = fetch(connection, "SELECT day, missing FROM incomplete_dates ORDER BY day")
    return {row["day"]: row["missing"] for row in rows}
