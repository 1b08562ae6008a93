"""How long a tick takes in a process that stands: what the daemon asks of the code server each minute."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import dagster as dg

from bench.instances import BenchInstance
from factory_assets.build_defs import build_defs

TIMES = 9
SENSORS = ("queued_specs", "imported_specs", "alerts")
SCHEDULES = ("gather_hourly", "analyze_daily", "build_daily", "mirror_nightly")


def tick_seconds(
    made: BenchInstance, *, sensors: Iterable[str] = SENSORS, schedules: Iterable[str] = SCHEDULES
) -> dict[str, float]:
    """The median seconds of each tick's evaluation, by the name of the sensor or schedule."""
    repository = build_defs(made.settings).get_repository_def()
    resources = repository.get_top_level_resources()
    found: dict[str, float] = {}
    with dg.DagsterInstance.get() as storage:
        for name in sensors:
            sensor = repository.get_sensor_def(name)

            def tick_sensor(sensor: dg.SensorDefinition = sensor) -> None:
                with dg.SensorEvaluationContext(
                    storage.get_ref(),
                    log_key=[sensor.name, "1"],
                    repository_def=repository,
                    resources=resources,
                ) as context:
                    sensor.evaluate_tick(context)

            found[name] = median(tick_sensor)
        for name in schedules:
            schedule = repository.get_schedule_def(name)

            def tick_schedule(schedule: dg.ScheduleDefinition = schedule) -> None:
                with dg.ScheduleEvaluationContext(
                    storage.get_ref(),
                    datetime.now(UTC),
                    log_key=[schedule.name, "1"],
                    repository_def=repository,
                    resources=resources,
                ) as context:
                    schedule.evaluate_tick(context)

            found[name] = median(tick_schedule)
    return found


def median(work: Callable[[], None]) -> float:
    """The median seconds of it, after once without the clock."""
    work()
    seconds = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
