"""Dagster's way to start a run, which the factory's dagster.yaml names, with a way to tell whether its worker lives.

Dagster's own leaves that to the code server that started the worker. A worker that outlives its code server is watched
by nobody then: when it dies, its run would hold its slot until the time limit of a run.
"""

from __future__ import annotations

from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.dagster_run import DagsterRun

from factory_assets.defs.workers import has_died


class FactoryRunLauncher(DefaultRunLauncher):
    """Starts runs on the code server, in a process each, which the daemon's run monitoring looks after."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """The daemon asks for the health of every run that has started."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """A run is dead only when its process is."""
        if has_died(self._instance, run):
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its process has ended")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
