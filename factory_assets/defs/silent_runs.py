"""The sensor `silent_runs`: ends runs whose host is gone, or cut off from the registry that the hosts share.

Dagster leaves the runs of a killed Celery worker started for ever, with their slots
(https://github.com/dagster-io/dagster/pull/33493). So each run gives signs of life (defs/executor.py).

Dagster has one time for all runs to start in, which is hours where builds wait at a broker for a free worker
(cli/configuration.py). So a run whose process should be there by now is looked after here too, and so is one whose
message is at the broker no more: it was lost with the broker, or with a worker that was killed before it had begun.
"""

from __future__ import annotations

import dagster as dg

from factory_assets.defs.celery_broker import Waiting
from factory_assets.defs.dagster_private.core import GRPC_INFO_TAG
from factory_assets.defs.elsewhere import TASK_TAG, has_begun
from factory_assets.defs.ticks import is_tick
from factory_assets.registry import Registry, SilentRun

# What waits in the queue has no worker.
_EXECUTED = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
STARTS_WITHIN_SECONDS = 180.0
"""How long a process that was started may take to begin with its run: Dagster's own default of a run."""


def end_silent_runs(
    instance: dg.DagsterInstance, registry: Registry, waiting: Waiting | None = None
) -> list[SilentRun]:
    """Report runs as failed of which nothing was heard for too long, and free their slots and specs.

    The registry comes first: what has come back after all can write nothing more, whatever Dagster says of its run.
    `waiting` tells what waits at the broker; None where there is none.
    """
    runs, without = _by_process(instance, waiting)
    if without:
        registry.runs.note_waiting([run.run_id for run in without])
    if runs:
        registry.runs.note_seen([run.run_id for run in runs])
    ended = []
    for silent in _silent(runs, registry):
        given_up = registry.runs.give_up(silent.run_id)
        # Read anew: what has ended in between has said how.
        run = instance.get_run_by_id(silent.run_id)
        if given_up is None or run is None or run.is_finished:
            continue
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, _words(given_up))
        else:
            instance.report_run_failed(run, _words(given_up))
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        ended.append(given_up)
    _forget_ended(instance, registry)
    return ended


def _forget_ended(instance: dg.DagsterInstance, registry: Registry) -> None:
    """The same for silent runs that Dagster's own monitoring, or a person, has ended: it knows of no registry."""
    for run_id in registry.runs.all_silent():
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            registry.runs.give_up(run_id)


def build_silent_runs(waiting: Waiting | None = None) -> dg.SensorDefinition:
    """The sensor, on from the start. It launches nothing: what is queued again is launched like all else.

    `waiting` is as in `end_silent_runs`.
    """

    @dg.sensor(
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Ends the runs of a host that nothing was heard of for two minutes, and those whose process did not come up"
            " in three; frees their slots, and puts what they were building back into the queue."
        ),
    )
    def silent_runs(
        context: dg.SensorEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> dg.SkipReason:
        if not is_tick(context):
            silent = _silent(_by_process(context.instance, waiting)[0], registry)
            return dg.SkipReason(" ".join(map(_words, silent)) or "Every run gives signs of life.")
        ended = end_silent_runs(context.instance, registry.writing(), waiting)
        return dg.SkipReason(" ".join(map(_words, ended)) or "Every run gives signs of life.")

    return silent_runs


def _silent(runs: list[dg.DagsterRun], registry: Registry) -> list[SilentRun]:
    starting = {run.run_id for run in runs if run.status not in _EXECUTED}
    return [
        silent
        for silent in registry.runs.silent([run.run_id for run in runs])
        if silent.run_id not in starting or silent.seconds >= STARTS_WITHIN_SECONDS
    ]


def _by_process(
    instance: dg.DagsterInstance, waiting: Waiting | None
) -> tuple[list[dg.DagsterRun], list[dg.DagsterRun]]:
    """The runs that should have a process by now, and those that wait for a free worker or for a pod.

    While the broker does not answer, a run that may wait there is neither.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, *_EXECUTED]))
    # After the runs: the message of one that is seen as handed over was at the broker before.
    tasks = waiting() if waiting is not None and any(run.status not in _EXECUTED for run in runs) else None
    should_have, waits = list[dg.DagsterRun](), list[dg.DagsterRun]()
    for run in runs:
        is_taken = tasks is not None and run.tags.get(TASK_TAG) not in tasks
        if run.status in _EXECUTED or GRPC_INFO_TAG in run.tags or is_taken or has_begun(instance, run):
            should_have.append(run)
        elif waiting is None or tasks is not None:
            waits.append(run)
    return should_have, waits


def _words(silent: SilentRun) -> str:
    if silent.host is None:
        return (
            f"Run {silent.run_id[:8]}: for {silent.seconds:.0f} s no process has begun to execute it, though one was"
            " started, or its message was taken from the broker. The run ends here, its slot is free, and what it was"
            " to do may be launched again."
        )
    return (
        f"Run {silent.run_id[:8]}: nothing was heard of its worker, process {silent.pid} on {silent.host}, for"
        f" {silent.seconds:.0f} s, so that its host is gone, or cut off from the registry. The run ends here, and its"
        " slot is free. What it was building is back in the queue and goes on at the first phase that is not done;"
        " should the host come back, it can write nothing more."
    )
