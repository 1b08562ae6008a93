"""Schedules and the sensor: when each stage runs by itself.

Schedules carry what follows the clock; the sensor carries what follows the queue, because a spec can be queued
at any time of the day. Declarative conditions are not used: `on_missing` fires once for each new partition and
would launch every rank, also those without a spec. Each decision is a pure function in domain/automation.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import dagster as dg

from factory_assets.defs.externals import MIRRORED_REPOS, PAPERS
from factory_assets.defs.jobs import MIRROR_JOB, Jobs
from factory_assets.defs.partitions import date_rank_key, parse_date_rank
from factory_assets.defs.runs import REPO_TAG, spec_tags
from factory_assets.domain.automation import Launches, choose_launches, days_to_analyse, trailing_window
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

_PARTITION_TAG = "dagster/partition"
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
# What spends money or publishes; `factory enable` starts these and `factory disable` stops them.
SPENDING_SCHEDULES = ("analyze_daily", "build_daily", "mirror_nightly")
SPENDING_SENSORS = ("queued_specs",)


@dataclass(frozen=True)
class Rules:
    """The settings that automation obeys. Budgets in dollars."""

    first: date
    last: date | None
    window_days: int
    timezone: str
    repo_budget_usd: float
    day_budget_usd: float
    ranks: int
    to_github: bool

    def hold(self, queued: QueuedSpec) -> bool:
        """Whether the spec's date and rank are a partition still, after settings were changed."""
        return (
            queued.day is not None
            and queued.rank is not None
            and self.first <= queued.day
            and (self.last is None or queued.day <= self.last)
            and queued.rank <= self.ranks
        )


