"""Budgets in the registry: dollars are set aside before they are spent, and none is lost with its worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from registry_samples import LIMITS, NOW, call, phase_record, queue, reservation

from factory_assets.domain.agents import OutcomeKind
from factory_assets.domain.builds import BudgetLimits, BuildStatus, Phase, Usage, WaitCause
from factory_assets.domain.errors import BudgetError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

MIDNIGHT = datetime(2026, 6, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


@pytest.fixture
def queued(registry: Registry) -> QueuedSpec:
    (spec,) = queue(registry, "cache-probe")
    return spec


def dollars(amount: float) -> Usage:
    return Usage(calls=1, cost_usd=amount)


def test_a_reservation_counts_as_spent_until_it_is_settled(registry: Registry, queued: QueuedSpec) -> None:
    registry.ledger.reserve(reservation(queued), day_budget_usd=5)
    registry.ledger.reserve(reservation(queued), day_budget_usd=5)
    assert registry.ledger.spent_since(MIDNIGHT) == pytest.approx(3)
    line = call(stage="build", repo="cache-probe", phase=Phase.BUILD, usage=dollars(0.7))
    for _ in range(2):
        registry.ledger.settle("reservation-1", line)
    assert registry.ledger.spent_since(MIDNIGHT) == pytest.approx(0.7)
    assert registry.ledger.usage(repo="cache-probe").cost_usd == pytest.approx(0.7)


def test_what_does_not_fit_the_days_remainder_is_not_reserved(registry: Registry, queued: QueuedSpec) -> None:
    registry.ledger.record(call(usage=dollars(1.5)))
    registry.ledger.reserve(reservation(queued), day_budget_usd=5)
    with pytest.raises(BudgetError, match=r"reserves 0\.60 dollars.*5\.00 dollars 4\.50") as caught:
        registry.ledger.reserve(reservation(queued, number=2, dollars=0.6), day_budget_usd=5)
    assert (caught.value.limit_usd, "FACTORY_DAY_BUDGET_USD" in caught.value.fix) == (5, True)
    assert registry.ledger.spent_since(MIDNIGHT) == pytest.approx(4.5)
    registry.ledger.reserve(reservation(queued, number=2, dollars=0.5), day_budget_usd=5)


def test_another_days_spending_leaves_todays_budget_alone(registry: Registry, queued: QueuedSpec) -> None:
    registry.ledger.record(call(usage=dollars(9), at=MIDNIGHT - timedelta(seconds=1)))
    registry.ledger.reserve(reservation(queued), day_budget_usd=3)


def test_parallel_builds_do_not_share_one_remainder(registry: Registry) -> None:
    specs = queue(registry, "one-tool", "two-tool", "three-tool")

    def reserved(number: int) -> bool:
        try:
            registry.ledger.reserve(reservation(specs[number], number=number, dollars=2), day_budget_usd=5)
        except BudgetError:
            return False
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(reserved, range(3))) == [False, True, True]


def test_a_reservation_that_was_overspent_counts_what_it_spent(
    registry: Registry, queued: QueuedSpec
) -> None:
    registry.ledger.reserve(reservation(queued), day_budget_usd=5)
    registry.ledger.meter("reservation-1", dollars(3.5))
    assert registry.ledger.spent_since(MIDNIGHT) == pytest.approx(3.5)


def test_what_a_killed_worker_had_spent_stays_in_the_ledger(registry: Registry, queued: QueuedSpec) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.ledger.reserve(reservation(queued), day_budget_usd=5)
    registry.ledger.meter("reservation-1", dollars(1.25))
    registry.builds.start(queued.id, run_id="run-2", now=LATER)
    registry.builds.start(queued.id, run_id="run-3", now=LATER)
    assert registry.ledger.spent_since(MIDNIGHT) == pytest.approx(1.25)
    assert registry.ledger.spending(queued.id, 1).phase_usd == {Phase.BUILD: 1.25}


def test_a_start_settles_no_other_specs_reservation(registry: Registry) -> None:
    dead, alive = queue(registry, "dead-tool", "alive-tool")
    registry.ledger.reserve(reservation(alive), day_budget_usd=5)
    registry.builds.start(dead.id, run_id="run-2", now=NOW)
    assert registry.ledger.spent_since(MIDNIGHT) == pytest.approx(3)


def test_a_reservation_that_nobody_can_hold_any_more_frees_the_next_day(
    registry: Registry, queued: QueuedSpec
) -> None:
    registry.ledger.reserve(reservation(queued), day_budget_usd=5)
    tomorrow = MIDNIGHT + timedelta(days=1)
    assert registry.ledger.spent_since(tomorrow) == 0
    late = reservation(queued, number=2, at=tomorrow - timedelta(hours=1), dollars=2)
    registry.ledger.reserve(late, day_budget_usd=9)
    assert registry.ledger.spent_since(tomorrow) == pytest.approx(2)


def test_spending_counts_the_repo_over_all_attempts_and_phases_in_this_one(
    registry: Registry, queued: QueuedSpec
) -> None:
    def spend(amount: float, phase: Phase, at: datetime) -> None:
        registry.ledger.record(
            call(stage="build", repo="cache-probe", phase=phase, usage=dollars(amount), at=at, seconds=60)
        )

    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    spend(2, Phase.BUILD, NOW)
    registry.builds.fail(queued.id, "a gate refused")
    registry.builds.start(queued.id, run_id="run-2", now=LATER)
    spend(0.5, Phase.BUILD, LATER)
    registry.builds.defer(queued.id, cause=WaitCause.RATE_LIMIT, until=None, reason="later")
    registry.builds.start(queued.id, run_id="run-3", now=LATER + timedelta(hours=1))
    spend(0.25, Phase.SEO, LATER + timedelta(hours=2))
    spending = registry.ledger.spending(queued.id, 2)
    assert spending.repo_usd == pytest.approx(2.75)
    assert spending.phase_usd == {Phase.BUILD: 0.5, Phase.SEO: 0.25}
    assert spending.seconds == pytest.approx(120)


def names(registry: Registry, now: datetime, limits: BudgetLimits = LIMITS) -> list[str]:
    return [spec.spec.name for spec in registry.queue.launchable(now, limits)]


def stop(registry: Registry, queued: QueuedSpec, phase: Phase, cause: WaitCause, limit: float) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.builds.enter_phase(queued.id, phase)
    registry.builds.defer(queued.id, cause=cause, until=None, reason="over budget", limit_usd=limit)


def test_what_the_repos_budget_stopped_goes_on_when_it_is_raised(
    registry: Registry, queued: QueuedSpec
) -> None:
    stop(registry, queued, Phase.SEO, WaitCause.REPO_BUDGET, 5)
    waiting = registry.queue.by_id(queued.id)
    assert (waiting.status, waiting.attempts) == (BuildStatus.QUEUED, 0)
    assert (waiting.wait_cause, waiting.wait_limit_usd) == (WaitCause.REPO_BUDGET, 5)
    far = NOW + timedelta(days=365)
    assert names(registry, far) == []
    assert names(registry, NOW, LIMITS.model_copy(update={"repo_usd": 5.5})) == ["cache-probe"]


def test_what_a_phases_budget_stopped_goes_on_when_that_phases_is_raised(
    registry: Registry, queued: QueuedSpec
) -> None:
    stop(registry, queued, Phase.SEO, WaitCause.PHASE_BUDGET, 0.5)
    for phase, woken in ((Phase.BUILD, []), (Phase.SEO, ["cache-probe"]), (Phase.REVIEW, [])):
        raised = {**LIMITS.phase_usd, phase: LIMITS.phase_usd[phase] + 1}
        assert names(registry, NOW, LIMITS.model_copy(update={"phase_usd": raised})) == woken


def test_what_the_days_budget_stopped_goes_on_when_it_is_raised_or_the_day_turns(
    registry: Registry, queued: QueuedSpec
) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    tomorrow = MIDNIGHT + timedelta(days=1)
    registry.builds.defer(
        queued.id, cause=WaitCause.DAY_BUDGET, until=tomorrow, reason="over budget", limit_usd=50
    )
    assert names(registry, LATER) == []
    assert names(registry, tomorrow) == ["cache-probe"]
    assert names(registry, LATER, LIMITS.model_copy(update={"day_usd": 60.0})) == ["cache-probe"]


def test_waits_are_counted_until_a_phase_is_done(registry: Registry, queued: QueuedSpec) -> None:
    for times in (1, 2):
        registry.builds.start(queued.id, run_id="run-1", now=NOW)
        for _ in range(2):
            registry.builds.defer(queued.id, cause=WaitCause.INFRASTRUCTURE, until=LATER, reason="529")
        assert registry.queue.by_id(queued.id).waits == times
    started = registry.builds.start(queued.id, run_id="run-2", now=LATER)
    assert (started.waits, started.wait_cause, started.wait_limit_usd) == (2, None, None)
    registry.builds.finish_phase(queued.id, 1, phase_record(Phase.BUILD))
    assert registry.queue.by_id(queued.id).waits == 0


def test_only_what_may_last_is_counted(registry: Registry, queued: QueuedSpec) -> None:
    registry.builds.defer(queued.id, cause=WaitCause.TOOLCHAIN, until=LATER, reason="go not found")
    waiting = registry.queue.by_id(queued.id)
    assert (waiting.wait_cause, waiting.waits, waiting.not_before) == (WaitCause.TOOLCHAIN, 0, LATER)


def test_every_launchable_spec_is_named_however_many(registry: Registry) -> None:
    ranks = range(1, 301)
    specs = [queued.spec for queued in queue(registry, "first-tool")]
    more = [specs[0].model_copy(update={"name": f"tool-n{number}"}) for number in range(250)]
    registry.queue.add(NOW.date(), more, [], dropped=0, ranks=ranks, late_ranks=range(301, 302), now=NOW)
    assert len(registry.queue.launchable(NOW, LIMITS)) == 251


def test_what_two_repos_were_refused_in_a_row_is_told_from_what_one_is(registry: Registry) -> None:
    def ended(repo: str, outcome: OutcomeKind, minute: int, phase: Phase = Phase.BUILD) -> None:
        registry.ledger.record(
            call(stage="build", repo=repo, phase=phase, outcome=outcome, at=NOW + timedelta(minutes=minute))
        )

    unclear = OutcomeKind.NOT_UNDERSTOOD
    assert not registry.ledger.refused_another("one", Phase.BUILD)
    ended("one", unclear, 1)
    assert not registry.ledger.refused_another("one", Phase.BUILD)
    assert registry.ledger.refused_another("two", Phase.BUILD)
    assert not registry.ledger.refused_another("two", Phase.SEO)
    ended("two", OutcomeKind.INFRASTRUCTURE, 2)
    ended("two", OutcomeKind.DONE, 3, Phase.SEO)
    assert registry.ledger.refused_another("two", Phase.BUILD)
    ended("two", OutcomeKind.DONE, 4)
    assert not registry.ledger.refused_another("two", Phase.BUILD)
    assert not registry.ledger.refused_another("three", Phase.BUILD)
