"""The run coordinator, a plug-in that dagster.yaml names: Dagster's queue, which ranks without a spec never enter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._config.config_schema import UserConfigSchema
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._serdes import ConfigurableClassData
from typing_extensions import Self

from factory_assets.defs.empty_ranks import BackfillAtWork, EmptyRanks, answer_ahead, answer_run, asked_of_run
from factory_assets.registry import Registry
from factory_assets.settings import REGISTRY_FILE

_DATA_DIR = "data_dir"


class FactoryRunCoordinator(QueuedRunCoordinator[dg.DagsterInstance]):
    """Queues runs as Dagster does, and ends those of ranks without a spec when they are submitted.

    It works in whatever process submits: the daemon, the web server, a command. In dagster.yaml it takes what
    QueuedRunCoordinator takes, and `data_dir`, the folder of the instance's registry.
    """

    def __init__(self, data_dir: str, inst_data: ConfigurableClassData | None = None, **queue: Any) -> None:
        super().__init__(inst_data=inst_data, **queue)
        self._registry = Registry(Path(data_dir) / REGISTRY_FILE)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """See ConfigurableClass."""
        return {**super().config_type(), _DATA_DIR: dg.Field(dg.StringSource)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """See ConfigurableClass."""
        return cls(inst_data=inst_data, **config_value)

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """See RunCoordinator."""
        run = context.dagster_run
        if run.status is dg.DagsterRunStatus.NOT_STARTED and self._is_answered(context):
            return self._instance.get_run_by_id(run.run_id) or run
        return super().submit_run(context)

    def _is_answered(self, context: SubmitRunContext) -> bool:
        run = context.dagster_run
        asked = asked_of_run(run)
        if asked is None:
            return False
        graph = context.workspace.asset_graph
        empty = EmptyRanks(self._instance, self._registry, graph, self._logger.warning)
        at_work = BackfillAtWork.of(self._instance, run, graph)
        is_empty = empty.hold(asked)
        if is_empty:
            answer_run(self._instance, run, asked, at_work)
        if at_work is not None:
            answer_ahead(self._instance, run, empty, at_work)
        return is_empty
