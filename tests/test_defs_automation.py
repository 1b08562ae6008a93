"""Schedules and the sensor, evaluated as the daemon evaluates them: what they ask for, and why they skip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.definitions.events import AssetKeyPartitionKey
from dagster._core.definitions.partitions.context import partition_loading_context
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from defs_factory import RANGE_END, RANGE_START, DefsFactory
from defs_fakes import NOW, paper_on, spec_on
from registry_samples import call, reservation, ship
from sqlalchemy import Engine, event

from factory_assets.build_defs import build_defs
from factory_assets.defs.automation import SPENDING_SCHEDULES, SPENDING_SENSORS
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import Usage, WaitCause
from factory_assets.domain.specs import QueuedSpec
from factory_assets.settings import Settings

WEDNESDAY, THURSDAY, FRIDAY = date(2026, 6, 17), date(2026, 6, 18), date(2026, 6, 19)
# Wednesday's last hours are announced on Thursday night, US Eastern, and settled six hours later: Friday 06:00 UTC.
WEDNESDAY_SETTLED = datetime(2026, 6, 19, 6, tzinfo=UTC)
MONDAY_LATER = datetime(2026, 6, 29, 6, tzinfo=UTC)
FOR_BUDGET = (
    "for budget: {} (the day's is used up or set aside; it turns at 00:00 UTC,"
    " or raise FACTORY_DAY_BUDGET_USD)"
)
ONE_DATE_TWO_RANKS = {"2026-06-17|01", "2026-06-17|02"}
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance without a run: making its databases takes seconds, copying them does not."""
    home = tmp_path_factory.mktemp("dagster-home")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs()
        instance.get_materialized_partitions(dg.AssetKey("papers"))
    return home


@pytest.fixture
def factory(replay_settings: Settings) -> Iterator[DefsFactory]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield DefsFactory(replay_settings, instance)


