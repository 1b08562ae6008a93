"""The run coordinator, a plug-in that dagster.yaml names: Dagster's queue, which ranks without a spec never enter."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext

from factory_assets.defs.empty_ranks import BackfillAtWork, EmptyRanks, answer_ahead, answer_run, asked_of_run
from factory_assets.registry import Registry
from factory_assets.settings import REGISTRY_FILE


class FactoryRunCoordinator(QueuedRunCoordinator[dg.DagsterInstance]):
    """Queues runs as Dagster does, and ends those of ranks without a spec when they are submitted.

    It works in whatever process submits: the daemon, the web server, a command. The registry is the one beside the
    instance's own storage, because dagster.yaml puts all of that into FACTORY_DATA_DIR.
    """

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """See RunCoordinator."""
        run = context.dagster_run
        if run.status is dg.DagsterRunStatus.NOT_STARTED and self._is_answered(context):
            return self._instance.get_run_by_id(run.run_id) or run
        return super().submit_run(context)

    def _is_answered(self, context: SubmitRunContext) -> bool:
        run = context.dagster_run
        asked = asked_of_run(run)
        path = Path(self._instance.root_directory) / REGISTRY_FILE
        if asked is None or not path.exists():
            return False
        graph = context.workspace.asset_graph
        empty = EmptyRanks(self._instance, Registry(path), graph, self._logger.warning)
        at_work = BackfillAtWork.of(self._instance, run, graph)
        is_empty = empty.hold(asked)
        if is_empty:
            answer_run(self._instance, run, asked, at_work)
        if at_work is not None:
            answer_ahead(self._instance, run, empty, at_work)
        return is_empty
