"""The sensor beside the runs that there are: queued, crashed, cancelled, put off, of a backfill."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import dagster as dg
import pytest
from automation_ticks import (
    FRIDAY,
    MONDAY_LATER,
    THURSDAY,
    minutes_later,
    queue_two,
    repos,
    sense,
    spec_named,
    start_run,
    tick,
)
from dagster import partition_loading_context
from dagster_private import AssetGraphSubset, AssetKeyPartitionKey
from defs_factory import DefsFactory
from defs_fakes import NOW, spec_on
from registry_samples import reservation
from sqlalchemy import Engine, event

from factory_assets.build_defs import build_defs
from factory_assets.defs.dagster_private.core import AssetBackfillData, BulkActionStatus, PartitionBackfill
from factory_assets.defs.queue import put_off_cancelled, settled_launches
from factory_assets.domain.builds import Usage, WaitCause
from factory_assets.domain.specs import QueuedSpec
from factory_assets.settings import Settings

ONE_DATE_TWO_RANKS = {"2026-06-17|01", "2026-06-17|02"}
FIRST_RUN, SECOND_RUN = str(UUID(int=1)), str(UUID(int=2))
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


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
    factory.defs = build_defs(narrow, {"registry": factory.registry, "instance": factory.parts})
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
    factory.registry.builds.start(queued.id, run_id="run-1", now=NOW)
    factory.registry.builds.defer(queued.id, cause=WaitCause.RATE_LIMIT, until=NOW, reason="529 overloaded")
    minutes_later(factory)
    (after, _) = sense(factory)
    assert after.tags["factory/repo"] == "cache-probe"
    assert after.run_key != before.run_key


def test_two_who_look_at_one_moment_launch_a_spec_once(kept: DefsFactory) -> None:
    queue_two(kept)
    assert repos(tick(kept, "build_daily", MONDAY_LATER)) == ["cache-probe", "tree-probe"]
    # Dagster makes the runs of a tick one after the other: the first is there and has ended, the second is not.
    start_run(kept, "cache-probe", dg.DagsterRunStatus.SUCCESS)
    assert repos(sense(kept)) == ["cache-probe"]
    assert sense(kept) == "Another tick or command is launching what is queued."


# Ahead: asked for by a clock that has been set right since.
@pytest.mark.parametrize(
    ("asked", "is_free"),
    [
        (timedelta(minutes=-3), False),
        (timedelta(minutes=3), False),
        (timedelta(minutes=-4), True),
        (timedelta(days=30), True),
    ],
    ids=["3 minutes ago", "3 minutes ahead", "4 minutes ago", "30 days ahead"],
)
def test_a_launch_that_never_became_a_run_is_asked_for_again_after_some_minutes(
    factory: DefsFactory, asked: timedelta, is_free: bool
) -> None:
    queue_two(factory)
    keys = {"cache-probe": "lost", "tree-probe": "lost"}
    factory.registry.launches.claim(keys, settled={}, now=datetime.now(UTC) + asked)
    found = sense(factory)
    if is_free:
        assert repos(found) == ["cache-probe", "tree-probe"]
    else:
        assert found == "Another tick or command is launching what is queued."


def test_the_more_one_tick_launches_the_longer_its_runs_are_waited_for(factory: DefsFactory) -> None:
    now = datetime.now(UTC)
    asked = now - timedelta(minutes=6)
    factory.registry.launches.claim(
        {f"probe-{number}": "tick" for number in range(99)}, settled={}, now=asked
    )
    assert settled_launches(factory.instance, factory.registry, now) == {}
    later = now + timedelta(minutes=6)
    assert len(settled_launches(factory.instance, factory.registry, later)) == 99


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
    minutes_later(factory)
    (after, _) = sense(factory)
    assert after.tags["factory/repo"] == "cache-probe"
    assert after.run_key != before.run_key


@pytest.mark.parametrize("is_started", [True, False], ids=["running", "queued"])
def test_a_build_that_was_cancelled_waits_a_day_or_for_a_retry_by_hand(
    factory: DefsFactory, is_started: bool
) -> None:
    queue_two(factory)
    queued = spec_named(factory, "cache-probe")
    status = dg.DagsterRunStatus.STARTED if is_started else dg.DagsterRunStatus.QUEUED
    start_run(factory, "cache-probe", status, run_id=FIRST_RUN)
    if is_started:
        factory.registry.builds.start(queued.id, run_id=FIRST_RUN, now=NOW)
    cancel(factory, "cache-probe")
    assert repos(sense(factory)) == ["tree-probe"]
    waiting = spec_named(factory, "cache-probe")
    assert (waiting.attempts, waiting.wait_cause) == (queued.attempts, WaitCause.CANCELLED)
    assert "`factory retry cache-probe` launches it again" in (waiting.error_log or "")
    assert waiting.not_before is not None
    assert waiting.not_before > datetime.now(UTC) + timedelta(hours=23)
    factory.registry.queue.requeue(queued.id)
    minutes_later(factory)
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]


def one_cancelled_of_two(factory: DefsFactory) -> QueuedSpec:
    """Two specs are queued, and the run that built the first of them was cancelled by hand."""
    queue_two(factory)
    queued = spec_named(factory, "cache-probe")
    start_run(factory, "cache-probe", dg.DagsterRunStatus.STARTED, run_id=FIRST_RUN)
    factory.registry.builds.start(queued.id, run_id=FIRST_RUN, now=NOW)
    cancel(factory, "cache-probe")
    return queued


@pytest.mark.parametrize("has_begun", [True, False], ids=["running", "queued"])
def test_a_run_that_was_cancelled_does_not_touch_the_one_that_a_person_has_started_since(
    factory: DefsFactory, has_begun: bool
) -> None:
    queued = one_cancelled_of_two(factory)
    status = dg.DagsterRunStatus.STARTED if has_begun else dg.DagsterRunStatus.QUEUED
    start_run(factory, "cache-probe", status, run_id=SECOND_RUN)
    if has_begun:
        factory.registry.builds.start(queued.id, run_id=SECOND_RUN, now=NOW)
    before = spec_named(factory, "cache-probe")
    for _ in range(2):
        assert repos(sense(factory)) == ["tree-probe"]
        minutes_later(factory)
        assert spec_named(factory, "cache-probe") == before


def test_a_run_that_was_cancelled_does_not_touch_what_a_later_one_was_put_off_for(
    factory: DefsFactory,
) -> None:
    queued = one_cancelled_of_two(factory)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.SUCCESS, run_id=SECOND_RUN)
    factory.registry.builds.start(queued.id, run_id=SECOND_RUN, now=NOW)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    factory.registry.builds.defer(
        queued.id, cause=WaitCause.RATE_LIMIT, until=tomorrow, reason="529 overloaded"
    )
    assert repos(sense(factory)) == ["tree-probe"]
    assert spec_named(factory, "cache-probe").wait_cause is WaitCause.RATE_LIMIT


def test_a_run_that_was_cancelled_does_not_touch_the_one_that_began_while_the_tick_looked(
    factory: DefsFactory,
) -> None:
    queued = one_cancelled_of_two(factory)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.STARTED, run_id=SECOND_RUN)
    factory.registry.builds.start(queued.id, run_id=SECOND_RUN, now=NOW)
    before = spec_named(factory, "cache-probe")
    put_off_cancelled(factory.instance, factory.registry, datetime.now(UTC), busy={})
    assert spec_named(factory, "cache-probe") == before


def test_a_run_that_was_cancelled_before_it_took_up_what_a_dead_one_left_puts_the_spec_off(
    factory: DefsFactory,
) -> None:
    queue_two(factory)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.FAILURE, run_id=FIRST_RUN)
    factory.registry.builds.start(spec_named(factory, "cache-probe").id, run_id=FIRST_RUN, now=NOW)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.QUEUED, run_id=SECOND_RUN)
    (second,) = factory.instance.get_runs(dg.RunsFilter(run_ids=[SECOND_RUN]))
    end(factory, second, by_hand=True)
    assert repos(sense(factory)) == ["tree-probe"]
    assert spec_named(factory, "cache-probe").wait_cause is WaitCause.CANCELLED


def test_what_a_cancelled_build_had_set_aside_is_free_again(factory: DefsFactory) -> None:
    queue_two(factory)
    queued = spec_named(factory, "cache-probe")
    now = datetime.now(UTC)
    factory.registry.builds.start(queued.id, run_id=FIRST_RUN, now=now)
    reserved = reservation(queued, at=now)
    factory.registry.ledger.reserve(reserved, day_budget_usd=50.0)
    factory.registry.ledger.meter(reserved.id, Usage(calls=1, cost_usd=0.25))
    start_run(factory, "cache-probe", dg.DagsterRunStatus.STARTED, run_id=FIRST_RUN)
    cancel(factory, "cache-probe")
    sense(factory)
    assert factory.registry.ledger.spent_since(now - timedelta(minutes=1)) == pytest.approx(0.25)


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
    factory.registry.queue.requeue(spec_named(factory, "cache-probe").id)
    tags = dict(factory.instance.get_runs(dg.RunsFilter(run_ids=[first.run_id]))[0].tags)
    factory.instance.delete_run(first.run_id)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.STARTED, tags=tags)
    cancel(factory, "cache-probe")
    minutes_later(factory)
    assert repos(sense(factory)) == ["tree-probe"]


def test_a_run_is_asked_for_again_only_in_another_tick(kept: DefsFactory) -> None:
    queue_two(kept)
    keys = [
        [request.run_key for request in tick(kept, "build_daily", MONDAY_LATER)] for _ in ("once", "again")
    ]
    minutes_later(kept)
    keys += [[request.run_key for request in tick(kept, "build_daily", MONDAY_LATER + timedelta(days=1))]]
    assert keys[0] == keys[1]
    assert not {*keys[0]} & {*keys[2]}


def test_a_spec_that_a_dead_run_left_in_a_phase_is_asked_for_again(factory: DefsFactory) -> None:
    queue_two(factory)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.FAILURE)
    factory.registry.builds.start(spec_named(factory, "cache-probe").id, run_id="dead", now=NOW)
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
    factory.registry.queue.add(
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
    minutes_later(factory)
    assert repos(sense(factory)) == ["cache-probe", "new-probe", "tree-probe"]


def test_what_was_put_off_is_counted_by_its_cause(factory: DefsFactory) -> None:
    queue_two(factory)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for name, cause in (("cache-probe", WaitCause.RATE_LIMIT), ("tree-probe", WaitCause.TOOLCHAIN)):
        queued = spec_named(factory, name)
        factory.registry.builds.start(queued.id, run_id="run-1", now=NOW)
        factory.registry.builds.defer(queued.id, cause=cause, until=tomorrow, reason="it must wait")
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
        kept.registry.queue.add(day, specs, [], dropped=0, ranks=range(1, 4), late_ranks=range(4, 5), now=NOW)
    minutes_later(kept)
    with counted_statements() as for_eight:
        assert len(sense(kept)) == 8
    assert 0 < len(for_eight) <= len(for_two)