def build_schedules(jobs: Jobs, rules: Rules) -> list[dg.ScheduleDefinition]:
    """Gather hourly, analyze at 06:00, build at 06:30, mirror at 23:00."""

    @dg.schedule(
        job=jobs.gather,
        cron_schedule="0 * * * *",
        execution_timezone=rules.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every hour: gather the last days again, which also heals dates that were missed.",
    )
    def gather_hourly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = context.scheduled_execution_time.astimezone(UTC)
        window = trailing_window(now.date(), days=rules.window_days, first=rules.first, last=rules.last)
        if window is None:
            return dg.SkipReason(f"The first date, {rules.first}, has not come yet.")
        start, end = window
        return dg.RunRequest(
            run_key=f"gather {now:%Y-%m-%dT%H:%M}",
            tags={
                "dagster/asset_partition_range_start": start.isoformat(),
                "dagster/asset_partition_range_end": end.isoformat(),
            },
        )

    @dg.schedule(
        job=jobs.analyze,
        cron_schedule="0 6 * * *",
        execution_timezone=rules.timezone,
        description="Daily: analyse every settled date that holds unread papers. `factory enable` starts it.",
    )
    def analyze_daily(
        context: dg.ScheduleEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        days = days_to_analyse(
            _gathered(context.instance), registry.analysed_days(), registry.unread_days(), now
        )
        if not days:
            yield dg.SkipReason("Every settled date that was gathered is analysed.")
        for day in days:
            yield dg.RunRequest(partition_key=day.isoformat(), run_key=f"analyze {day} {now:%Y-%m-%d}")

    @dg.schedule(
        job=jobs.build,
        cron_schedule="30 6 * * *",
        execution_timezone=rules.timezone,
        description="Daily: build every queued spec that the day's budget allows. `factory enable` starts it.",
    )
    def build_daily(
        context: dg.ScheduleEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        yield from _build_requests(context.instance, registry, rules, now, f"build {now:%Y-%m-%d}")

    @dg.schedule(
        job=jobs.mirror,
        cron_schedule="0 23 * * *",
        execution_timezone=rules.timezone,
        description="Nightly: publish every shipped repo that is not mirrored yet. `factory enable` starts it.",
    )
    def mirror_nightly(
        context: dg.ScheduleEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        night = context.scheduled_execution_time.astimezone(UTC)
        waiting = unmirrored_specs(registry, to_github=rules.to_github)
        if not waiting:
            yield dg.SkipReason("Every shipped repo is mirrored.")
        yield from _requests(waiting, f"mirror {night:%Y-%m-%d}")

    return [gather_hourly, analyze_daily, build_daily, mirror_nightly]


def build_sensors(jobs: Jobs, rules: Rules) -> list[dg.SensorDefinition]:
    """The sensor that launches specs queued during the day."""

    @dg.sensor(
        job=jobs.build,
        minimum_interval_seconds=60,
        description="Launches specs that were queued since the morning. `factory enable` starts it.",
    )
    def queued_specs(
        context: dg.SensorEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        yield from _build_requests(context.instance, registry, rules, datetime.now(UTC), "build")

    return [queued_specs]


def _build_requests(
    instance: dg.DagsterInstance, registry: Registry, rules: Rules, now: datetime, purpose: str
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    midnight = datetime.combine(now.date(), time(), UTC)
    launches = choose_launches(
        [queued for queued in registry.launchable_specs(now) if rules.hold(queued)],
        busy=busy_repos(instance, registry).keys(),
        spent_usd=registry.spent_since(midnight),
        repo_budget_usd=rules.repo_budget_usd,
        day_budget_usd=rules.day_budget_usd,
    )
    if not launches.specs:
        yield dg.SkipReason(_why_nothing(launches))
    yield from _requests(launches.specs, purpose)


def _gathered(instance: dg.DagsterInstance) -> list[date]:
    return [date.fromisoformat(key) for key in instance.get_materialized_partitions(PAPERS)]


def unmirrored_specs(registry: Registry, *, to_github: bool) -> list[QueuedSpec]:
    """The specs of shipped repos that are not mirrored yet, by date and rank.

    A repo that went to a local folder is not mirrored where the target is GitHub.
    """
    repos = registry.unmirrored_repos(to_github=to_github)
    found = (registry.spec_named(waiting.repo.name) for waiting in repos)
    return [queued for queued in found if queued is not None]


def busy_repos(instance: dg.DagsterInstance, registry: Registry) -> dict[str, str]:
    """The repos that have a build which is queued or running, each with the id of that run.

    A run from the UI or a backfill is tagged with its repo only once it has started; until then its partition
    tells which repo it will build.
    """
    runs = [
        run
        for run in instance.get_runs(filters=dg.RunsFilter(statuses=_UNFINISHED))
        if not _only_mirrors(run)
    ]
    busy = {run.tags[REPO_TAG]: run.run_id for run in runs if REPO_TAG in run.tags}
    untagged = {
        run.tags[_PARTITION_TAG]: run.run_id
        for run in runs
        if REPO_TAG not in run.tags and "|" in run.tags.get(_PARTITION_TAG, "")
    }
    for key, run_id in untagged.items():
        if (queued := registry.spec_at(*parse_date_rank(key))) is not None:
            busy[queued.spec.name] = run_id
    return busy


def _only_mirrors(run: dg.DagsterRun) -> bool:
    # Mirroring costs nothing, so such a run must not hold a repo's share of the day's budget.
    return run.job_name == MIRROR_JOB or run.asset_selection == {MIRRORED_REPOS}


def _why_nothing(launches: Launches) -> str:
    if launches.held_by_budget:
        return (
            "The day's budget is used up or reserved by running builds. Specs that wait for tomorrow, or for a"
            f" higher FACTORY_DAY_BUDGET_USD: {launches.held_by_budget}."
        )
    if launches.already_running:
        return f"Every queued spec has a run already: {launches.already_running}."
    return "No spec is queued."


def _requests(specs: Sequence[QueuedSpec], purpose: str) -> Iterator[dg.RunRequest]:
    for queued in specs:
        if queued.day is None or queued.rank is None:
            continue
        yield dg.RunRequest(
            partition_key=date_rank_key(queued.day, queued.rank),
            run_key=f"{purpose} {queued.spec.name} {queued.attempts} {queued.not_before or ''}".strip(),
            tags=spec_tags(queued),
        )
