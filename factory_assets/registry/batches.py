"""The message batches of analyses: of each date at most one is open."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime

from factory_assets.domain.batches import AnalysisBatch
from factory_assets.domain.builds import ModelCall
from factory_assets.registry.calls import record_call
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import Row, fetch, from_db, to_db

_INSERT = """
INSERT INTO analysis_batches (name, day, run_id, papers, requests, asked_at, late_at, why)
VALUES ($1, $2, $3, $4, $5, $6, $7, '')
"""
_OPEN = "SELECT * FROM analysis_batches WHERE closed_at IS NULL ORDER BY day"
_OPEN_OF = "SELECT * FROM analysis_batches WHERE closed_at IS NULL AND day = $1"
_UNSETTLED = """
SELECT * FROM analysis_batches WHERE closed_at IS NULL OR (booked_at IS NULL AND batch_id IS NOT NULL) ORDER BY asked_at
"""
_MADE_BY = "UPDATE analysis_batches SET run_id = $2 WHERE name = $1"
_MADE = "UPDATE analysis_batches SET batch_id = $2 WHERE name = $1"
_CANCELLED = "UPDATE analysis_batches SET cancelled_at = coalesce(cancelled_at, $2) WHERE name = $1"
_READY = "UPDATE analysis_batches SET ready_at = coalesce(ready_at, $2), why = $3 WHERE name = $1"
_CLOSED = "UPDATE analysis_batches SET closed_at = coalesce(closed_at, $2) WHERE name = $1"
_BOOKED = "UPDATE analysis_batches SET booked_at = coalesce(booked_at, $2) WHERE name = $1"
_TIMES = ("asked_at", "late_at", "cancelled_at", "ready_at", "closed_at", "booked_at")


def _batch(row: Row) -> AnalysisBatch:
    times = {name: from_db(row[name]) for name in _TIMES if row[name] is not None}
    rest = {name: row[name] for name in ("name", "day", "run_id", "requests", "batch_id", "why")}
    return AnalysisBatch(**rest, **times, papers=tuple(json.loads(row["papers"])))


def begin_batch(connection: Connection, batch: AnalysisBatch) -> AnalysisBatch:
    """Write down a batch that is about to be made; where its date has one that is open, that one is told."""
    if (there := open_batch(connection, batch.day)) is not None:
        return there
    about = [batch.name, batch.day, batch.run_id, json.dumps(batch.papers), batch.requests]
    connection.execute(_INSERT, [*about, to_db(batch.asked_at), to_db(batch.late_at)])
    return batch


def open_batches(connection: Connection) -> list[AnalysisBatch]:
    """Those whose dates wait for their analysis, by date."""
    return [_batch(row) for row in fetch(connection, _OPEN)]


def open_batch(connection: Connection, day: date) -> AnalysisBatch | None:
    """The one of a date."""
    return next((_batch(row) for row in fetch(connection, _OPEN_OF, [day])), None)


def unsettled_batches(connection: Connection) -> list[AnalysisBatch]:
    """Those that something is still to be done about: open, or closed and not booked."""
    return [_batch(row) for row in fetch(connection, _UNSETTLED)]


def batch_made_by(connection: Connection, name: str, run_id: str) -> None:
    """Another run makes it, after the one before died."""
    connection.execute(_MADE_BY, [name, run_id])


def batch_made(connection: Connection, name: str, batch_id: str) -> None:
    """The API has told its id."""
    connection.execute(_MADE, [name, batch_id])


def batch_cancelled(connection: Connection, name: str, *, now: datetime) -> None:
    """It was asked to end."""
    connection.execute(_CANCELLED, [name, to_db(now)])


def batch_ready(connection: Connection, name: str, why: str, *, now: datetime) -> None:
    """The analysis of its date may run."""
    connection.execute(_READY, [name, to_db(now), why])


def close_batch(connection: Connection, name: str, *, now: datetime) -> None:
    """Its date waits for it no more."""
    connection.execute(_CLOSED, [name, to_db(now)])


def book_batch(connection: Connection, name: str, calls: Sequence[ModelCall], *, now: datetime) -> None:
    """Write down what it has cost; the same calls again are the same lines."""
    for call in calls:
        record_call(connection, call)
    connection.execute(_BOOKED, [name, to_db(now)])
