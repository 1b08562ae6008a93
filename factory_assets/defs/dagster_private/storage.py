"""The tables of events and reports, and storages: SQLAlchemy is slow to import."""

from __future__ import annotations

from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.runs.schema import DaemonHeartbeatsTable

__all__ = [
    "AssetCheckExecutionsTable",
    "DaemonHeartbeatsTable",
    "SqlEventLogStorage",
    "SqliteRunStorage",
]
