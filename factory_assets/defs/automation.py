"""Schedules and the sensor: when each stage runs by itself.

Schedules carry what follows the clock; the sensor carries what follows the queue, because a spec can be queued
at any time of the day. Declarative conditions are not used: `on_missing` fires once for each new partition and
would launch every rank, also those without a spec. Each decision is a pure function in domain/automation.py.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import dagster as dg

from factory_assets.defs.analyses import analyses_to_launch, gathered_at, gathered_days
from factory_assets.defs.gathers import GATHER_SCHEDULE, GatherDates, gather_requests, gather_window
from factory_assets.defs.holds import left_unasked, lift_holds
from factory_assets.defs.jobs import AnyJob, Jobs
from factory_assets.defs.partitions import spec_key
from factory_assets.defs.queue import (
    busy_repos,
    cancelled_runs,
    crashes,
    launches_so_far,
    put_off,
    repos_being_mirrored,
    settled_launches,
)
from factory_assets.defs.runs import ATTEMPTS_TAG, spec_tags
from factory_assets.defs.stages import InstanceParts
from factory_assets.defs.subscription import no_room
from factory_assets.defs.ticks import log, pen
from factory_assets.defs.waits import apart, day_is_full, held, waiting_specs
from factory_assets.domain.automation import (
    Budget,
    Hold,
    choose_launches,
    days_to_analyse,
    gathered_too_early,
    given_up,
)
from factory_assets.domain.builds import BudgetLimits
from factory_assets.domain.clock import Clock
from factory_assets.domain.places import Places
from factory_assets.domain.sizes import size_of
from factory_assets.domain.specs import QueuedSpec
from factory_assets.instance.router import InstanceRouter
from factory_assets.registry import Registry

_PRIORITY_TAG = "dagster/priority"
# What spends money or publishes; `factory enable` starts these and `factory disable` stops them.
SPENDING_SCHEDULES = ("analyze_daily", "build_daily", "mirror_nightly")
SPENDING_SENSORS = ("queued_specs",)


@dataclass(frozen=True)
class AutomationRules:
    """The settings that automation obeys."""

    places: Places
    window_days: int
    timezone: str
    limits: BudgetLimits
    to_github: bool
    to_folder: bool
    build_workers: int
    gather_cron: str
    analyze_cron: str
    build_cron: str
    mirror_cron: str
    ui_url: str

    @property
    def gather_dates(self) -> GatherDates:
        """What the hourly gather goes by."""
        return GatherDates(self.places.first, self.places.last, self.window_days)

    def have(self, day: date, today: date) -> bool:
        """Whether the date is a partition."""
        return self.places.have(day, today)

    def hold(self, queued: QueuedSpec, today: date) -> bool:
        """Whether the spec's date and rank are a partition."""
        return self.places.lacking(queued, today) is None


def build_schedules(
    jobs: Jobs, rules: AutomationRules, *, by_batch: dg.JobDefinition | None
) -> list[dg.ScheduleDefinition]:
    """Gather, analyze, build, mirror: hourly, at 06:00, 06:30 and 23:00 where no setting says otherwise.

    With `by_batch` dates are asked about by this job, and the sensor of message batches launches their analysis.
    """
    return [
        _gather_hourly(jobs, rules),
        _analyze_daily(by_batch or jobs.analyze, rules),
        _build_daily(jobs, rules),
        _mirror_nightly(jobs, rules),
    ]


