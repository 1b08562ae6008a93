"""Analysis by the Message Batches API: a job that asks about a date together, and the sensor that looks after it.

A run that waited for a batch would hold its slot for hours, so none does: the job's run ends as soon as the batch is
made, and leaves an observation on the date of `specs`. Once the batch has ended, or is late, the sensor launches the
analysis, which takes from it what it has brought.
"""

from collections.abc import Iterator
from datetime import date, datetime

import dagster as dg

from factory_assets.defs.externals import SPECS
from factory_assets.defs.jobs import ANALYZE_JOB, BATCH_JOB, AnyJob
from factory_assets.defs.partitions import Partitions
from factory_assets.defs.runs import OUTCOME_TAG, RunOutcome, failure
from factory_assets.defs.stages import InstanceParts
from factory_assets.defs.ticks import log, pen
from factory_assets.defs.waits import held
from factory_assets.domain.batches import AnalysisBatch, Step, after_look, next_step
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import FactoryError
from factory_assets.instance.batching import Batching
from factory_assets.registry import Registry

SENSOR = "message_batches"


def build_batch_job(partitions: Partitions, executor: dg.ExecutorDefinition) -> dg.JobDefinition:
    """The job over dates; as a backfill it asks about many at half the price."""

    @dg.op(description="Ask about a date's papers in a message batch, and end.")
    def ask_in_a_batch(context: dg.OpExecutionContext, instance: dg.ResourceParam[InstanceParts]) -> None:
        day = date.fromisoformat(context.partition_key)
        try:
            batch = instance.batching.submit(
                day,
                context.run_id,
                is_alive=lambda run_id: _is_alive(context.instance, run_id),
                notify=context.log.info,
            )
        except FactoryError as error:
            raise failure(error) from error
        context.log.info(batch.words)
        context.log_event(
            dg.AssetObservation(
                SPECS, partition=day.isoformat(), description=batch.words, metadata=_told(batch)
            )
        )
        context.instance.add_run_tags(context.run_id, {OUTCOME_TAG: RunOutcome.BATCH.value})

    @dg.job(
        name=BATCH_JOB,
        partitions_def=partitions.dates,
        executor_def=executor,
        tags={"stage": "analyze"},
        description=(
            "Ask about a date's papers by the Message Batches API, at half the price and within a day. The run ends"
            f" at once; the sensor {SENSOR} launches the analysis when the batch has ended, or when it is late"
            " (FACTORY_BATCH_HOURS)."
        ),
    )
    def analyze_by_batch() -> None:
        ask_in_a_batch()

    return analyze_by_batch


def build_batch_sensor(analyze: AnyJob, by_batch: AnyJob) -> dg.SensorDefinition:
    """The sensor, on from the start: what it looks after is paid for."""

    @dg.sensor(
        name=SENSOR,
        jobs=[analyze, by_batch],
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks after the message batches of analyses: launches the analysis of a date when its batch has ended,"
            " cancels one that is late (FACTORY_BATCH_HOURS) and has the date asked about directly, and writes down"
            " what each has cost."
        ),
    )
    def look(
        context: dg.SensorEvaluationContext,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
        clock: dg.ResourceParam[Clock],
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = clock.now()
        batches = registry.batches.unsettled()
        if not batches:
            yield dg.SkipReason("No message batch is under way.")
            return
        if standing := [hold for hold in registry.holds.standing() if hold.stops_analyses]:
            yield dg.SkipReason(held(standing))
            return
        requests: list[dg.RunRequest] = []
        waits: list[str] = []
        for batch in batches:
            try:
                request = _look_after(context, registry, instance.batching, batch, now)
            except FactoryError as error:
                waits.append(f"{batch.day}: {error}")
                continue
            if request is None:
                waits.append(f"{batch.words}.")
            else:
                requests.append(request)
        if not requests:
            yield dg.SkipReason(" ".join(waits))
        elif waits:
            log(context, " ".join(waits))
        yield from requests

    return look


def _look_after(
    context: dg.SensorEvaluationContext,
    registry: Registry,
    batching: Batching,
    batch: AnalysisBatch,
    now: datetime,
) -> dg.RunRequest | None:
    """Do what is to be done about a batch; the run that it needs, if any. Who only looks changes nothing."""
    write = pen(context, registry)
    step, why = _next(context.instance, batching, batch, now)
    match step:
        case Step.MAKE_AGAIN:
            return _request(BATCH_JOB, batch, f"{now:%Y-%m-%d %H}{now.minute // 10}")
        case Step.ANALYSE:
            if write is not None and batch.ready_at is None:
                write.batches.mark_ready(
                    batch.name, why or "the message batch could not be made in time", now=now
                )
            return _request(ANALYZE_JOB, batch, f"{now:%Y-%m-%d}")
        case Step.CANCEL if write is not None:
            batching.cancel(batch)
        case Step.BOOK if write is not None:
            batching.book(batch)
        case Step.CLOSE if write is not None:
            if batch.closed_at is not None:
                write.batches.book(batch.name, [], now=now)
            write.batches.close(batch.name, now=now)
        case _:
            pass
    return None


def _next(
    instance: dg.DagsterInstance, batching: Batching, batch: AnalysisBatch, now: datetime
) -> tuple[Step, str]:
    """What is to be done about a batch, and why where its analysis is."""
    step = next_step(batch, now, is_being_made=_is_alive(instance, batch.run_id))
    if step is not Step.LOOK:
        return step, ""
    try:
        return after_look(batch, now, has_ended=batching.has_ended(batch))
    except FactoryError as error:
        if batch.closed_at is not None or now < batch.late_at:
            raise
        return Step.ANALYSE, f"the message batch {batch.batch_id} cannot be looked at ({error.what})"


def _request(job: str, batch: AnalysisBatch, when: str) -> dg.RunRequest:
    return dg.RunRequest(
        job_name=job, partition_key=batch.day.isoformat(), run_key=f"{job} {batch.name} {when}"
    )


def _is_alive(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and not run.is_finished


def _told(batch: AnalysisBatch) -> dict[str, dg.MetadataValue]:
    return {
        "message batch": dg.MetadataValue.text(batch.batch_id or "none"),
        "asked at": dg.MetadataValue.timestamp(batch.asked_at),
        "asked about directly from": dg.MetadataValue.timestamp(batch.late_at),
        "requests": dg.MetadataValue.int(batch.requests),
        "papers": dg.MetadataValue.int(len(batch.papers)),
        **({"why it is not under way": dg.MetadataValue.text(batch.why)} if batch.why else {}),
    }