@pytest.fixture
def kept(replay_settings: Settings, empty_home: Path, tmp_path: Path) -> Iterator[DefsFactory]:
    """On disk, because a schedule that looks at its instance takes none that lives in memory only."""
    home = tmp_path / "home"
    shutil.copytree(empty_home, home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield DefsFactory(replay_settings, instance)


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


def tick(factory: DefsFactory, name: str, at: datetime) -> list[dg.RunRequest] | str:
    """The requests of one tick of a schedule, or the words with which it skips."""
    with dg.build_schedule_context(
        instance=factory.instance,
        scheduled_execution_time=at,
        repository_def=factory.defs.get_repository_def(),
        resources={"registry": factory.registry},
    ) as context:
        found = factory.defs.resolve_schedule_def(name).evaluate_tick(context)
    assert not (found.run_requests and found.skip_message)
    return list(found.run_requests or []) or found.skip_message or "no word"


def sense(factory: DefsFactory, cursor: str | None = None) -> list[dg.RunRequest] | str:
    """The same for the sensor."""
    with dg.build_sensor_context(
        instance=factory.instance,
        repository_def=factory.defs.get_repository_def(),
        resources={
            "registry": factory.registry,
            "building": factory.building,
            "clock": factory.defs.resources["clock"],
        },
        cursor=cursor,
    ) as context:
        found = factory.defs.resolve_sensor_def("queued_specs").evaluate_tick(context)
    assert not (found.run_requests and found.skip_message)
    return list(found.run_requests or []) or found.skip_message or "no word"


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
    factory.registry.record_call(call(stage="build", usage=usage, at=at))


def spec_named(factory: DefsFactory, name: str) -> QueuedSpec:
    queued = factory.registry.spec_named(name)
    assert queued is not None
    return queued


# gather


def test_the_hourly_gather_asks_for_its_window_as_one_range(factory: DefsFactory) -> None:
    (request,) = tick(factory, "gather_hourly", datetime(2026, 6, 19, 8, tzinfo=UTC))
    assert request.partition_key is None
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2026-06-17", "2026-06-19")


def test_the_hourly_gather_runs_as_it_was_asked_for(factory: DefsFactory) -> None:
    (request,) = tick(factory, "gather_hourly", datetime(2026, 6, 19, 8, tzinfo=UTC))
    result = factory.defs.resolve_job_def("gather").execute_in_process(
        instance=factory.instance, tags=request.tags
    )
    assert result.success
    assert factory.gathering.asked == [(WEDNESDAY, THURSDAY, FRIDAY)]


def test_two_hours_ask_for_two_runs_and_the_same_hour_for_one(factory: DefsFactory) -> None:
    (first,) = tick(factory, "gather_hourly", datetime(2026, 6, 19, 8, tzinfo=UTC))
    (again,) = tick(factory, "gather_hourly", datetime(2026, 6, 19, 8, tzinfo=UTC))
    (second,) = tick(factory, "gather_hourly", datetime(2026, 6, 19, 9, tzinfo=UTC))
    assert first.run_key == again.run_key != second.run_key


def test_nothing_is_gathered_before_the_first_date(factory: DefsFactory) -> None:
    words = tick(factory, "gather_hourly", datetime(2026, 6, 16, 8, tzinfo=UTC))
    assert words == "The first date, 2026-06-17, has not come yet."


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


@pytest.mark.parametrize("status", UNFINISHED, ids=lambda status: status.value)
def test_a_spec_with_a_queued_or_running_run_is_not_asked_for_again(
    factory: DefsFactory, status: dg.DagsterRunStatus
) -> None:
    queue_two(factory)
    start_run(factory, "cache-probe", status)
    assert repos(sense(factory)) == ["tree-probe"]
    start_run(factory, "tree-probe", status)
    assert sense(factory) == "Specs that wait: with a run already: 2."


@pytest.mark.parametrize(
    ("job", "selection"),
    [("mirror", None), ("__ASSET_JOB", frozenset({dg.AssetKey("mirrored_repos")}))],
    ids=["job", "backfill"],
)
def test_a_run_that_mirrors_holds_no_share_of_the_days_budget(
    factory: DefsFactory, job: str, selection: frozenset[dg.AssetKey] | None
) -> None:
    queue_two(factory)
    for number in range(9):
        start_run(
            factory,
            f"shipped-{number}",
            dg.DagsterRunStatus.QUEUED,
            job=job,
            asset_selection=selection,
        )
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]


def test_a_queued_run_of_a_backfill_keeps_its_spec_from_being_launched_beside_it(
    factory: DefsFactory,
) -> None:
    queue_two(factory)
    queued = spec_named(factory, "cache-probe")
    partition = f"{queued.day}|{queued.rank:02d}"
    start_run(factory, "", dg.DagsterRunStatus.QUEUED, tags={"dagster/partition": partition})
    assert repos(sense(factory)) == ["tree-probe"]


def test_a_spec_whose_rank_is_no_partition_any_more_does_not_stop_the_others(
    factory: DefsFactory, replay_settings: Settings
) -> None:
    queue_two(factory)
    narrow = replay_settings.model_copy(update={"factory_ranks": 1})
    assert spec_named(factory, "tree-probe").rank == 2
    factory.defs = build_defs(narrow, {"registry": factory.registry})
    assert repos(sense(factory)) == ["cache-probe"]


def test_a_spec_whose_run_has_ended_is_free_again(factory: DefsFactory) -> None:
    queue_two(factory)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.CANCELED)
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]


def test_a_deferred_build_is_asked_for_again_under_another_key(factory: DefsFactory) -> None:
    # A request whose key was launched before is never launched again.
    queue_two(factory)
    (before, _) = sense(factory)
    queued = spec_named(factory, "cache-probe")
    factory.registry.start_build(queued.id, run_id="run-1", now=NOW)
    factory.registry.defer_build(queued.id, cause=WaitCause.RATE_LIMIT, until=NOW, reason="529 overloaded")
    (after, _) = sense(factory)
    assert after.tags["factory/repo"] == "cache-probe"
    assert after.run_key != before.run_key


def cancel(factory: DefsFactory, repo: str, *, by_hand: bool = True) -> dg.DagsterRun:
    """The repo's one run, cancelled in the UI, or taken back by a command of the factory."""
    (run,) = factory.instance.get_runs(dg.RunsFilter(tags={"factory/repo": repo}))
    end(factory, run, by_hand=by_hand)
    return run


