"""The daemon and its parts."""

from __future__ import annotations

from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from dagster._daemon.controller import create_daemon_of_type, daemon_controller_from_instance
from dagster._daemon.daemon import DagsterDaemon, MonitoringDaemon
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._daemon.types import DaemonHeartbeat
from dagster._serdes import serialize_value

__all__ = [
    "DaemonHeartbeat",
    "DagsterDaemon",
    "EventLogConsumerDaemon",
    "MonitoringDaemon",
    "QueuedRunCoordinatorDaemon",
    "create_daemon_of_type",
    "daemon_controller_from_instance",
    "serialize_value",
]
