"""Hands builds to the machines where `factory worker` runs, through Redis; dagster.yaml names it where a broker is set.

All other runs stay with the daemon's code server. They take seconds to minutes and work on folders of that machine:
the archive, full texts, reports. So a build of hours never keeps one of them waiting for a free worker.

What differs from Dagster's own `CeleryRunLauncher` (dagster-celery 0.29.27), which does the handing over:
a broker that is away puts the run back into the queue; a run is cancelled through the database, and so ends as
cancelled, where Dagster's would kill the process and have it end as failed; and whether a run lives is asked of its
signs of life in the registry, since the state that Celery keeps stays "started" for ever when a worker is killed.
"""

from __future__ import annotations

from functools import cached_property

from dagster import DagsterRun, DagsterRunStatus
from dagster_celery.launcher import CeleryRunLauncher
from kombu.exceptions import OperationalError

from factory_assets.defs.celery_app import app_arguments
from factory_assets.defs.dagster_private.core import (
    DagsterUserCodeUnreachableError,
    LaunchRunContext,
)
from factory_assets.defs.elsewhere import has_begun, is_elsewhere
from factory_assets.defs.pools import BUILD_POOL
from factory_assets.defs.run_launcher import FactoryRunLauncher
from factory_assets.settings import load_settings


class FactoryCeleryLauncher(FactoryRunLauncher):
    """Starts builds on workers, and other runs where the daemon is."""

    @cached_property
    def _workers(self) -> CeleryRunLauncher:
        launcher = CeleryRunLauncher(**app_arguments(load_settings()))
        launcher.register_instance(self._instance)
        return launcher

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run, or hand it over.

        Raises:
            DagsterUserCodeUnreachableError: it was neither started nor handed over, so it may be tried again.
        """
        if not _is_build(context.dagster_run):
            super().launch_run(context)
            return
        try:
            self._workers.launch_run(context)
        except OperationalError as error:
            raise DagsterUserCodeUnreachableError(
                f"The broker (FACTORY_CELERY_BROKER) did not take the run: {error}"
            ) from error

    def terminate(self, run_id: str) -> bool:
        """Cancel the run. One at a worker sees it in the database within seconds."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or not is_elsewhere(run):
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        if run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        if run.status is DagsterRunStatus.STARTING and not has_begun(self._instance, run):
            self._instance.report_run_canceled(run, "No worker had begun with it.")
        return True


def _is_build(run: DagsterRun) -> bool:
    """Whether all that it does is build: a run over several stages stays with the archive."""
    pools = run.run_op_concurrency.all_pools if run.run_op_concurrency else None
    return pools == {BUILD_POOL}
