"""The alerts that the operator was told of, or is to be told of."""

from __future__ import annotations

from datetime import datetime

from factory_assets.domain.alerts import Alert, KnownAlert
from factory_assets.registry.database import Connection
from factory_assets.registry.rows import fetch, from_db, to_db

_NOTE = """
INSERT INTO alerts (cause, title, text, link, times, first_at, last_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (cause) DO UPDATE SET
    title = excluded.title, text = excluded.text, link = excluded.link, times = alerts.times + excluded.times,
    first_at = CASE WHEN alerts.times = 0 THEN excluded.first_at ELSE alerts.first_at END,
    last_at = excluded.last_at
WHERE CAST($7 AS TIMESTAMP) IS NULL OR alerts.last_at NOT BETWEEN CAST($7 AS TIMESTAMP) AND $6
"""


def note_alert(
    connection: Connection,
    alert: Alert,
    *,
    now: datetime,
    times: int = 1,
    unless_since: datetime | None = None,
) -> None:
    """Count it under its cause, unless it was noted since then already; the latest text and link stand."""
    since = None if unless_since is None else to_db(unless_since)
    connection.execute(_NOTE, [alert.cause, alert.title, alert.text, alert.link, times, to_db(now), since])


def due_alerts(connection: Connection, now: datetime) -> list[KnownAlert]:
    """The alerts to tell now, the oldest first."""
    known = []
    for row in fetch(connection, "SELECT * FROM alerts WHERE times > 0 ORDER BY first_at, cause"):
        moments = {
            name: from_db(row[name]) for name in ("first_at", "last_at", "sent_at") if row[name] is not None
        }
        known.append(KnownAlert(**{**row, "sent_at": None, **moments}))
    return [alert for alert in known if alert.is_due(now)]


def mark_told(connection: Connection, cause: str, *, now: datetime) -> None:
    """Remember that it was told, and count from 0 again."""
    connection.execute("UPDATE alerts SET times = 0, sent_at = $1 WHERE cause = $2", [to_db(now), cause])
