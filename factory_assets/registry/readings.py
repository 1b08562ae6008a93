"""What the reader found in each commit, and the sums of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from factory_assets.domain.readings import Reading
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, fetch_one, to_db

_RECORD = """
INSERT INTO readings (spec_id, commit, asked_as, attempt, reading, read_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (spec_id, commit, asked_as) DO UPDATE SET
    attempt = excluded.attempt, reading = excluded.reading, read_at = excluded.read_at
"""
_OF_COMMIT = "SELECT reading FROM readings WHERE spec_id = $1 AND commit = $2 AND asked_as = $3"
_OF_ATTEMPT = "SELECT reading FROM readings WHERE spec_id = $1 AND attempt = $2 ORDER BY read_at DESC LIMIT 1"
# A later reading of the same attempt tells of the earlier ones as well.
_LAST = """
SELECT reading FROM readings
WHERE read_at >= $1 AND read_at < $2
  AND read_at = (SELECT max(later.read_at) FROM readings AS later
                 WHERE later.spec_id = readings.spec_id AND later.attempt = readings.attempt)
"""


def record_reading(
    connection: Connection,
    spec_id: int,
    attempt: int,
    *,
    commit: str,
    asked_as: str,
    reading: Reading,
    now: datetime,
) -> None:
    """See BuildJournal."""
    values = [spec_id, commit, asked_as, attempt, reading.model_dump_json(), to_db(now)]
    connection.execute(_RECORD, values)


def reading_of(connection: Connection, spec_id: int, *, commit: str, asked_as: str) -> Reading | None:
    """See BuildJournal."""
    row = fetch_one(connection, _OF_COMMIT, [spec_id, commit, asked_as])
    return None if row is None else Reading.model_validate_json(row["reading"])


def last_reading(connection: Connection, spec_id: int, attempt: int) -> Reading | None:
    """The last reading of an attempt, which tells of the earlier ones as well."""
    row = fetch_one(connection, _OF_ATTEMPT, [spec_id, attempt])
    return None if row is None else Reading.model_validate_json(row["reading"])


def readings_between(connection: Connection, span: Sequence[datetime]) -> list[Reading]:
    """The last reading of each attempt that was read from the first moment to before the second (both as stored)."""
    return [Reading.model_validate_json(row["reading"]) for row in fetch(connection, _LAST, list(span))]
