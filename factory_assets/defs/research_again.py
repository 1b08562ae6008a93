"""The schedule `research_again`: what could not be looked up around candidates is looked up again, unattended."""

from collections.abc import Iterator
from datetime import UTC, date, timedelta

import dagster as dg

from factory_assets.defs.dagster_private.core import NOT_FINISHED_STATUSES
from factory_assets.defs.jobs import ANALYZE_JOB, IDEAS_JOB, RESEARCH_JOB, AnyJob
from factory_assets.defs.ticks import log, pen
from factory_assets.domain.alerts import Alert
from factory_assets.domain.places import Places
from factory_assets.domain.research_again import LOOK_AGAIN_FOR, LooksAgain, choose_looks
from factory_assets.registry import Registry

RESEARCH_SCHEDULE = "research_again"
# On its runs, so that they are told from those that a person started.
AGAIN_TAG = "factory/researched-again"
_CRON = "40 * * * *"
_PARTITION_TAG = "dagster/partition"
# A date that is given up is told of in the ticks of one day.
_TOLD_FOR = timedelta(days=1)


def build_research_schedule(
    job: AnyJob, places: Places, timezone: str, *, with_archive: bool, ui_url: str
) -> dg.ScheduleDefinition:
    """Hourly, on from the start: it asks no model. Where no date is researched it has nothing to do."""

    @dg.schedule(
        name=RESEARCH_SCHEDULE,
        job=job,
        cron_schedule=_CRON,
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Hourly: look again for what could not be looked up around the candidates of a date, an hour after the"
            " first time and then ever more seldom, daily at last. After two weeks it is given up, and an alert says"
            " so. What only the archive can tell is left alone while FACTORY_ARCHIVE is off."
        ),
    )
    def research_again(
        context: dg.ScheduleEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        dates = registry.ideas.open_dates(since=now - LOOK_AGAIN_FOR - _TOLD_FOR)
        chosen = choose_looks(
            [one for one in dates if places.have(one.day, now.date())],
            under_way=_under_way(context.instance),
            with_archive=with_archive,
            now=now,
        )
        told = _words(chosen)
        write = pen(context, registry)
        if chosen.given_up and write is not None:
            last = max(one.since for one in chosen.given_up) + LOOK_AGAIN_FOR
            write.alerts.note(_alert(chosen, ui_url), now=now, unless_since=last)
        if not chosen.days:
            yield dg.SkipReason(told or "Nothing is missing around any candidate.")
            return
        log(context, told)
        for day in chosen.days:
            yield dg.RunRequest(
                partition_key=day.isoformat(),
                run_key=f"research {day} again {now:%Y-%m-%dT%H}",
                tags={AGAIN_TAG: "true"},
            )

    return research_again


def _under_way(instance: dg.DagsterInstance) -> set[date]:
    """The dates of runs that look around candidates, or will."""
    runs = instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)))
    jobs = {RESEARCH_JOB, IDEAS_JOB, ANALYZE_JOB}
    keys = [run.tags.get(_PARTITION_TAG) for run in runs if run.job_name in jobs]
    return {date.fromisoformat(key) for key in keys if key}


def _words(chosen: LooksAgain) -> str:
    waiting = [f"{day} from {at:%Y-%m-%d %H:%M} UTC on" for day, at in chosen.waiting]
    parts = [f"Looked around again: {', '.join(map(str, chosen.days))}."] if chosen.days else []
    parts += [f"Later: {', '.join(waiting)}."] if waiting else []
    parts += [f"Given up: {_given_up(chosen)}."] if chosen.given_up else []
    return " ".join(parts)


def _given_up(chosen: LooksAgain) -> str:
    return ", ".join(str(one.day) for one in chosen.given_up)


def _alert(chosen: LooksAgain, ui_url: str) -> Alert:
    gaps = sorted({gap for one in chosen.given_up for gap in one.gaps})
    return Alert(
        cause="research given up",
        title="What is missing around candidates is not looked up any more",
        text=f"It has been missing for two weeks: {_given_up(chosen)}. For example: {'; '.join(gaps[:3])}."
        " Materialize research_contexts of these dates to look once more.",
        link=f"{ui_url}/assets/research_contexts",
    )
