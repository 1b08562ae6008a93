"""The sensor `silent_runs`: ends runs whose host is gone, or cut off from the registry that the hosts share.

Dagster leaves the runs of a killed Celery worker started for ever, with their slots
(https://github.com/dagster-io/dagster/pull/33493). So each run gives signs of life (defs/executor.py).
"""

from __future__ import annotations

import dagster as dg

from factory_assets.defs.ticks import is_tick
from factory_assets.registry import Registry, SilentRun

# What only starts is ended by Dagster's own monitoring, and what waits in the queue has no worker.
_EXECUTED = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def end_silent_runs(instance: dg.DagsterInstance, registry: Registry) -> list[SilentRun]:
    """Report runs as failed of which nothing was heard for too long, and free their slots and specs.

    The registry comes first: what has come back after all can write nothing more, whatever Dagster says of its run.
    """
    run_ids = _executed(instance)
    if not run_ids:
        return []
    registry.runs.note_seen(run_ids)
    ended = []
    for silent in registry.runs.silent(run_ids):
        given_up = registry.runs.give_up(silent.run_id)
        # Read anew: what has ended in between has said how.
        run = instance.get_run_by_id(silent.run_id)
        if given_up is None or run is None or run.status not in _EXECUTED:
            continue
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, _words(given_up))
        else:
            instance.report_run_failed(run, _words(given_up))
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        ended.append(given_up)
    return ended


def build_silent_runs() -> dg.SensorDefinition:
    """The sensor, on from the start. It launches nothing: what is queued again is launched like all else."""

    @dg.sensor(
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Ends the runs of a host that nothing was heard of for two"
            " minutes, frees their slots, and puts what they were building back into the queue."
        ),
    )
    def silent_runs(
        context: dg.SensorEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> dg.SkipReason:
        if not is_tick(context):
            silent = registry.runs.silent(_executed(context.instance))
            return dg.SkipReason(" ".join(map(_words, silent)) or "Every run gives signs of life.")
        ended = end_silent_runs(context.instance, registry.writing())
        return dg.SkipReason(" ".join(map(_words, ended)) or "Every run gives signs of life.")

    return silent_runs


def _executed(instance: dg.DagsterInstance) -> list[str]:
    runs = instance.get_runs(dg.RunsFilter(statuses=list(_EXECUTED)))
    return [run.run_id for run in runs]


def _words(silent: SilentRun) -> str:
    worker = f"its worker, process {silent.pid} on {silent.host}," if silent.host else "its worker"
    return (
        f"Run {silent.run_id[:8]}: nothing was heard of {worker} for {silent.seconds:.0f} s, so that its host is gone,"
        " or cut off from the registry. The run ends here, and its slot is free. What it was building is back in the"
        " queue and goes on at the first phase that is not done; should the host come back, it can write nothing more."
    )
