"""Ticks of the schedules and the sensor, evaluated as the daemon does it, and what leads up to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster_private import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from defs_factory import DefsFactory
from defs_fakes import paper_on, spec_on
from registry_samples import call

from factory_assets.domain.builds import Usage
from factory_assets.domain.specs import QueuedSpec

WEDNESDAY, THURSDAY, FRIDAY = date(2026, 6, 17), date(2026, 6, 18), date(2026, 6, 19)
MONDAY_LATER = datetime(2026, 6, 29, 6, tzinfo=UTC)


def queue_two(factory: DefsFactory) -> None:
    """Two specs of Wednesday, cache-probe at rank 1 and tree-probe at rank 2."""
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    factory.analysis.specs[WEDNESDAY] = [spec_on(WEDNESDAY, "cache-probe"), spec_on(WEDNESDAY, "tree-probe")]
    factory.gathering.gather([WEDNESDAY], print)
    factory.analysis.analyze(WEDNESDAY, print)


def gather(factory: DefsFactory, *days: date) -> None:
    """What the runs of `papers` leave behind."""
    factory.gathering.gather(days, print)
    for day in days:
        materialization = dg.AssetMaterialization("papers", partition=day.isoformat())
        factory.instance.report_runless_asset_event(materialization)


def tick(
    factory: DefsFactory, name: str, at: datetime, *, number: str | None = "7"
) -> list[dg.RunRequest] | str:
    """The requests of one tick of a schedule, or the words with which it skips. Without a number nobody ticks."""
    with dg.build_schedule_context(
        instance=factory.instance,
        scheduled_execution_time=at,
        repository_def=factory.defs.get_repository_def(),
        resources={
            "registry": factory.registry.reading(),
            **{name: factory.defs.resources[name] for name in ("instance", "clock")},
        },
    ) as context:
        context._log_key = number_in_log_key(name, number)
        found = factory.defs.resolve_schedule_def(name).evaluate_tick(context)
    assert not (found.run_requests and found.skip_message)
    return list(found.run_requests or []) or found.skip_message or "no word"


def sense(
    factory: DefsFactory, cursor: str | None = None, *, number: str | None = "7"
) -> list[dg.RunRequest] | str:
    """The same for the sensor."""
    with dg.build_sensor_context(
        instance=factory.instance,
        repository_def=factory.defs.get_repository_def(),
        resources={
            "registry": factory.registry.reading(),
            **{name: factory.defs.resources[name] for name in ("instance", "clock")},
        },
        cursor=cursor,
    ) as context:
        context._log_key = number_in_log_key("queued_specs", number)
        found = factory.defs.resolve_sensor_def("queued_specs").evaluate_tick(context)
    assert not (found.run_requests and found.skip_message)
    return list(found.run_requests or []) or found.skip_message or "no word"


def number_in_log_key(name: str, number: str | None) -> list[str]:
    """Where Dagster puts the log of an evaluation: the daemon's by the tick, others by the time."""
    return ["__repository__", name, number or "20260617_060000"]


def open_ended(factory: DefsFactory) -> DefsFactory:
    """The same instance without a last date and with a window of 7 days."""
    settings = factory.settings.model_copy(update={"factory_end_date": None, "factory_gather_window_days": 7})
    return DefsFactory(settings, factory.instance)


def repos(outcome: list[dg.RunRequest] | str) -> list[str]:
    assert isinstance(outcome, list), outcome
    return [request.tags["factory/repo"] for request in outcome]


def start_run(
    factory: DefsFactory,
    repo: str,
    status: dg.DagsterRunStatus,
    *,
    job: str = "build",
    tags: dict[str, str] | None = None,
    **run: object,
) -> None:
    """A run of that repo, or with these tags, which the instance holds in this status."""
    location = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("factory"), "__repository__")
    factory.instance.create_run_for_job(
        factory.defs.resolve_job_def(job),
        status=status,
        tags=tags or {"factory/repo": repo},
        remote_job_origin=RemoteJobOrigin(location, job),
        **run,
    )


def spend(factory: DefsFactory, dollars: float, at: datetime) -> None:
    usage = Usage(calls=1, cost_usd=dollars)
    factory.registry.ledger.record(call(stage="build", usage=usage, at=at))


def spec_named(factory: DefsFactory, name: str) -> QueuedSpec:
    queued = factory.registry.queue.named(name)
    assert queued is not None
    return queued


def minutes_later(factory: DefsFactory) -> None:
    """What ticks have asked for so far is no run, and has been so for some minutes."""
    asked = factory.registry.launches.asked_for()
    long_ago = datetime.now(UTC) - timedelta(minutes=6)
    factory.registry.launches.claim(dict.fromkeys(asked, "long ago"), settled=asked, now=long_ago)
