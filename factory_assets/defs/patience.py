"""How Dagster queues and starts runs here, as dagster.yaml names it: what needs the code waits while that is away.

So long as a code location does not load, Dagster by itself fails every backfill in flight and cancels its runs, and
fails the runs that a code server without code is asked to start.
"""

from __future__ import annotations

import os

import dagster as dg
from dagster._core.errors import DagsterLaunchFailedError, DagsterUserCodeUnreachableError
from dagster._core.launcher import LaunchRunContext

# Read in Dagster 1.13.27, dagster/_core/execution/asset_backfill.py: any value lets a backfill wait.
_BACKFILLS_WAIT = "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR"


class PatientRunCoordinator(dg.QueuedRunCoordinator):
    """Dagster's queue of runs, in a process that lets backfills wait.

    The switch is looked for in the daemon's own environment alone. Each daemon makes its coordinator before it looks
    at a backfill, whoever has started it and wherever, so it is set here.
    """

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Called once, where the instance is first asked for its coordinator."""
        os.environ.setdefault(_BACKFILLS_WAIT, "1")
        super().register_instance(instance)


class PatientRunLauncher(dg.DefaultRunLauncher):
    """Starts runs in the code server, as Dagster's own launcher does.

    A code server that answers but has no code to run (it loads, failed to load, or is about to end) counts as one that
    is away: the run goes back into the queue, as often as `max_user_code_failure_retries` of dagster.yaml says.
    """

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
