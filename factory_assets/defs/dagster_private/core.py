"""Backfills, runs, tags and what their errors are called."""

from __future__ import annotations

from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.definitions.executor_definition import IN_PROC_CONFIG
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.errors import (
    DagsterDefinitionChangedDeserializationError,
    DagsterLaunchFailedError,
    DagsterUserCodeUnreachableError,
)
from dagster._core.events import DagsterEvent, EngineEventData, StepMaterializationData
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor
from dagster._core.instance import InstanceRef
from dagster._core.launcher import LaunchRunContext
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    GRPC_INFO_TAG,
    PARTITION_NAME_TAG,
)
from dagster._core.utils import make_new_run_id
from dagster._serdes import ConfigurableClassData

__all__ = [
    "ASSET_PARTITION_RANGE_END_TAG",
    "ASSET_PARTITION_RANGE_START_TAG",
    "BACKFILL_ID_TAG",
    "DATA_VERSION_TAG",
    "GRPC_INFO_TAG",
    "IN_PROC_CONFIG",
    "NOT_FINISHED_STATUSES",
    "PARTITION_NAME_TAG",
    "AssetBackfillData",
    "BaseAssetGraph",
    "BulkActionStatus",
    "BulkActionsFilter",
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "DagsterDefinitionChangedDeserializationError",
    "DagsterEvent",
    "DagsterLaunchFailedError",
    "DagsterUserCodeUnreachableError",
    "EngineEventData",
    "ExecutionPlan",
    "InProcessExecutor",
    "InstanceRef",
    "LaunchRunContext",
    "PartitionBackfill",
    "PlanOrchestrationContext",
    "RetryMode",
    "StepMaterializationData",
    "UnresolvedAssetJobDefinition",
    "WorkerStatus",
    "make_new_run_id",
]