def _gather_hourly(jobs: Jobs, rules: AutomationRules) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=GATHER_SCHEDULE,
        job=jobs.gather,
        cron_schedule=rules.gather_cron,
        execution_timezone=rules.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Every hour: gather the last days again, and after a pause also every date since the last gather; once a"
            " day also earlier dates of which something is missing, for two weeks."
        ),
    )
    def gather_hourly(
        context: dg.ScheduleEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        window = gather_window(context.instance, rules.gather_dates, now)
        if window is None:
            yield dg.SkipReason(f"The first date, {rules.places.first}, has not come yet.")
            return
        yield from gather_requests(registry, rules.gather_dates, window, now)

    return gather_hourly


def _analyze_daily(job: AnyJob, rules: AutomationRules) -> dg.ScheduleDefinition:
    @dg.schedule(
        job=job,
        cron_schedule=rules.analyze_cron,
        execution_timezone=rules.timezone,
        description="Daily: analyse every settled date that holds unread papers. `factory enable` starts it.",
    )
    def analyze_daily(
        context: dg.ScheduleEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        if standing := [hold for hold in registry.holds.standing() if hold.stops_analyses]:
            yield dg.SkipReason(held(standing))
            return
        unread_days = registry.papers.unread_days()
        gathered = {
            *gathered_days(context.instance),
            *given_up(registry.gathers.incomplete_dates(), now).intersection(unread_days),
        }
        unread = days_to_analyse(gathered, registry.analyses.days(), unread_days, now)
        placed = [day for day in unread if rules.have(day, now.date())]
        asked = {batch.day: f"{batch.words}." for batch in registry.batches.open()}
        days = [day for day in placed if day not in asked]
        early = gathered_too_early(
            gathered_at(context.instance, days), gather_window(context.instance, rules.gather_dates, now)
        )
        waits = f"They wait to be gathered again: {', '.join(map(str, early))}." if early else ""
        apart_from = apart(len(unread) - len(placed), "date", "is not analysed", "are not analysed")
        without = " ".join([*asked.values(), apart_from]).strip()
        if not days:
            yield dg.SkipReason(without or "Every settled date that was gathered is analysed.")
        elif len(early) == len(days):
            yield dg.SkipReason(f"Gathered before arXiv announced them. {waits} {without}".strip())
        elif early or without:
            log(context, f"{waits} {without}".strip())
        launched = analyses_to_launch(
            context.instance,
            registry,
            [day for day in days if day not in early],
            day_usd=rules.limits.day_usd,
            link=rules.ui_url,
            now=now,
        )
        write = pen(context, registry)
        if launched.alert is not None and write is not None:
            write.alerts.note(launched.alert, now=now, unless_since=_midnight(now))
        if launched.waits and launched.days:
            log(context, launched.waits)
        elif launched.waits:
            yield dg.SkipReason(launched.waits)
        for day in launched.days:
            yield dg.RunRequest(partition_key=day.isoformat(), run_key=f"analyze {day} {now:%Y-%m-%d}")

    return analyze_daily


def _build_daily(jobs: Jobs, rules: AutomationRules) -> dg.ScheduleDefinition:
    @dg.schedule(
        job=jobs.build,
        cron_schedule=rules.build_cron,
        execution_timezone=rules.timezone,
        description="Daily: build every queued spec that the day's budget allows. `factory enable` starts it.",
    )
    def build_daily(
        context: dg.ScheduleEvaluationContext,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
        clock: dg.ResourceParam[Clock],
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        if why := _stopped(registry.holds.standing(), registry, instance.router, clock.now()):
            yield dg.SkipReason(why)
            return
        yield from _build_requests(context, registry, rules, now, asked_at=clock.now())

    return build_daily


def _mirror_nightly(jobs: Jobs, rules: AutomationRules) -> dg.ScheduleDefinition:
    @dg.schedule(
        job=jobs.mirror,
        cron_schedule=rules.mirror_cron,
        execution_timezone=rules.timezone,
        # A copy in a folder of this machine publishes nothing.
        default_status=dg.DefaultScheduleStatus.RUNNING
        if rules.to_folder
        else dg.DefaultScheduleStatus.STOPPED,
        description=(
            "Nightly: publish every shipped repo that is not mirrored yet. Where the mirror is a local folder it is on"
            " from the start; where it is GitHub, `factory enable` starts it."
        ),
    )
    def mirror_nightly(
        context: dg.ScheduleEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        night = context.scheduled_execution_time.astimezone(UTC)
        unmirrored = unmirrored_specs(registry, to_github=rules.to_github)
        placed = [queued for queued in unmirrored if rules.hold(queued, night.date())]
        without = apart(len(unmirrored) - len(placed), "repo", "is not mirrored", "are not mirrored")
        under_way = repos_being_mirrored(context.instance)
        waiting = [queued for queued in placed if queued.spec.name not in under_way]
        if not waiting:
            also = f", or its mirror is under way: {', '.join(sorted(under_way))}" if placed else ""
            yield dg.SkipReason(without or f"Every shipped repo is mirrored{also}.")
        elif without:
            log(context, without)
        for queued in waiting:
            yield _request(queued, f"mirror {night:%Y-%m-%d} {queued.spec.name}")

    return mirror_nightly


def build_sensors(jobs: Jobs, rules: AutomationRules) -> list[dg.SensorDefinition]:
    """The sensor that launches specs queued during the day, and lifts a stop of the queue that is fixed."""

    @dg.sensor(
        job=jobs.build,
        minimum_interval_seconds=60,
        description=(
            "Launches specs that were queued since the morning, were put off or lost their run, and lifts a stop of"
            " the queue that is fixed or due for a try. `factory enable` starts it."
        ),
    )
    def queued_specs(
        context: dg.SensorEvaluationContext,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
        clock: dg.ResourceParam[Clock],
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now, write = clock.now(), pen(context, registry)
        standing = registry.holds.standing()
        last_probe = datetime.fromisoformat(context.cursor) if context.cursor else None
        may_probe = [hold for hold in standing if hold.may_probe(now, last_probe)]
        if write is None:
            standing = left_unasked(standing, instance.credential, may_probe=may_probe, now=now)
        elif standing:
            if may_probe:
                context.update_cursor(now.isoformat())
            standing = lift_holds(
                context.instance,
                write,
                instance.credential,
                workers=rules.build_workers,
                may_probe=may_probe,
                now=now,
            )
        if why := _stopped(standing, registry, instance.router, now):
            yield dg.SkipReason(why)
            return
        yield from _build_requests(context, registry, rules, now, asked_at=now)

    return [queued_specs]


def unmirrored_specs(registry: Registry, *, to_github: bool) -> list[QueuedSpec]:
    """The specs of shipped repos that are not mirrored yet, by date and rank.

    A repo that went to a local folder is not mirrored where the target is GitHub.
    """
    repos = registry.repos.unmirrored(to_github=to_github)
    found = (registry.queue.named(waiting.repo.name) for waiting in repos)
    return [queued for queued in found if queued is not None]


def todays_budget(
    registry: Registry, names: Collection[str], *, limits: BudgetLimits, now: datetime
) -> Budget:
    """The day's budget as it stands, and what these repos have taken."""
    return Budget(
        limits=limits,
        spent_usd=registry.ledger.spent_since(_midnight(now)),
        repo_usd=registry.ledger.repo_dollars(names),
        shares={name: size_of(lines).share for name, lines in registry.queue.estimated_lines(names).items()},
    )


def _stopped(standing: Sequence[Hold], registry: Registry, router: InstanceRouter, now: datetime) -> str:
    """Why no build at all is launched now; empty where nothing stands in the way."""
    if stopping := [hold for hold in standing if hold.stops_builds]:
        return held(stopping)
    full = no_room(registry, router, now)
    return str(full) if full is not None else ""


def _build_requests(
    context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext,
    registry: Registry,
    rules: AutomationRules,
    now: datetime,
    *,
    asked_at: datetime,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    write = pen(context, registry)
    graph = context.repository_def.asset_graph if context.repository_def else None
    settled = settled_launches(context.instance, registry, asked_at)
    busy = busy_repos(context.instance, registry, graph, now=now)
    # After that: a run that is cancelled in between is busy still in this tick, and put off in the next one.
    cancelled = cancelled_runs(context.instance, registry, now, busy=busy)
    if write is not None:
        cancelled = put_off(context.instance, write, cancelled, now)
    stopped = {run.spec.spec.name for run in cancelled if run.spec is not None}
    launchable = [
        queued
        for queued in registry.queue.launchable(now, rules.limits)
        if rules.hold(queued, asked_at.date()) and queued.spec.name not in stopped
    ]
    launches = choose_launches(
        launchable,
        busy=busy.keys(),
        budget=todays_budget(
            registry,
            [*busy, *(queued.spec.name for queued in launchable)],
            limits=rules.limits,
            now=now,
        ),
        launched_before=launches_so_far(context.instance),
        now=now,
        crashes=crashes(context.instance, now),
    )
    waits = waiting_specs(registry, launchable, launches, stopped, places=rules.places, today=asked_at.date())
    if launches.held_by_budget and write is not None:
        # Once a day, because the tick of each minute finds the same.
        alert = day_is_full(launches, day_usd=rules.limits.day_usd, ui_url=rules.ui_url)
        write.alerts.note(alert, now=now, unless_since=_midnight(now))
    # A key is launched once, so that a tick that is evaluated again launches nothing twice. What keeps a spec from a
    # second run is the run that it has, and until there is one, that its launch is taken.
    keys = {queued.spec.name: f"build {queued.spec.name} {now.isoformat()}" for queued in launches.specs}
    if write is not None:
        mine = write.launches.claim(keys, settled=settled, now=asked_at)
    else:
        mine = registry.launches.free(keys, settled=settled)
    if not launches.specs:
        yield dg.SkipReason(waits or "No spec is queued.")
    elif not mine:
        yield dg.SkipReason("Another tick or command is launching what is queued.")
    elif waits:
        log(context, f"Launched: {len(mine)}. {waits}")
    for launch in launches.launches:
        queued = launch.queued
        if queued.spec.name in mine:
            yield _request(
                queued,
                keys[queued.spec.name],
                {_PRIORITY_TAG: str(launch.priority), ATTEMPTS_TAG: str(queued.attempts)},
            )


def _midnight(now: datetime) -> datetime:
    return datetime.combine(now.date(), time(), UTC)


def _request(queued: QueuedSpec, run_key: str, tags: Mapping[str, str] | None = None) -> dg.RunRequest:
    return dg.RunRequest(
        partition_key=spec_key(queued),
        run_key=run_key.strip(),
        tags={**spec_tags(queued), **(tags or {})},
    )
