"""Two weeks of ticks: every schedule and sensor at its simulated times, and the runs that they ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from itertools import takewhile

import dagster as dg
from automation_ticks import number_in_log_key
from dagster_private import freeze_time, schedule_execution_time_iterator
from soak_world import SimulatedArxiv, SimulatedClock, Turn

_SENSOR_EVERY = timedelta(hours=1)
_RUN_KEY, _SCHEDULE, _SENSOR = "dagster/run_key", "dagster/schedule_name", "dagster/sensor_name"


@dataclass(frozen=True, order=True)
class Tick:
    """One look of a schedule at its time, or of a sensor (`is_sensor`)."""

    at: datetime
    name: str
    is_sensor: bool = False


@dataclass(frozen=True)
class Asked:
    """A run that a tick asked for."""

    job: str
    by: str
    request: dg.RunRequest


@dataclass
class Figures:
    """What was counted on the way."""

    ticks: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    failed_runs: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class Simulation:
    """Plays the daemon of one instance by a simulated clock.

    Args:
        defs: the real definitions.
        resources: those of the definitions that ticks need.
        workers: builds that run at once.
        off: the time in which the machine is off, both ends; nothing happens then.
    """

    def __init__(
        self,
        defs: dg.Definitions,
        instance: dg.DagsterInstance,
        *,
        resources: dict[str, object],
        clock: SimulatedClock,
        arxiv: SimulatedArxiv,
        turn: Turn,
        workers: int,
        off: tuple[datetime, datetime],
    ) -> None:
        self._defs = defs
        self._instance = instance
        self._repository = defs.get_repository_def()
        self._resources = resources
        self._clock = clock
        self._arxiv = arxiv
        self._off = off
        self._workers = workers
        self._turn = turn
        self._cursors: dict[str, str | None] = {}
        self.figures = Figures()

    def run(self, first: date, days: int) -> None:
        """Every tick of so many days, one time after another."""
        start = datetime.combine(first, time(), UTC)
        for at, ticks in self._times(start, start + timedelta(days=days)):
            self._clock.set(at)
            self._arxiv.turn_to(at)
            with freeze_time(at):
                # The daemon looks at all that is due before the first of the runs has ended.
                self._work_off([asked for tick in ticks for asked in self._evaluate(tick)])

    def _times(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, list[Tick]]]:
        ticks = [tick for tick in self._ticks(start, end) if not self._off[0] <= tick.at < self._off[1]]
        missed = [tick for tick in self._ticks(start, end) if self._off[0] <= tick.at < self._off[1]]
        self.figures.missed = len(missed)
        # Of the ticks that a schedule has missed, Dagster makes up for the last one.
        last = {tick.name: tick for tick in missed if not tick.is_sensor}
        back = [(self._off[1], tick) for tick in last.values()]
        due = sorted([*back, *((tick.at, tick) for tick in ticks)])
        for at in sorted({at for at, _ in due}):
            yield at, [tick for when, tick in due if when == at]

    def _ticks(self, start: datetime, end: datetime) -> Iterator[Tick]:
        def of_schedule(schedule: dg.ScheduleDefinition) -> Iterator[Tick]:
            times = schedule_execution_time_iterator(
                start.timestamp(), schedule.cron_schedule, schedule.execution_timezone, ascending=True
            )
            ticks = (Tick(at.astimezone(UTC), schedule.name) for at in times)
            return takewhile(lambda tick: tick.at < end, ticks)

        def of_sensor(sensor: dg.SensorDefinition) -> Iterator[Tick]:
            at = start + timedelta(minutes=45)
            while at < end:
                yield Tick(at, sensor.name, is_sensor=True)
                at += _SENSOR_EVERY

        return merge(
            *(of_schedule(schedule) for schedule in self._repository.schedule_defs),
            *(of_sensor(sensor) for sensor in self._repository.sensor_defs),
        )

    def _evaluate(self, tick: Tick) -> list[Asked]:
        self.figures.ticks[tick.name] += 1
        job, requests = self._of_sensor(tick) if tick.is_sensor else self._of_schedule(tick)
        return [Asked(request.job_name or job or "", tick.name, request) for request in requests]

    def _of_schedule(self, tick: Tick) -> tuple[str | None, Sequence[dg.RunRequest]]:
        schedule = self._repository.get_schedule_def(tick.name)
        with dg.build_schedule_context(
            instance=self._instance,
            scheduled_execution_time=tick.at,
            repository_def=self._repository,
            resources=self._resources,
        ) as context:
            context._log_key = number_in_log_key(tick.name, "7")
            return schedule.job_name, schedule.evaluate_tick(context).run_requests or ()

    def _of_sensor(self, tick: Tick) -> tuple[str | None, Sequence[dg.RunRequest]]:
        sensor = self._repository.get_sensor_def(tick.name)
        with dg.build_sensor_context(
            instance=self._instance,
            repository_def=self._repository,
            resources=self._resources,
            cursor=self._cursors.get(tick.name),
        ) as context:
            context._log_key = number_in_log_key(tick.name, "7")
            found = sensor.evaluate_tick(context)
        self._cursors[tick.name] = found.cursor
        # A sensor of several jobs names one in each request.
        job = sensor.job_name if len(sensor.targets) == 1 else None
        return job, found.run_requests or ()

    def _work_off(self, asked: Sequence[Asked]) -> None:
        new = [one for one in asked if not self._is_known(one)]
        for one in new:
            if one.job != "build":
                self._launch(one)
        with ThreadPoolExecutor(self._workers) as workers:
            builds = [workers.submit(self._launch, one) for one in new if one.job == "build"]
        for build in builds:
            build.result()

    def _is_known(self, asked: Asked) -> bool:
        """Whether a run with this key was launched before: the daemon does not launch it again."""
        key = asked.request.run_key
        return key is not None and bool(
            self._instance.get_runs(dg.RunsFilter(tags=self._tags(asked)), limit=1)
        )

    def _tags(self, asked: Asked) -> dict[str, str]:
        by = _SENSOR if asked.by in {sensor.name for sensor in self._repository.sensor_defs} else _SCHEDULE
        return {_RUN_KEY: asked.request.run_key or "", by: asked.by}

    def _launch(self, asked: Asked) -> None:
        with self._turn.taken():
            result = self._defs.resolve_job_def(asked.job).execute_in_process(
                instance=self._instance,
                partition_key=asked.request.partition_key,
                tags={**(asked.request.tags or {}), **(self._tags(asked) if asked.request.run_key else {})},
                raise_on_error=False,
            )
            self.figures.runs[asked.job] += 1
            if not result.success:
                self.figures.failed_runs[asked.job] += 1
                self._explain(result)

    def _explain(self, result: dg.ExecuteInProcessResult) -> None:
        for event in result.all_events:
            if event.is_step_failure and event.step_failure_data.user_failure_data is None:
                self.figures.errors.append(str(event.step_failure_data.error)[:4000])