def end(factory: DefsFactory, run: dg.DagsterRun, *, by_hand: bool) -> None:
    if by_hand:
        factory.instance.report_run_canceling(run)
    factory.instance.report_run_canceled(run)


def test_a_run_that_a_command_took_back_is_followed_by_another_one(factory: DefsFactory) -> None:
    queue_two(factory)
    (before, _) = sense(factory)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.QUEUED)
    cancel(factory, "cache-probe", by_hand=False)
    (after, _) = sense(factory)
    assert after.tags["factory/repo"] == "cache-probe"
    assert after.run_key != before.run_key


@pytest.mark.parametrize("is_started", [True, False], ids=["running", "queued"])
def test_a_build_that_was_cancelled_waits_a_day_or_for_a_retry_by_hand(
    factory: DefsFactory, is_started: bool
) -> None:
    queue_two(factory)
    queued = spec_named(factory, "cache-probe")
    start_run(
        factory, "cache-probe", dg.DagsterRunStatus.STARTED if is_started else dg.DagsterRunStatus.QUEUED
    )
    if is_started:
        factory.registry.start_build(queued.id, run_id="run-1", now=NOW)
    cancel(factory, "cache-probe")
    assert repos(sense(factory)) == ["tree-probe"]
    waiting = spec_named(factory, "cache-probe")
    assert (waiting.attempts, waiting.wait_cause) == (queued.attempts, WaitCause.CANCELLED)
    assert "`factory retry cache-probe` launches it again" in (waiting.error_log or "")
    assert waiting.not_before is not None
    assert waiting.not_before > datetime.now(UTC) + timedelta(hours=23)
    factory.registry.requeue(queued.id)
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]


def test_what_a_cancelled_build_had_set_aside_is_free_again(factory: DefsFactory) -> None:
    queue_two(factory)
    queued = spec_named(factory, "cache-probe")
    now = datetime.now(UTC)
    factory.registry.start_build(queued.id, run_id="run-1", now=now)
    reserved = reservation(queued, at=now)
    factory.registry.reserve(reserved, day_budget_usd=50.0)
    factory.registry.meter(reserved.id, Usage(calls=1, cost_usd=0.25))
    start_run(factory, "cache-probe", dg.DagsterRunStatus.STARTED)
    cancel(factory, "cache-probe")
    sense(factory)
    assert factory.registry.spent_since(now - timedelta(minutes=1)) == pytest.approx(0.25)


def test_a_queued_run_of_a_backfill_that_was_cancelled_puts_its_spec_off(factory: DefsFactory) -> None:
    queue_two(factory)
    start_run(factory, "", dg.DagsterRunStatus.QUEUED, tags={"dagster/partition": "2026-06-17|01"})
    (run,) = factory.instance.get_runs()
    end(factory, run, by_hand=True)
    assert repos(sense(factory)) == ["tree-probe"]
    assert spec_named(factory, "cache-probe").wait_cause is WaitCause.CANCELLED


def test_a_build_that_was_cancelled_when_executed_again_waits_too(factory: DefsFactory) -> None:
    queue_two(factory)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.STARTED)
    first = cancel(factory, "cache-probe")
    sense(factory)
    factory.registry.requeue(spec_named(factory, "cache-probe").id)
    tags = dict(factory.instance.get_runs(dg.RunsFilter(run_ids=[first.run_id]))[0].tags)
    factory.instance.delete_run(first.run_id)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.STARTED, tags=tags)
    cancel(factory, "cache-probe")
    assert repos(sense(factory)) == ["tree-probe"]


def test_a_run_is_asked_for_again_only_in_another_tick(kept: DefsFactory) -> None:
    queue_two(kept)
    keys = [
        [request.run_key for request in tick(kept, "build_daily", at)]
        for at in (MONDAY_LATER, MONDAY_LATER, MONDAY_LATER + timedelta(days=1))
    ]
    assert keys[0] == keys[1]
    assert not {*keys[0]} & {*keys[2]}


