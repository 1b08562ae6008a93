"""How a run is executed: in one process, as by Dagster's own executor, with signs of life of it in the registry."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from factory_assets.defs.dagster_private.core import (
    IN_PROC_CONFIG,
    DagsterEvent,
    ExecutionPlan,
    InProcessExecutor,
    PlanOrchestrationContext,
    RetryMode,
)
from factory_assets.defs.workers import signs_of_life
from factory_assets.registry import Registry


class _LivingExecutor(InProcessExecutor):
    """Gives signs of life while the steps are executed. An executor is one of Dagster's plug-ins."""

    def __init__(self, registry: Registry, retries: RetryMode) -> None:
        super().__init__(retries)
        self._registry = registry

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[DagsterEvent]:
        """See Executor. A run that was given up meanwhile fails at its end, whatever it came to."""
        with signs_of_life(self._registry, plan_context.run_id):
            yield from super().execute(plan_context, execution_plan)


def build_executor(registry: Registry) -> dg.ExecutorDefinition:
    """What every job of the factory is executed by."""

    def living(context: dg.InitExecutorContext) -> dg.Executor:
        usual = dg.in_process_executor.executor_creation_fn
        return _LivingExecutor(registry, usual(context).retries if usual else RetryMode.ENABLED)

    return dg.ExecutorDefinition(
        name=dg.in_process_executor.name,
        config_schema=IN_PROC_CONFIG,
        executor_creation_fn=living,
        description="One process executes all steps, and says in a shared registry that it lives.",
    )
