"""What the tests use of Dagster beyond its public interface and what the factory uses, as it stands in 1.13.27."""

from __future__ import annotations

from dagster._cli.sensor import sensor_cli
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.events import EngineEventData
from dagster._core.execution.asset_backfill import execute_asset_backfill_iteration
from dagster._core.execution.backfill import cancel_backfill_runs_and_cancellation_complete
from dagster._core.loader import LoadingContextForTest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionResolvedStatus
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.test_utils import freeze_time
from dagster._core.utils import make_new_backfill_id
from dagster._core.workspace.context import WorkspaceRequestContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster._utils.error import SerializableErrorInfo
from dagster._utils.schedules import is_valid_cron_string, schedule_execution_time_iterator

# Each of them makes an engine by its name `create_engine` for every connection.
ENGINE_MAKERS = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)

__all__ = [
    "ENGINE_MAKERS",
    "AssetCheckExecutionResolvedStatus",
    "AssetGraphSubset",
    "AssetKeyPartitionKey",
    "CachingStaleStatusResolver",
    "EmptyWorkspaceTarget",
    "EngineEventData",
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorType",
    "LoadingContextForTest",
    "RegisteredCodeLocationOrigin",
    "RemoteJobOrigin",
    "RemoteRepositoryOrigin",
    "ScheduleInstigatorData",
    "SensorInstigatorData",
    "SerializableErrorInfo",
    "StaleStatus",
    "TickData",
    "TickStatus",
    "WorkspaceRequestContext",
    "cancel_backfill_runs_and_cancellation_complete",
    "execute_asset_backfill_iteration",
    "execute_sensor_iteration",
    "freeze_time",
    "get_and_update_asset_status_cache_value",
    "is_valid_cron_string",
    "launch_scheduled_runs",
    "make_new_backfill_id",
    "schedule_execution_time_iterator",
    "sensor_cli",
]