def test_a_spec_that_a_dead_run_left_in_a_phase_is_asked_for_again(factory: DefsFactory) -> None:
    queue_two(factory)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.FAILURE)
    factory.registry.start_build(spec_named(factory, "cache-probe").id, run_id="dead", now=NOW)
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]


def test_a_spec_whose_runs_keep_ending_red_is_given_a_pause(factory: DefsFactory) -> None:
    queue_two(factory)
    for _ in range(2):
        start_run(factory, "cache-probe", dg.DagsterRunStatus.FAILURE)
    for _ in range(2):
        tags = {"factory/repo": "tree-probe", "factory/outcome": "failed"}
        start_run(factory, "tree-probe", dg.DagsterRunStatus.FAILURE, tags=tags)
    assert repos(sense(factory)) == ["tree-probe"]


def test_a_crashed_run_that_dagster_will_retry_by_itself_keeps_its_spec(factory: DefsFactory) -> None:
    queue_two(factory)
    tags = {"factory/repo": "cache-probe", "dagster/will_retry": "true"}
    start_run(factory, "cache-probe", dg.DagsterRunStatus.FAILURE, tags=tags)
    assert repos(sense(factory)) == ["tree-probe"]


def backfill(factory: DefsFactory, *, ranks: set[str], requested: set[str]) -> None:
    """A backfill in flight over these partitions of built_repos, which has made runs for some of them."""
    graph = factory.defs.resolve_asset_graph()
    asset = dg.AssetKey("built_repos")
    with partition_loading_context(dynamic_partitions_store=factory.instance):
        data = AssetBackfillData.from_asset_graph_subset(
            AssetGraphSubset.from_asset_partition_set(
                {AssetKeyPartitionKey(asset, key) for key in ranks}, graph
            ),
            dynamic_partitions_store=factory.instance,
            backfill_start_timestamp=NOW.timestamp(),
        ).replace_requested_subset(
            AssetGraphSubset.from_asset_partition_set(
                {AssetKeyPartitionKey(asset, key) for key in requested}, graph
            )
        )
    factory.instance.add_backfill(
        PartitionBackfill(
            backfill_id="backfill-1",
            status=BulkActionStatus.REQUESTED,
            from_failure=False,
            tags={},
            backfill_timestamp=NOW.timestamp(),
            asset_selection=[asset],
            asset_backfill_data=data,
        )
    )


def test_a_backfill_that_has_made_no_run_for_a_spec_yet_keeps_it_from_being_launched_beside_it(
    kept: DefsFactory,
) -> None:
    queue_two(kept)
    backfill(kept, ranks=ONE_DATE_TWO_RANKS, requested={"2026-06-17|02"})
    # The run of the second one has ended, put off: it is automation's again.
    assert repos(sense(kept)) == ["tree-probe"]


def test_launches_carry_priorities_that_keep_their_order_across_ticks(factory: DefsFactory) -> None:
    queue_two(factory)
    first, second = (int(request.tags["dagster/priority"]) for request in sense(factory))
    assert first > second


def test_the_fifth_launch_ever_is_the_oldest_spec(factory: DefsFactory) -> None:
    queue_two(factory)
    factory.registry.queue_specs(
        FRIDAY,
        [spec_on(FRIDAY, "new-probe")],
        [],
        dropped=0,
        ranks=range(1, 4),
        late_ranks=range(4, 5),
        now=NOW,
    )
    assert repos(sense(factory)) == ["new-probe", "cache-probe", "tree-probe"]
    for number in range(4):
        start_run(factory, f"shipped-{number}", dg.DagsterRunStatus.SUCCESS)
    assert repos(sense(factory)) == ["cache-probe", "new-probe", "tree-probe"]


