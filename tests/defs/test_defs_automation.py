"""Schedules and the sensor: what they ask for, and why they skip."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from automation_ticks import (
    FRIDAY,
    MONDAY_LATER,
    THURSDAY,
    WEDNESDAY,
    gather,
    minutes_later,
    open_ended,
    queue_two,
    repos,
    sense,
    spec_named,
    spend,
    start_run,
    tick,
)
from defs_factory import RANGE_END, RANGE_START, DefsFactory
from defs_fakes import NOW, paper_on, spec_on
from registry_samples import call, ship

from factory_assets.defs.arxiv_records import HARVEST_SCHEDULE
from factory_assets.defs.automation import SPENDING_SCHEDULES, SPENDING_SENSORS
from factory_assets.domain.builds import Usage

# Wednesday's last hours are announced on Thursday night, US Eastern, and settled six hours later: Friday 06:00 UTC.
WEDNESDAY_SETTLED = datetime(2026, 6, 19, 6, tzinfo=UTC)
FOR_BUDGET = (
    "for budget: {} (the day's is used up or set aside; it turns at 00:00 UTC,"
    " or raise FACTORY_DAY_BUDGET_USD)"
)


# gather


def test_the_hourly_gather_asks_for_its_window_as_one_range(kept: DefsFactory) -> None:
    (request,) = tick(kept, "gather_hourly", datetime(2026, 6, 19, 8, tzinfo=UTC))
    assert request.partition_key is None
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2026-06-17", "2026-06-19")


def test_the_hourly_gather_runs_as_it_was_asked_for(kept: DefsFactory) -> None:
    (request,) = tick(kept, "gather_hourly", datetime(2026, 6, 19, 8, tzinfo=UTC))
    result = kept.defs.resolve_job_def("gather").execute_in_process(instance=kept.instance, tags=request.tags)
    assert result.success
    assert kept.gathering.asked == [(WEDNESDAY, THURSDAY, FRIDAY)]


def test_two_hours_ask_for_two_runs_and_the_same_hour_for_one(kept: DefsFactory) -> None:
    (first,) = tick(kept, "gather_hourly", datetime(2026, 6, 19, 8, tzinfo=UTC))
    (again,) = tick(kept, "gather_hourly", datetime(2026, 6, 19, 8, tzinfo=UTC))
    (second,) = tick(kept, "gather_hourly", datetime(2026, 6, 19, 9, tzinfo=UTC))
    assert first.run_key == again.run_key != second.run_key


def test_nothing_is_gathered_before_the_first_date(kept: DefsFactory) -> None:
    words = tick(kept, "gather_hourly", datetime(2026, 6, 16, 8, tzinfo=UTC))
    assert words == "The first date, 2026-06-17, has not come yet."


def test_after_a_pause_one_gather_reaches_back_to_where_the_last_good_one_began(kept: DefsFactory) -> None:
    factory = open_ended(kept)
    hour = {"dagster/schedule_name": "gather_hourly", RANGE_START: "2026-06-18", RANGE_END: "2026-06-24"}
    start_run(factory, "", dg.DagsterRunStatus.SUCCESS, job="gather", tags=hour)
    # Neither a range that a person gathered nor a gather that failed says what is here.
    by_hand = {RANGE_START: "2026-07-10", RANGE_END: "2026-07-12"}
    start_run(factory, "", dg.DagsterRunStatus.SUCCESS, job="gather", tags=by_hand)
    failed = {**hour, RANGE_START: "2026-07-01", RANGE_END: "2026-07-07"}
    start_run(factory, "", dg.DagsterRunStatus.FAILURE, job="gather", tags=failed)
    (request,) = tick(factory, "gather_hourly", datetime(2026, 7, 14, 8, tzinfo=UTC))
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2026-06-18", "2026-07-14")


def test_what_was_gathered_too_early_before_a_pause_waits_for_the_gather_after_it(kept: DefsFactory) -> None:
    factory = open_ended(kept)
    today = datetime.now(UTC).replace(hour=8, minute=0)
    gather(factory, today.date())
    day = today.date().isoformat()
    hour = {"dagster/schedule_name": "gather_hourly", RANGE_START: day, RANGE_END: day}
    start_run(factory, "", dg.DagsterRunStatus.SUCCESS, job="gather", tags=hour)
    later = today + timedelta(days=20)
    words = f"Gathered before arXiv announced them. They wait to be gathered again: {today.date()}."
    assert tick(factory, "analyze_daily", later) == words
    hour[RANGE_END] = later.date().isoformat()
    start_run(factory, "", dg.DagsterRunStatus.SUCCESS, job="gather", tags=hour)
    assert isinstance(tick(factory, "analyze_daily", later), list)


# analyze


def test_only_settled_dates_that_were_gathered_are_analysed(kept: DefsFactory) -> None:
    gather(kept, WEDNESDAY, THURSDAY)
    words = "Every settled date that was gathered is analysed."
    assert tick(kept, "analyze_daily", WEDNESDAY_SETTLED - timedelta(minutes=1)) == words
    (request,) = tick(kept, "analyze_daily", WEDNESDAY_SETTLED)
    assert request.partition_key == "2026-06-17"
    later = tick(kept, "analyze_daily", MONDAY_LATER)
    assert [request.partition_key for request in later] == ["2026-06-17", "2026-06-18"]


def test_a_date_that_is_analysed_is_asked_for_again_only_when_papers_came_late(kept: DefsFactory) -> None:
    kept.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    gather(kept, WEDNESDAY)
    kept.analysis.analyze(WEDNESDAY, print)
    assert tick(kept, "analyze_daily", MONDAY_LATER) == "Every settled date that was gathered is analysed."
    kept.gathering.papers[WEDNESDAY].append(paper_on(WEDNESDAY, 2))
    kept.gathering.gather([WEDNESDAY], print)
    (request,) = tick(kept, "analyze_daily", MONDAY_LATER)
    assert request.partition_key == "2026-06-17"


def analysed_in_vain(factory: DefsFactory, day: date, times: int, dollars: float, **tags: str) -> None:
    """Runs of `analyze` that failed just now, and what they cost."""
    for number in range(times):
        start_run(
            factory,
            "",
            dg.DagsterRunStatus.FAILURE,
            job="analyze",
            tags={"dagster/partition": day.isoformat(), "number": str(number), **tags},
        )
    cost = Usage(calls=1, cost_usd=dollars)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    factory.registry.ledger.record(call(stage="analyze", partition=day.isoformat(), usage=cost, at=yesterday))


@pytest.mark.parametrize(("times", "days"), [(1, 1), (2, 2), (3, 4), (4, 8), (9, 8)])
def test_a_date_whose_analysis_keeps_failing_is_tried_ever_more_seldom_and_told_of(
    kept: DefsFactory, times: int, days: int
) -> None:
    gather(kept, WEDNESDAY, THURSDAY)
    analysed_in_vain(kept, WEDNESDAY, times, 0.5)
    now = datetime.now(UTC)
    before = tick(kept, "analyze_daily", now + timedelta(days=days, hours=-13))
    assert [request.partition_key for request in before] == ["2026-06-18"]
    (alert,) = [
        known for known in kept.registry.alerts.due(now + timedelta(days=9)) if "analys" in known.cause
    ]
    assert f"2026-06-17 failed {times} times ($0.50 so far)" in alert.text
    then = tick(kept, "analyze_daily", now + timedelta(days=days, minutes=-10))
    assert [request.partition_key for request in then] == ["2026-06-17", "2026-06-18"]


def test_a_date_whose_analysis_failed_is_paid_for_again_within_the_days_budget_alone(
    kept: DefsFactory,
) -> None:
    gather(kept, WEDNESDAY)
    analysed_in_vain(kept, WEDNESDAY, 1, 0.5)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    left = kept.settings.factory_day_budget_usd - 0.4
    spend(kept, left, tomorrow)
    assert "FACTORY_DAY_BUDGET_USD" in tick(kept, "analyze_daily", tomorrow)


def test_an_analysis_that_left_papers_unread_is_green_and_tried_again_after_a_pause(
    kept: DefsFactory,
) -> None:
    kept.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1), paper_on(WEDNESDAY, 2)]
    gather(kept, WEDNESDAY)
    kept.analysis.no_room = 1
    result = kept.run_day("analyze", WEDNESDAY)
    assert result.success
    assert kept.tags(result)["factory/outcome"] == "unfinished"
    now = datetime.now(UTC)
    assert "2026-06-17 failed 1 times" in tick(kept, "analyze_daily", now + timedelta(hours=10))
    (request,) = tick(kept, "analyze_daily", now + timedelta(days=1))
    assert request.partition_key == "2026-06-17"


def test_what_was_put_off_for_the_outside_world_is_no_failure_of_a_date(kept: DefsFactory) -> None:
    gather(kept, WEDNESDAY)
    analysed_in_vain(kept, WEDNESDAY, 3, 0.0, **{"factory/outcome": "deferred"})
    (request,) = tick(kept, "analyze_daily", datetime.now(UTC) + timedelta(hours=1))
    assert request.partition_key == "2026-06-17"


# build


def test_the_morning_build_asks_for_what_the_budget_covers_and_has_no_run_yet(kept: DefsFactory) -> None:
    assert tick(kept, "build_daily", MONDAY_LATER) == "No spec is queued."
    queue_two(kept)
    outcome = tick(kept, "build_daily", MONDAY_LATER)
    assert repos(outcome) == ["cache-probe", "tree-probe"]
    start_run(kept, "cache-probe", dg.DagsterRunStatus.STARTED)
    assert repos(tick(kept, "build_daily", MONDAY_LATER)) == ["tree-probe"]
    spend(kept, 45.0, at=MONDAY_LATER)
    words = tick(kept, "build_daily", MONDAY_LATER)
    assert words == f"Specs that wait: {FOR_BUDGET.format(1)}; with a run already: 1."


def test_queued_specs_are_asked_for_by_their_date_and_rank_under_their_name(factory: DefsFactory) -> None:
    queue_two(factory)
    outcome = sense(factory)
    assert repos(outcome) == ["cache-probe", "tree-probe"]
    (request, other) = outcome
    assert isinstance(request.partition_key, dg.MultiPartitionKey)
    assert request.partition_key.keys_by_dimension == {"date": "2026-06-17", "rank": "01"}
    assert {name: request.tags[name] for name in request.tags if name.startswith("factory/")} == {
        "factory/repo": "cache-probe",
        "factory/papers": "2606.17001",
        "factory/date": "2026-06-17",
        "factory/rank": "01",
        "factory/attempts-before": "0",
    }
    assert request.run_key != other.run_key


def test_what_the_sensor_asks_for_builds_the_repos(factory: DefsFactory) -> None:
    queue_two(factory)
    for request in sense(factory):
        assert factory.run("build", request.partition_key, request.tags).success
    assert factory.building.built == ["cache-probe", "tree-probe"]
    assert sense(factory) == "No spec is queued."


def test_an_exhausted_budget_launches_nothing_and_says_what_to_do(factory: DefsFactory) -> None:
    queue_two(factory)
    spend(factory, 49.0, at=datetime.now(UTC))
    assert sense(factory) == f"Specs that wait: {FOR_BUDGET.format(2)}."


def test_a_day_whose_budget_is_full_is_an_alert_however_often_the_sensor_looks(factory: DefsFactory) -> None:
    queue_two(factory)
    now = datetime.now(UTC)
    sense(factory)
    assert factory.registry.alerts.due(now) == []
    minutes_later(factory)
    spend(factory, 49.0, at=now)
    for _ in range(3):
        sense(factory)
    (alert,) = factory.registry.alerts.due(datetime.now(UTC))
    assert (alert.cause, alert.times) == ("budget: day budget", 1)
    assert alert.text.startswith(
        "2 specs wait. They go on at 00:00 UTC, or when FACTORY_DAY_BUDGET_USD ($50.00)"
    )


def test_what_was_spent_yesterday_does_not_count_today(factory: DefsFactory) -> None:
    queue_two(factory)
    spend(factory, 49.0, at=datetime.now(UTC) - timedelta(days=1))
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]


def test_no_rank_without_a_spec_is_ever_launched(factory: DefsFactory) -> None:
    factory.analysis.analyze(WEDNESDAY, print)
    assert sense(factory) == "No spec is queued."


def test_a_spec_that_failed_waits_for_the_operator(factory: DefsFactory) -> None:
    queue_two(factory)
    queued = spec_named(factory, "cache-probe")
    factory.registry.builds.start(queued.id, run_id="run-1", now=NOW)
    factory.registry.builds.fail(queued.id, "The gate tests-pass refused.")
    assert repos(sense(factory)) == ["tree-probe"]


# mirror


def test_the_nightly_mirror_asks_for_what_shipped_and_is_not_mirrored(kept: DefsFactory) -> None:
    night = datetime(2026, 6, 29, 23, tzinfo=UTC)
    queue_two(kept)
    assert tick(kept, "mirror_nightly", night) == "Every shipped repo is mirrored."
    ship(kept.registry, spec_named(kept, "tree-probe"))
    (request,) = tick(kept, "mirror_nightly", night)
    assert request.partition_key == dg.MultiPartitionKey({"date": "2026-06-17", "rank": "02"})
    assert request.tags["factory/repo"] == "tree-probe"
    assert kept.run("mirror", request.partition_key, request.tags).success
    assert tick(kept, "mirror_nightly", night) == "Every shipped repo is mirrored."


def test_a_repo_whose_mirror_is_queued_or_at_work_is_not_asked_for_again(kept: DefsFactory) -> None:
    night = datetime(2026, 6, 29, 23, tzinfo=UTC)
    queue_two(kept)
    for name in ("cache-probe", "tree-probe"):
        ship(kept.registry, spec_named(kept, name))
    (first, second) = tick(kept, "mirror_nightly", night)
    start_run(kept, first.tags["factory/repo"], dg.DagsterRunStatus.QUEUED, job="mirror")
    (request,) = tick(kept, "mirror_nightly", night + timedelta(minutes=1))
    assert request.partition_key == second.partition_key
    start_run(kept, second.tags["factory/repo"], dg.DagsterRunStatus.STARTED, job="mirror")
    words = tick(kept, "mirror_nightly", night + timedelta(minutes=2))
    assert words == "Every shipped repo is mirrored, or its mirror is under way: cache-probe, tree-probe."
    (run,) = kept.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
    kept.instance.report_run_failed(run)
    (request,) = tick(kept, "mirror_nightly", night + timedelta(minutes=3))
    assert request.partition_key == first.partition_key


def test_what_has_no_partition_any_more_is_told_and_holds_back_nothing_else(kept: DefsFactory) -> None:
    for day, name in ((WEDNESDAY, "old-probe"), (FRIDAY, "new-probe")):
        kept.gathering.papers[day] = [paper_on(day, 1)]
        kept.analysis.specs[day] = [spec_on(day, name)]
        gather(kept, day)
        kept.analysis.analyze(day, print)
        ship(kept.registry, spec_named(kept, name))
        kept.gathering.papers[day].append(paper_on(day, 2))
        gather(kept, day)
    moved = DefsFactory(kept.settings.model_copy(update={"factory_start_date": FRIDAY}), kept.instance)
    (request,) = tick(moved, "analyze_daily", MONDAY_LATER)
    assert request.partition_key == FRIDAY.isoformat()
    (request,) = tick(moved, "mirror_nightly", MONDAY_LATER)
    assert request.tags["factory/repo"] == "new-probe"
    moved.analysis.analyze(FRIDAY, print)
    words = tick(moved, "analyze_daily", MONDAY_LATER)
    assert str(words).startswith("1 date is not analysed: no partition lies there now (FACTORY_START_DATE,")
    later = DefsFactory(
        kept.settings.model_copy(update={"factory_start_date": FRIDAY + timedelta(days=1)}), kept.instance
    )
    words = tick(later, "mirror_nightly", MONDAY_LATER)
    assert str(words).startswith("2 repos are not mirrored: no partition lies there now")


def test_a_spec_of_a_date_that_has_not_come_yet_waits_and_holds_back_no_other(kept: DefsFactory) -> None:
    factory = open_ended(kept)
    queue_two(factory)
    ahead = datetime.now(UTC).date() + timedelta(days=2)
    factory.analysis.specs[ahead] = [spec_on(ahead, "ahead-probe")]
    factory.gathering.papers[ahead] = [paper_on(ahead, 1)]
    factory.gathering.gather([ahead], print)
    factory.analysis.analyze(ahead, print)
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]


# what spends


def test_what_spends_or_publishes_is_named_and_stopped_by_default(factory: DefsFactory) -> None:
    stopped = {
        definition.name
        for definition in (*(factory.defs.schedules or []), *(factory.defs.sensors or []))
        if definition.default_status.value == "STOPPED"
    }
    # This instance mirrors into a folder, which publishes nothing: test_defs_graph holds the other case.
    assert {*SPENDING_SCHEDULES, *SPENDING_SENSORS} - stopped == {"mirror_nightly"}
    # A harvest spends nothing, and is not wanted here.
    assert stopped <= {*SPENDING_SCHEDULES, *SPENDING_SENSORS, HARVEST_SCHEDULE}
