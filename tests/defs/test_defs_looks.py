"""Somebody who only looks at a schedule or sensor is told what the next tick would do, and changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from automation_ticks import (
    MONDAY_LATER,
    WEDNESDAY,
    gather,
    queue_two,
    repos,
    sense,
    spec_named,
    spend,
    start_run,
    tick,
)
from defs_factory import DefsFactory
from test_defs_holds import slots, stop
from test_defs_queue import FIRST_RUN, cancel

from factory_assets.build_defs import build_defs
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import InfrastructureError
from factory_assets.registry import Registry


def look_at_sensor(factory: DefsFactory) -> list[dg.RunRequest] | str:
    return sense(factory, number=None)


def look_at(factory: DefsFactory, name: str, at: datetime = MONDAY_LATER) -> list[dg.RunRequest] | str:
    return tick(factory, name, at, number=None)


def test_a_look_takes_no_launch_from_the_tick_that_follows_it(kept: DefsFactory) -> None:
    queue_two(kept)
    assert repos(look_at(kept, "build_daily")) == ["cache-probe", "tree-probe"]
    assert repos(look_at_sensor(kept)) == ["cache-probe", "tree-probe"]
    assert kept.registry.launches.asked_for() == {}
    assert repos(sense(kept)) == ["cache-probe", "tree-probe"]
    # What a tick has taken, a look sees as taken.
    assert look_at_sensor(kept) == "Another tick or command is launching what is queued."
    assert look_at(kept, "build_daily") == "Another tick or command is launching what is queued."


def test_a_look_puts_off_nothing_that_was_cancelled_and_tells_that_the_next_tick_will(
    kept: DefsFactory,
) -> None:
    queue_two(kept)
    start_run(kept, "cache-probe", dg.DagsterRunStatus.QUEUED, run_id=FIRST_RUN)
    cancel(kept, "cache-probe")
    before = spec_named(kept, "cache-probe")
    assert repos(look_at_sensor(kept)) == ["tree-probe"]
    assert repos(look_at(kept, "build_daily")) == ["tree-probe"]
    spend(kept, 49.0, at=datetime.now(UTC))
    assert "put off: 1 (cancelled by hand)" in look_at_sensor(kept)
    assert spec_named(kept, "cache-probe") == before
    run = kept.instance.get_run_by_id(FIRST_RUN)
    assert run is not None
    assert "factory/cancel-seen" not in run.tags
    sense(kept)
    assert spec_named(kept, "cache-probe").wait_cause is WaitCause.CANCELLED


def test_a_look_tells_of_a_full_day_and_leaves_the_alert_to_the_tick(factory: DefsFactory) -> None:
    queue_two(factory)
    now = datetime.now(UTC)
    spend(factory, 49.0, at=now)
    assert "for budget: 2" in look_at_sensor(factory)
    assert factory.registry.alerts.due(now) == []
    sense(factory)
    assert len(factory.registry.alerts.due(datetime.now(UTC))) == 1


def test_a_look_lifts_no_stop_and_tries_no_credential(factory: DefsFactory) -> None:
    queue_two(factory)
    stop(factory, minutes_ago=11)
    factory.credential.accepted = frozenset({"good", "expired"})
    standing = factory.registry.holds.standing()
    assert "401" in look_at_sensor(factory)
    # One that is fixed without anybody's asking is seen as such.
    factory.credential.value = "renewed"
    assert repos(look_at_sensor(factory)) == ["cache-probe", "tree-probe"]
    assert factory.registry.holds.standing() == standing
    assert slots(factory) == 0
    assert factory.credential.probes == 0


def test_a_look_at_dates_whose_analysis_keeps_failing_leaves_the_alert_to_the_tick(kept: DefsFactory) -> None:
    gather(kept, WEDNESDAY)
    day = {"dagster/partition": WEDNESDAY.isoformat()}
    start_run(kept, "", dg.DagsterRunStatus.FAILURE, job="analyze", tags=day)
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    assert "2026-06-17 failed 1 times" in look_at(kept, "analyze_daily", in_an_hour)
    assert kept.registry.alerts.due(in_an_hour) == []
    tick(kept, "analyze_daily", in_an_hour)
    assert len(kept.registry.alerts.due(in_an_hour)) == 1


def test_a_registry_for_reading_tells_what_is_there_and_refuses_every_write(factory: DefsFactory) -> None:
    queue_two(factory)
    reading: Registry = factory.registry.reading()
    queued = reading.queue.named("cache-probe")
    assert queued is not None
    with pytest.raises(InfrastructureError, match="read-only"):
        reading.launches.claim({"cache-probe": "key"}, settled={}, now=datetime.now(UTC))
    with pytest.raises(InfrastructureError, match="read-only"):
        reading.builds.start(queued.id, run_id="run", now=datetime.now(UTC))
    assert factory.registry.queue.named("cache-probe") == queued
    assert reading.writing().launches.claim({"cache-probe": "key"}, settled={}, now=datetime.now(UTC))


def test_schedules_and_sensors_are_given_a_registry_that_refuses_writes(factory: DefsFactory) -> None:
    queue_two(factory)
    given = build_defs(factory.settings).get_repository_def().get_top_level_resources()["registry"]
    with (
        dg.build_resources({"registry": given}) as resources,
        pytest.raises(InfrastructureError, match="read-only"),
    ):
        resources.registry.queue.requeue(spec_named(factory, "cache-probe").id)
