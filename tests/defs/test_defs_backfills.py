"""Backfills that Dagster ended by itself: nobody has cancelled their builds, and an operator is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest
from automation_ticks import queue_two, repos, sense, spec_named, start_run
from dagster_private import SerializableErrorInfo, cancel_backfill_runs_and_cancellation_complete
from defs_factory import DefsFactory
from hook_receiver import Receiver

from factory_assets.alerts.send import AlertPlaces
from factory_assets.defs.alerts import _Seen, look
from factory_assets.defs.dagster_private.core import BulkActionStatus, PartitionBackfill
from factory_assets.domain.builds import WaitCause

PARTITION = "2026-06-17|01"
LINK = "http://ui.example"


def backfill(factory: DefsFactory, status: BulkActionStatus, backfill_id: str = "backfill-1") -> None:
    """A backfill of built_repos that has come to this, one day before now."""
    started = time.time() - 86_400
    record = PartitionBackfill(
        backfill_id=backfill_id,
        status=BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=started,
        asset_selection=[dg.AssetKey("built_repos")],
    )
    factory.instance.add_backfill(record)
    move(factory, status, backfill_id)


def move(factory: DefsFactory, status: BulkActionStatus, backfill_id: str = "backfill-1") -> None:
    record = factory.instance.get_backfill(backfill_id)
    assert record is not None
    error = SerializableErrorInfo(
        "DagsterError: papers existed at storage-time, but no longer does", [], None
    )
    moved = record.with_status(status)
    if status in {BulkActionStatus.FAILING, BulkActionStatus.FAILED}:
        moved = moved.with_error(error)
    if status in {BulkActionStatus.FAILED, BulkActionStatus.CANCELED}:
        moved = moved.with_end_timestamp(time.time())
    factory.instance.update_backfill(moved)


def queued_run(factory: DefsFactory) -> None:
    """The run of cache-probe that the backfill has queued."""
    tags = {"dagster/partition": PARTITION, "dagster/backfill": "backfill-1"}
    start_run(factory, "", dg.DagsterRunStatus.QUEUED, tags=tags)


def cancel_runs(factory: DefsFactory) -> None:
    """What the daemon does to the runs of a backfill that is ended, whoever ends it."""
    logger = logging.getLogger("daemon")
    cancel_backfill_runs_and_cancellation_complete(factory.instance, "backfill-1", logger)


@pytest.mark.parametrize("seen_while", ["dying", "dead"])
def test_a_backfill_that_dies_puts_off_none_of_the_builds_that_it_takes_with_it(
    factory: DefsFactory, seen_while: str
) -> None:
    queue_two(factory)
    backfill(factory, BulkActionStatus.FAILING)
    queued_run(factory)
    cancel_runs(factory)
    if seen_while == "dead":
        move(factory, BulkActionStatus.FAILED)
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]
    assert spec_named(factory, "cache-probe").wait_cause is None


def test_a_backfill_that_a_person_cancels_puts_its_builds_off(factory: DefsFactory) -> None:
    queue_two(factory)
    backfill(factory, BulkActionStatus.CANCELING)
    queued_run(factory)
    cancel_runs(factory)
    assert repos(sense(factory)) == ["tree-probe"]
    assert spec_named(factory, "cache-probe").wait_cause is WaitCause.CANCELLED


def test_a_run_that_outlived_its_dead_backfill_is_put_off_by_who_cancels_it(factory: DefsFactory) -> None:
    queue_two(factory)
    backfill(factory, BulkActionStatus.FAILED)
    queued_run(factory)
    cancel_runs(factory)
    assert repos(sense(factory)) == ["tree-probe"]


def test_a_build_that_took_too_long_was_cancelled_by_nobody(factory: DefsFactory) -> None:
    queue_two(factory)
    start_run(factory, "cache-probe", dg.DagsterRunStatus.STARTED)
    (run,) = factory.instance.get_runs()
    # As Dagster's watch over runs does it; the launcher says so once more.
    factory.instance.report_run_canceling(
        run, message="Canceling due to exceeding maximum runtime of 57600 seconds."
    )
    factory.instance.report_run_canceling(run)
    factory.instance.report_run_canceled(run)
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def look_again(factory: DefsFactory, receiver: Receiver, seen: _Seen) -> _Seen:
    _, seen = look(
        factory.instance,
        factory.registry,
        AlertPlaces(receiver.url, None),
        seen,
        link=LINK,
        now=datetime.now(UTC),
    )
    return seen


def test_a_backfill_that_failed_is_told_once_with_its_reason_and_its_page(
    kept: DefsFactory, receiver: Receiver
) -> None:
    backfill(kept, BulkActionStatus.FAILED, "before")
    seen = look_again(kept, receiver, _Seen())
    backfill(kept, BulkActionStatus.FAILING)
    seen = look_again(kept, receiver, seen)
    move(kept, BulkActionStatus.FAILED)
    look_again(kept, receiver, seen)
    (body,) = receiver.bodies
    assert body["title"] == "A backfill ended before it was through"
    assert "built_repos" in str(body["text"])
    assert "existed at storage-time" in str(body["text"])
    assert body["link"] == f"{LINK}/runs/b/backfill-1"


@pytest.mark.parametrize(
    "status", [BulkActionStatus.CANCELED, BulkActionStatus.COMPLETED_FAILED], ids=lambda status: status.value
)
def test_a_backfill_that_a_person_ended_or_that_was_through_is_no_alert_of_its_own(
    kept: DefsFactory, receiver: Receiver, status: BulkActionStatus
) -> None:
    seen = look_again(kept, receiver, _Seen())
    backfill(kept, status)
    look_again(kept, receiver, seen)
    assert receiver.bodies == []
