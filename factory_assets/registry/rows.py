"""Rows to models and back: named columns, and times as the registry keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.papers import as_utc
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.registry.database import Connection

Row = dict[str, Any]


def fetch(connection: Connection, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
    """All rows of a query, by column name."""
    cursor = connection.execute(sql, list(parameters))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fetch_one(connection: Connection, sql: str, parameters: Sequence[object] = ()) -> Row | None:
    """The only row of a query, or None."""
    rows = fetch(connection, sql, parameters)
    return rows[0] if rows else None


def to_db(moment: datetime) -> datetime:
    """The moment in UTC without its zone, as every TIMESTAMP column holds it."""
    return as_utc(moment).replace(tzinfo=None)


def from_db(moment: datetime) -> datetime:
    """The moment of a TIMESTAMP column, in UTC."""
    return moment.replace(tzinfo=UTC)


def queued_spec(row: Row) -> QueuedSpec:
    """A row of the view queued_specs."""
    times = {
        name: from_db(row[name])
        for name in ("queued_at", "started_at", "shipped_at", "not_before")
        if row[name] is not None
    }
    return QueuedSpec(
        id=row["id"],
        spec=Spec.model_validate_json(row["spec"]),
        day=row["day"],
        rank=row["rank"],
        status=BuildStatus(row["status"]),
        attempts=row["attempts"],
        run_id=row["run_id"],
        error_log=row["error_log"],
        wait_cause=WaitCause(row["wait_cause"]) if row["wait_cause"] else None,
        wait_limit_usd=row["wait_limit_usd"],
        waits=row["waits"],
        **times,
    )
