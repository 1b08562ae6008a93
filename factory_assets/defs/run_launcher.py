"""Dagster's way to start a run, which the factory's dagster.yaml names: a run is dead only when its process is.

A code server that answers but has no code to run (it loads, failed to load, or is about to end) counts as one that is
away: the run goes back into the queue, as often as `max_user_code_failure_retries` of dagster.yaml says. And whether a
worker lives Dagster's own launcher leaves to the code server that started it; a worker that outlives its code server is
watched by nobody then: when it dies, its run would hold its slot until the time limit of a run.
"""

from __future__ import annotations

from dagster import DagsterRun, DefaultRunLauncher

from factory_assets.defs.dagster_private.core import (
    CheckRunHealthResult,
    DagsterLaunchFailedError,
    DagsterUserCodeUnreachableError,
    LaunchRunContext,
    WorkerStatus,
)
from factory_assets.defs.storage import registry_of
from factory_assets.defs.workers import has_died
from factory_assets.domain.errors import FactoryError


class FactoryRunLauncher(DefaultRunLauncher):
    """Starts runs on the code server, in a process each, which the daemon's run monitoring looks after."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run.

        Raises:
            DagsterUserCodeUnreachableError: no process was started for it, so it may be tried again.
        """
        try:
            super().launch_run(context)
        except DagsterLaunchFailedError as error:
            told = error.serializable_error_info
            raise DagsterUserCodeUnreachableError(
                f"The code server did not start the run: {told.message if told else error}"
            ) from error

    @property
    def supports_check_run_worker_health(self) -> bool:
        """The daemon asks for the health of every run that has started."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """A run is dead only when its process is."""
        try:
            registry = registry_of(self._instance)
        except FactoryError as error:
            return CheckRunHealthResult(
                WorkerStatus.UNKNOWN, f"where the registry is cannot be told: {error}"
            )
        if has_died(self._instance, run, registry):
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its process has ended")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
