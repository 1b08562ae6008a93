"""Builds that the queue still shows at work although their run has ended: its worker could not say so any more."""

from __future__ import annotations

import dagster as dg

from factory_assets.defs.dagster_private.core import NOT_FINISHED_STATUSES
from factory_assets.domain.builds import IN_PROGRESS
from factory_assets.registry import Registry


def lost_builds(instance: dg.DagsterInstance, registry: Registry) -> dict[str, str]:
    """How the run ended of each repo whose build is at work by the queue alone, by name.

    A worker that is asked to end gives its spec back itself; one that is killed cannot.
    """
    runs_of = {
        queued.spec.name: queued.run_id
        for queued in registry.queue.specs(IN_PROGRESS)
        if queued.run_id is not None
    }
    if not runs_of:
        return {}
    runs = instance.get_runs(dg.RunsFilter(run_ids=sorted(set(runs_of.values()))))
    statuses = {run.run_id: run.status for run in runs}
    return {
        name: f"its run was {_ended(statuses.get(run_id))}"
        for name, run_id in runs_of.items()
        if statuses.get(run_id) not in NOT_FINISHED_STATUSES
    }


def _ended(status: dg.DagsterRunStatus | None) -> str:
    match status:
        case dg.DagsterRunStatus.CANCELED:
            return "cancelled"
        case None:
            return "deleted"
        case _:
            return "broken off"
