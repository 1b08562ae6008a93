"""The sensor that tells an operator who is not looking: failed runs, ticks and backfills, budget stops, credentials.

One sensor that looks at what has happened since its last look, rather than one hook per run: it groups by cause, and
what it could not send it sends at the next look. A check of severity error fails its run, so runs cover those. That the
daemon itself has stopped is told from outside of it, by cli/watch.py.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import dagster as dg
from pydantic import BaseModel, ConfigDict

from factory_assets.alerts.send import AlertPlaces, send_due
from factory_assets.defs.backfills import alerts_of_backfills, failed_backfills
from factory_assets.defs.runs import OUTCOME_TAG, REPO_TAG, RunOutcome
from factory_assets.defs.settings_sensor import SETTINGS_SENSOR, Refused, alerts_of_settings
from factory_assets.defs.stages import InstanceParts
from factory_assets.defs.ticks import pen
from factory_assets.domain.alerts import Alert
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.clock import Clock
from factory_assets.domain.specs import QueuedSpec
from factory_assets.domain.text import tail
from factory_assets.registry import Registry

_BUDGETS = (WaitCause.REPO_BUDGET, WaitCause.PHASE_BUDGET, WaitCause.DAY_BUDGET)
_MOST_RUNS = 500
_NAMED = 5
_TEXT_LINES = 6
# A schedule's tick comes once an hour or a day; a sensor's comes each minute, and a single one may miss a busy moment.
_TICKS_IN_A_ROW = {"SCHEDULE": 1, "SENSOR": 3}


class _Seen(BaseModel):
    """What the sensor has looked at: the last run event, when, and what stood then."""

    model_config = ConfigDict(frozen=True)

    last_event: int | None = None
    looked_at: datetime | None = None
    waiting: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    backfills: tuple[str, ...] | None = None
    refused: str = ""


def build_alert_sensor(refused: Refused) -> dg.SensorDefinition:
    """The sensor `alerts`, on from the start. `refused` says why what `.env` says is not in force."""

    @dg.sensor(
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Sends one message per cause to FACTORY_ALERT_WEBHOOK, FACTORY_SLACK_WEBHOOK and FACTORY_ALERT_URLS when"
            " runs, ticks or backfills fail, a budget stops builds, a credential or a setting is refused; the same"
            " cause again after a day at the earliest."
        ),
    )
    def alerts(
        context: dg.SensorEvaluationContext,
        registry: dg.ResourceParam[Registry],
        instance: dg.ResourceParam[InstanceParts],
        clock: dg.ResourceParam[Clock],
    ) -> dg.SensorResult:
        places = instance.alerts.places()
        if not places:
            return dg.SensorResult(
                skip_reason="No place is set for alerts"
                " (FACTORY_ALERT_WEBHOOK, FACTORY_SLACK_WEBHOOK, FACTORY_ALERT_URLS)."
            )
        seen = _Seen.model_validate_json(context.cursor) if context.cursor else _Seen()
        now, link, why = clock.now(), instance.alerts.ui_url(), refused()
        write = pen(context, registry)
        if write is None:
            told = preview(context.instance, registry, seen, link=link, now=now, refused=why)
            return dg.SensorResult(skip_reason=told)
        line, seen = look(context.instance, write, places, seen, link=link, now=now, refused=why)
        return dg.SensorResult(skip_reason=line, cursor=seen.model_dump_json())

    return alerts


def look(
    instance: dg.DagsterInstance,
    registry: Registry,
    places: AlertPlaces,
    seen: _Seen,
    *,
    link: str,
    now: datetime,
    refused: str = "",
) -> tuple[str, _Seen]:
    """Note what is new since `seen`, send what is due, and say in a line what was done."""
    fresh, seen = _news(instance, registry, seen, link=link, now=now, refused=refused)
    for alert, times in fresh:
        registry.alerts.note(alert, now=now, times=times)
    told = send_due(registry.alerts, places, now=now)
    parts = [f"Told: {', '.join(told.causes)}."] if told.causes else []
    parts += (
        [f"Could not be sent, tried again at the next look: {'; '.join(told.failures)}."]
        if told.failures
        else []
    )
    return " ".join(parts) or "Nothing to tell.", seen


def preview(
    instance: dg.DagsterInstance,
    registry: Registry,
    seen: _Seen,
    *,
    link: str,
    now: datetime,
    refused: str = "",
) -> str:
    """Say in a line what `look` would find; nothing is noted or sent."""
    fresh, _ = _news(instance, registry, seen, link=link, now=now, refused=refused)
    waiting = registry.alerts.due(now)
    causes = dict.fromkeys(alert.cause for alert in [*waiting, *(alert for alert, _ in fresh)])
    if not causes:
        return "Nothing to tell."
    return f"The next tick tells, unless it was told within a day: {', '.join(causes)}."


def _news(
    instance: dg.DagsterInstance, registry: Registry, seen: _Seen, *, link: str, now: datetime, refused: str
) -> tuple[list[tuple[Alert, int]], _Seen]:
    """What is new since `seen`, each with how often it came, and what is seen now."""
    failed, last_event = _failed_runs(instance, seen.last_event)
    stopped = [
        queued for queued in registry.queue.specs({BuildStatus.QUEUED}) if queued.wait_cause in _BUDGETS
    ]
    holds = registry.holds.standing()
    backfills = failed_backfills(instance)
    fresh = [
        *alerts_of_settings(refused, seen.refused, link),
        *alerts_of_backfills(backfills, seen.backfills, link),
        *_of_runs(instance, registry, failed, link, now),
        *_of_ticks(instance, seen.looked_at or now, link),
        *_of_budgets([queued for queued in stopped if queued.spec.name not in seen.waiting], link),
        *_of_holds(holds, seen.holds, link),
    ]
    return fresh, _Seen(
        last_event=last_event,
        looked_at=now,
        waiting=tuple(sorted(queued.spec.name for queued in stopped)),
        holds=tuple(sorted(hold.cause for hold in holds)),
        backfills=tuple(backfill.backfill_id for backfill in backfills),
        refused=refused,
    )


def _failed_runs(instance: dg.DagsterInstance, last_event: int | None) -> tuple[list[dg.DagsterRun], int]:
    """The runs that failed for good since that event, and the event to go on from.

    The first look of an instance starts with what happens from then on.
    """
    if last_event is None:
        newest = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1).records
        return [], newest[0].storage_id if newest else 0
    records = instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(
            event_type=dg.DagsterEventType.RUN_FAILURE, after_storage_id=last_event
        ),
        limit=_MOST_RUNS,
        ascending=True,
    ).records
    runs = (instance.get_run_by_id(record.run_id) for record in records)
    failed = [run for run in runs if run is not None and not run.is_complete_and_waiting_to_retry]
    return failed, records[-1].storage_id if records else last_event


def _of_runs(
    instance: dg.DagsterInstance,
    registry: Registry,
    runs: Sequence[dg.DagsterRun],
    link: str,
    now: datetime,
) -> Iterator[tuple[Alert, int]]:
    if not runs:
        return
    lately = registry.reports.statistics((now - timedelta(days=2)).date(), now.date())
    classes = {repo.name: repo.cause for repo in lately.failed}
    by_cause: dict[tuple[str, str], list[dg.DagsterRun]] = defaultdict(list)
    for run in runs:
        by_cause[_cause(run, classes)].append(run)
    for (cause, title), members in by_cause.items():
        last = members[-1]
        names = [run.tags[REPO_TAG] for run in members if REPO_TAG in run.tags]
        repos = f"{_some(names)}.\n" if names else ""
        yield (
            Alert(
                cause=cause,
                title=title,
                text=f"{repos}{_reason(instance, last)}",
                link=f"{link}/runs/{last.run_id}",
            ),
            len(members),
        )


def _cause(run: dg.DagsterRun, classes: Mapping[str, str]) -> tuple[str, str]:
    """What makes failed runs one cause, and how it is headed."""
    name = run.tags.get(REPO_TAG, "")
    if run.tags.get(OUTCOME_TAG) == RunOutcome.FAILED and name in classes:
        return f"build failed: {classes[name]}", f"Builds failed: {classes[name]}"
    keys = sorted(key.to_user_string() for key in run.asset_selection or ())
    what = ", ".join(keys) or run.job_name
    return f"run failed: {what}", f"Runs failed: {what}"


def _reason(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    for record in records:
        event = record.event_log_entry.dagster_event
        data = event.step_failure_data if event else None
        failure = data.user_failure_data if data else None
        if failure is not None and failure.description:
            return tail(failure.description, lines=_TEXT_LINES)
        if data is not None and data.error is not None:
            return tail(data.error.message, lines=_TEXT_LINES)
    return "The run's process ended without a word; it was killed, or the machine went down."


def _of_ticks(instance: dg.DagsterInstance, since: datetime, link: str) -> Iterator[tuple[Alert, int]]:
    """The schedules and sensors whose ticks fail, as long as they do: nothing is launched, and no run says so."""
    for state in instance.all_instigator_state():
        if state.instigator_name == SETTINGS_SENSOR:
            continue
        in_a_row = _TICKS_IN_A_ROW.get(state.instigator_type.value, 1)
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=in_a_row)
        if len(ticks) < in_a_row or any(tick.status.value != "FAILURE" for tick in ticks):
            continue
        last = ticks[0]
        if (last.end_timestamp or last.timestamp) <= since.timestamp():
            continue
        yield (
            Alert(
                cause=f"tick failed: {state.instigator_name}",
                title=f"{state.instigator_name} fails and launches nothing",
                text=tail(last.error.message, lines=_TEXT_LINES) if last.error else "It gave no reason.",
                link=f"{link}/automation",
            ),
            1,
        )


def _of_budgets(stopped: Sequence[QueuedSpec], link: str) -> Iterator[tuple[Alert, int]]:
    by_cause: dict[str, list[str]] = defaultdict(list)
    for queued in stopped:
        by_cause[str(queued.wait_cause)].append(queued.spec.name)
    for cause, names in sorted(by_cause.items()):
        yield (
            Alert(
                cause=budget_cause(cause),
                title=f"Builds wait: the {cause} is used up",
                text=f"{_some(names)}. They go on when the setting is raised; those of the day's budget also"
                " tomorrow.",
                link=f"{link}/assets/built_repos",
            ),
            len(names),
        )


def _of_holds(holds: Sequence[Hold], seen: Collection[str], link: str) -> Iterator[tuple[Alert, int]]:
    for hold in holds:
        if hold.cause not in seen:
            yield (
                Alert(
                    cause=f"stopped: {hold.cause}",
                    title="The whole queue is stopped" if hold.stops_builds else "Analyses are stopped",
                    text=f"{hold.reason} {hold.fix}",
                    link=f"{link}/assets/built_repos",
                ),
                1,
            )


def budget_cause(cause: str) -> str:
    """Under what builds that wait for a budget are told."""
    return f"budget: {cause}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