def test_what_was_put_off_is_counted_by_its_cause(factory: DefsFactory) -> None:
    queue_two(factory)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for name, cause in (("cache-probe", WaitCause.RATE_LIMIT), ("tree-probe", WaitCause.TOOLCHAIN)):
        queued = spec_named(factory, name)
        factory.registry.start_build(queued.id, run_id="run-1", now=NOW)
        factory.registry.defer_build(queued.id, cause=cause, until=tomorrow, reason="it must wait")
    assert sense(factory) == "Specs that wait: put off: 1 (rate limit), 1 (toolchain)."


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """What is asked of Dagster's databases meanwhile."""
    asked: list[str] = []

    def count(connection: object, cursor: object, statement: str, *rest: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def test_a_tick_asks_dagster_no_more_for_many_specs_than_for_few(kept: DefsFactory) -> None:
    queue_two(kept)
    with counted_statements() as for_two:
        assert len(sense(kept)) == 2
    for day, name in ((THURSDAY, "thursday"), (FRIDAY, "friday")):
        specs = [spec_on(day, f"{name}-{number}") for number in range(3)]
        kept.registry.queue_specs(
            day, specs, [], dropped=0, ranks=range(1, 4), late_ranks=range(4, 5), now=NOW
        )
    with counted_statements() as for_eight:
        assert len(sense(kept)) == 8
    assert 0 < len(for_eight) <= len(for_two)


# a stopped queue


def stop(
    factory: DefsFactory, *, minutes_ago: float = 0, credential: str = "expired", tries: int = 0
) -> None:
    """The queue as a refused credential leaves it."""
    factory.building.credential = credential
    factory.registry.hold(
        Hold(
            cause=WaitCause.CREDENTIAL,
            reason="The model's credential was refused: 401.",
            mend="Put a valid key into ANTHROPIC_API_KEY.",
            since=datetime.now(UTC) - timedelta(minutes=minutes_ago),
            credential=factory.building.credential_digest(),
            tries=tries,
        )
    )
    factory.instance.event_log_storage.set_concurrency_slots("builds", 0)


def slots(factory: DefsFactory) -> int | None:
    limits = factory.instance.event_log_storage.get_pool_limits()
    return next((limit.limit for limit in limits if limit.name == "builds"), None)


STOPPED = (
    "Nothing that needs a model is launched. The model's credential was refused: 401."
    " To mend it: Put a valid key into ANTHROPIC_API_KEY."
)


def test_while_the_queue_is_stopped_nothing_is_launched_and_every_tick_says_why(kept: DefsFactory) -> None:
    queue_two(kept)
    gather(kept, THURSDAY)
    stop(kept)
    assert sense(kept) == STOPPED
    assert tick(kept, "build_daily", MONDAY_LATER) == STOPPED
    assert tick(kept, "analyze_daily", MONDAY_LATER) == STOPPED
    assert slots(kept) == 0
    assert kept.building.probes == 0


def test_another_credential_lifts_the_stop_at_the_next_tick(factory: DefsFactory) -> None:
    queue_two(factory)
    stop(factory)
    factory.building.credential = "renewed"
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]
    assert factory.registry.holds() == []
    assert slots(factory) == factory.settings.build_workers
    assert factory.building.probes == 0


def test_the_same_credential_lifts_the_stop_once_a_free_probe_finds_it_good(factory: DefsFactory) -> None:
    queue_two(factory)
    stop(factory, minutes_ago=11)
    assert sense(factory) == STOPPED
    assert factory.building.probes == 1
    factory.building.accepted = frozenset({"expired"})
    a_minute_ago = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    assert sense(factory, cursor=a_minute_ago) == STOPPED
    assert factory.building.probes == 1
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]
    assert slots(factory) == factory.settings.build_workers


@pytest.mark.parametrize(("tries", "minutes"), [(0, 60), (1, 120), (9, 360)])
def test_where_only_a_build_can_tell_the_stop_is_lifted_by_time_and_each_time_later(
    factory: DefsFactory, tries: int, minutes: int
) -> None:
    queue_two(factory)
    stop(factory, minutes_ago=minutes - 1, credential="login", tries=tries)
    assert sense(factory) == STOPPED
    stop(factory, minutes_ago=minutes, credential="login", tries=tries)
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]
    assert factory.registry.hold_tries(WaitCause.CREDENTIAL, datetime.now(UTC)) == tries + 1


