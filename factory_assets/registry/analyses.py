"""Which dates were analysed, and what came of it."""

from __future__ import annotations

from datetime import date

from factory_assets.registry.database import Connection
from factory_assets.registry.models import AnalysisRecord
from factory_assets.registry.rows import fetch, from_db, to_db

_RECORD_ANALYSIS = """
INSERT INTO analyses (day, analysed_at, papers, specs, invalid_dropped) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (day, analysed_at) DO UPDATE SET
    papers = excluded.papers, specs = excluded.specs, invalid_dropped = excluded.invalid_dropped
"""


def record_analysis(connection: Connection, record: AnalysisRecord) -> None:
    """Write that a date was analysed at this moment; the record of the same moment is replaced."""
    connection.execute(
        _RECORD_ANALYSIS,
        [record.day, to_db(record.analysed_at), record.papers, record.specs, record.invalid_dropped],
    )


def analysed_days(connection: Connection) -> set[date]:
    """Every date that was analysed, dates without papers too."""
    return {row[0] for row in connection.execute("SELECT DISTINCT day FROM analyses").fetchall()}


def analyses_of(connection: Connection, day: date) -> list[AnalysisRecord]:
    """The analyses of a date, oldest first."""
    rows = fetch(connection, "SELECT * FROM analyses WHERE day = $1 ORDER BY analysed_at", [day])
    return [AnalysisRecord(**{**row, "analysed_at": from_db(row["analysed_at"])}) for row in rows]
