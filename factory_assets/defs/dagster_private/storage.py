"""The event log's tables: SQLAlchemy is slow to import."""

from __future__ import annotations

from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

__all__ = [
    "AssetCheckExecutionsTable",
    "SqlEventLogStorage",
]
