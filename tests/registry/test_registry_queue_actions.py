"""Stops of the queue and what repos have taken, as the registry keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from registry_samples import NOW, call, phase_record, queue

from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import Phase, Reservation, Usage, WaitCause
from factory_assets.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def hold(credential: str, minutes: int = 0) -> Hold:
    return Hold(
        cause=WaitCause.CREDENTIAL,
        reason="401.",
        fix="A new key.",
        since=NOW + timedelta(minutes=minutes),
        credential=credential,
    )


def test_a_stop_stands_until_it_is_lifted_also_for_another_process(
    registry: Registry, tmp_path: Path
) -> None:
    assert registry.holds.standing() == []
    registry.holds.record(hold("one"))
    registry.holds.record(hold("one"))
    assert Registry(tmp_path / "registry.duckdb").holds.standing() == [hold("one")]
    registry.holds.release(WaitCause.CREDENTIAL)
    registry.holds.release(WaitCause.CREDENTIAL)
    assert registry.holds.standing() == []


def test_what_waits_for_the_credential_may_start_when_the_stop_is_lifted(registry: Registry) -> None:
    refused, limited, _ = queue(registry, "cache-probe", "tree-probe", "key-probe")
    later = NOW + timedelta(hours=1)
    for queued, cause in ((refused, WaitCause.CREDENTIAL), (limited, WaitCause.RATE_LIMIT)):
        registry.builds.start(queued.id, run_id="run", now=NOW)
        registry.builds.defer(queued.id, cause=cause, until=later, reason="401")
    registry.holds.record(hold("one"))
    registry.holds.release(WaitCause.CREDENTIAL)
    assert registry.queue.by_id(refused.id).not_before is None
    assert registry.queue.by_id(limited.id).not_before == later


def test_a_stop_that_comes_back_within_an_hour_of_a_try_is_counted(registry: Registry) -> None:
    cause, minute = WaitCause.CREDENTIAL, timedelta(minutes=1)
    registry.holds.record(hold("one"))
    assert registry.holds.tries(cause, NOW) == 0
    registry.holds.release_to_try(cause, NOW)
    assert registry.holds.standing() == []
    assert [registry.holds.tries(cause, NOW + after * minute) for after in (60, 61)] == [1, 0]
    registry.holds.record(replace(hold("one"), tries=1))
    assert registry.holds.tries(cause, NOW + 600 * minute) == 1
    registry.holds.release(cause)
    assert registry.holds.tries(cause, NOW) == 0


def test_a_later_refusal_is_the_one_that_counts(registry: Registry) -> None:
    registry.holds.record(hold("one"))
    registry.holds.record(hold("two", minutes=5))
    assert registry.holds.standing() == [hold("two", minutes=5)]


def test_what_a_repo_has_taken_is_its_ledger_and_what_is_set_aside_for_it(registry: Registry) -> None:
    first, second, _ = queue(registry, "cache-probe", "tree-probe", "key-probe")
    for minute in range(2):
        at = NOW - timedelta(days=minute)
        registry.ledger.record(call(repo="cache-probe", usage=Usage(calls=1, cost_usd=0.5), at=at))
    for queued in (first, second):
        reservation = Reservation(
            id=f"of {queued.spec.name}",
            spec_id=queued.id,
            repo=queued.spec.name,
            stage="build",
            partition="2026-06-03|01",
            phase=Phase.BUILD,
            route="claude-code",
            model="claude-sonnet-5-5",
            run_id="run-1",
            dollars=3.0,
            at=NOW,
        )
        registry.ledger.reserve(reservation, day_budget_usd=50)
    registry.ledger.meter("of tree-probe", Usage(calls=9, cost_usd=3.25))
    taken = registry.ledger.repo_dollars(["cache-probe", "tree-probe", "key-probe"])
    assert taken == {"cache-probe": 4.0, "tree-probe": 3.25}


def test_the_story_of_an_attempt_that_was_put_off_keeps_its_phases(registry: Registry) -> None:
    (queued,) = queue(registry, "cache-probe")
    started = registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.builds.finish_phase(queued.id, started.attempts, phase_record())
    registry.builds.defer(queued.id, cause=WaitCause.RATE_LIMIT, until=NOW, reason="429")
    story = registry.stories.of_repo("cache-probe")
    assert story is not None
    assert story.queued.attempts == 0
    (attempt,) = story.attempts
    assert (attempt.number, [record.phase for record in attempt.phases]) == (1, [Phase.BUILD])


def test_there_is_no_story_of_an_unknown_name(registry: Registry) -> None:
    assert registry.stories.of_repo("no-such-tool") is None