def test_a_stop_that_comes_back_after_a_try_says_that_it_waits_longer(factory: DefsFactory) -> None:
    queue_two(factory)
    stop(factory, minutes_ago=11)
    factory.building.accepted = frozenset({"expired"})
    (request, _) = sense(factory)
    factory.building.accepted = frozenset()
    assert factory.run("build", request.partition_key, request.tags).success
    (hold,) = factory.registry.holds()
    assert hold.tries == 1
    assert "tried every 20 minutes" in str(hold)


@pytest.mark.parametrize(("tries", "minutes"), [(0, 10), (2, 40)])
def test_what_a_machine_lacks_stops_the_builds_for_a_while_and_no_analysis(
    kept: DefsFactory, tries: int, minutes: int
) -> None:
    queue_two(kept)
    gather(kept, THURSDAY)
    hold = Hold(
        cause=WaitCause.TOOLCHAIN,
        reason="git is not installed.",
        mend="Install git.",
        since=datetime.now(UTC) - timedelta(minutes=minutes - 1),
        credential=kept.building.credential_digest(),
        tries=tries,
    )
    kept.registry.hold(hold)
    assert "git is not installed. To mend it: Install git." in sense(kept)
    assert len(tick(kept, "analyze_daily", MONDAY_LATER)) == 1
    kept.registry.hold(replace(hold, since=hold.since - timedelta(minutes=1)))
    assert repos(sense(kept)) == ["cache-probe", "tree-probe"]
    assert kept.building.probes == 0


def test_a_build_whose_credential_is_refused_stops_automation_until_it_is_renewed(
    factory: DefsFactory,
) -> None:
    queue_two(factory)
    factory.building.credential = "expired"
    (request, _) = sense(factory)
    assert factory.run("build", request.partition_key, request.tags).success
    words = sense(factory)
    assert isinstance(words, str)
    assert "401 invalid x-api-key" in words
    factory.building.credential = "good"
    (again, _) = sense(factory)
    assert again.tags["factory/repo"] == "cache-probe"
    assert again.run_key != request.run_key
    assert factory.run("build", again.partition_key, again.tags).success
    assert spec_named(factory, "cache-probe").status == "shipped"


def test_an_exhausted_budget_launches_nothing_and_says_what_to_do(factory: DefsFactory) -> None:
    queue_two(factory)
    spend(factory, 49.0, at=datetime.now(UTC))
    assert sense(factory) == f"Specs that wait: {FOR_BUDGET.format(2)}."


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
    factory.registry.start_build(queued.id, run_id="run-1", now=NOW)
    factory.registry.fail_build(queued.id, "The gate tests-pass refused.")
    assert repos(sense(factory)) == ["tree-probe"]


# mirror


def test_the_nightly_mirror_asks_for_what_shipped_and_is_not_mirrored(factory: DefsFactory) -> None:
    night = datetime(2026, 6, 29, 23, tzinfo=UTC)
    queue_two(factory)
    assert tick(factory, "mirror_nightly", night) == "Every shipped repo is mirrored."
    ship(factory.registry, spec_named(factory, "tree-probe"))
    (request,) = tick(factory, "mirror_nightly", night)
    assert request.partition_key == dg.MultiPartitionKey({"date": "2026-06-17", "rank": "02"})
    assert request.tags["factory/repo"] == "tree-probe"
    assert factory.run("mirror", request.partition_key, request.tags).success
    assert tick(factory, "mirror_nightly", night) == "Every shipped repo is mirrored."


# what spends


def test_what_spends_or_publishes_is_named_and_stopped_by_default(factory: DefsFactory) -> None:
    stopped = {
        definition.name
        for definition in (*(factory.defs.schedules or []), *(factory.defs.sensors or []))
        if definition.default_status.value == "STOPPED"
    }
    # This instance mirrors into a folder, which publishes nothing: test_defs_graph holds the other case.
    assert {*SPENDING_SCHEDULES, *SPENDING_SENSORS} - stopped == {"mirror_nightly"}
    assert stopped <= {*SPENDING_SCHEDULES, *SPENDING_SENSORS}
