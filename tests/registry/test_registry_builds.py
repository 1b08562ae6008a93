"""Builds in the registry: claims, phases, verdicts, shipping, failing, deferring."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from registry_samples import NOW, phase_record, queue, ship, shipped

from factory_assets.domain.builds import BuildStatus, GateVerdict, Phase, WaitCause
from factory_assets.domain.errors import StatusError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


@pytest.fixture
def queued(registry: Registry) -> QueuedSpec:
    (spec,) = queue(registry, "cache-probe")
    return spec


def test_starting_a_fresh_spec_claims_it_and_counts_the_attempt(
    registry: Registry, queued: QueuedSpec
) -> None:
    started = registry.builds.start(queued.id, run_id="run-1", now=LATER)
    assert (started.status, started.attempts, started.run_id, started.started_at) == (
        BuildStatus.BUILDING,
        1,
        "run-1",
        LATER,
    )
    assert registry.queue.by_id(queued.id) == started


def test_starting_twice_in_the_same_run_changes_nothing(registry: Registry, queued: QueuedSpec) -> None:
    first = registry.builds.start(queued.id, run_id="run-1", now=NOW)
    assert registry.builds.start(queued.id, run_id="run-1", now=LATER) == first


def test_what_a_dead_run_left_in_a_phase_keeps_its_attempt(registry: Registry, queued: QueuedSpec) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.builds.enter_phase(queued.id, Phase.SEO)
    taken_over = registry.builds.start(queued.id, run_id="run-2", now=LATER)
    assert (taken_over.status, taken_over.attempts, taken_over.run_id) == (BuildStatus.SEO, 1, "run-2")


def test_starting_a_failed_spec_is_its_next_attempt(registry: Registry, queued: QueuedSpec) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.builds.fail(queued.id, "make test failed")
    again = registry.builds.start(queued.id, run_id="run-2", now=LATER)
    assert (again.status, again.attempts, again.error_log) == (BuildStatus.BUILDING, 2, None)


def test_a_shipped_spec_cannot_be_started_failed_or_deferred(registry: Registry, queued: QueuedSpec) -> None:
    ship(registry, queued)
    before = registry.queue.by_id(queued.id)
    with pytest.raises(StatusError, match="cache-probe"):
        registry.builds.start(queued.id, run_id="run-2", now=LATER)
    with pytest.raises(StatusError):
        registry.builds.fail(queued.id, "late")
    with pytest.raises(StatusError):
        registry.builds.defer(queued.id, cause=WaitCause.INFRASTRUCTURE, until=LATER, reason="late")
    with pytest.raises(StatusError):
        registry.builds.enter_phase(queued.id, Phase.SEO)
    assert registry.queue.by_id(queued.id) == before


def test_the_status_follows_the_phases(registry: Registry, queued: QueuedSpec) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    seen = []
    for phase in Phase:
        registry.builds.enter_phase(queued.id, phase)
        registry.builds.enter_phase(queued.id, phase)
        seen.append(registry.queue.by_id(queued.id).status)
    assert seen == [BuildStatus.BUILDING, BuildStatus.SEO, BuildStatus.REVIEWING]


def test_phases_come_back_in_order_each_once(registry: Registry, queued: QueuedSpec) -> None:
    for phase in (Phase.SEO, Phase.BUILD, Phase.SEO):
        registry.builds.finish_phase(queued.id, 1, phase_record(phase))
    registry.builds.finish_phase(queued.id, 1, phase_record(Phase.SEO, turns=8, commit="newer"))
    registry.builds.finish_phase(queued.id, 2, phase_record(Phase.BUILD))
    assert registry.builds.phases_of(queued.id, 1) == [
        phase_record(Phase.BUILD),
        phase_record(Phase.SEO, turns=8, commit="newer"),
    ]
    assert registry.builds.phases_of(queued.id, 3) == []


def test_the_latest_verdict_of_a_gate_counts(registry: Registry, queued: QueuedSpec) -> None:
    refused = GateVerdict(gate="tests", phase=Phase.REVIEW, passed=False, saw="1 failed", fix="Fix it.")
    passed = GateVerdict(gate="tests", phase=Phase.REVIEW, passed=True, saw="6 passed")
    sources = GateVerdict(gate="source files", phase=Phase.BUILD, passed=True, saw="3 files")
    registry.builds.record_verdict(queued.id, 1, refused, now=NOW)
    registry.builds.record_verdict(queued.id, 1, sources, now=LATER)
    registry.builds.record_verdict(queued.id, 1, passed, now=LATER)
    registry.builds.record_verdict(queued.id, 1, passed, now=LATER)
    assert registry.builds.verdicts_of(queued.id, 1) == [sources, passed]
    assert registry.builds.verdicts_of(queued.id, 2) == []


def test_shipping_sets_the_status_and_the_row_in_repos(
    registry: Registry, queued: QueuedSpec, tmp_path: Path
) -> None:
    repo = ship(registry, queued)
    spec = registry.queue.by_id(queued.id)
    assert (spec.status, spec.shipped_at) == (BuildStatus.SHIPPED, repo.shipped_at)
    assert registry.repos.named("cache-probe") == repo
    assert registry.repos.named("another-name") is None
    with Registry(tmp_path / "registry.duckdb")._database.transaction() as connection:
        columns = "version, lines_of_code, has_tests, tests_pass, github_pushed, github_push_at"
        rows = connection.execute(f"SELECT {columns} FROM repos").fetchall()
    assert rows == [("0.1.0", 140, True, True, False, None)]


def test_shipping_the_same_commit_again_changes_nothing(registry: Registry, queued: QueuedSpec) -> None:
    repo = ship(registry, queued)
    registry.builds.ship(queued.id, shipped(shipped_at=LATER, lines_of_code=1))
    assert registry.repos.named("cache-probe") == repo
    assert registry.queue.by_id(queued.id).shipped_at == repo.shipped_at


def test_shipping_another_commit_is_refused(registry: Registry, queued: QueuedSpec) -> None:
    repo = ship(registry, queued)
    with pytest.raises(StatusError, match=r"c0ffee.*decaf"):
        registry.builds.ship(queued.id, shipped(commit="decaf"))
    assert registry.repos.named("cache-probe") == repo


def test_only_a_reviewed_spec_ships_and_only_under_its_name(registry: Registry, queued: QueuedSpec) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    with pytest.raises(StatusError, match="cannot become shipped"):
        registry.builds.ship(queued.id, shipped())
    registry.builds.enter_phase(queued.id, Phase.REVIEW)
    with pytest.raises(StatusError, match="cannot ship as another-name"):
        registry.builds.ship(queued.id, shipped("another-name"))
    assert registry.repos.named("cache-probe") is None


def test_a_failed_build_says_why_and_failing_again_says_the_latest(
    registry: Registry, queued: QueuedSpec
) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.builds.fail(queued.id, "gate tests: 1 failed")
    registry.builds.fail(queued.id, "gate tests: 2 failed")
    spec = registry.queue.by_id(queued.id)
    assert (spec.status, spec.attempts, spec.error_log) == (BuildStatus.FAILED, 1, "gate tests: 2 failed")


def test_a_deferred_build_gives_its_attempt_back_once(registry: Registry, queued: QueuedSpec) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.builds.finish_phase(queued.id, 1, phase_record(Phase.BUILD))
    for _ in range(2):
        registry.builds.defer(
            queued.id, cause=WaitCause.RATE_LIMIT, until=LATER, reason="rate limited until 07:00"
        )
    spec = registry.queue.by_id(queued.id)
    assert (spec.status, spec.attempts, spec.not_before) == (BuildStatus.QUEUED, 0, LATER)
    assert spec.error_log == "rate limited until 07:00"
    assert (spec.wait_cause, spec.waits) == (WaitCause.RATE_LIMIT, 1)
    resumed = registry.builds.start(queued.id, run_id="run-2", now=LATER)
    assert (resumed.attempts, resumed.not_before, resumed.error_log) == (1, None, None)
    assert registry.builds.phases_of(queued.id, resumed.attempts) == [phase_record(Phase.BUILD)]


def test_a_run_that_is_asked_to_end_gives_its_spec_back_and_the_next_goes_on(
    registry: Registry, queued: QueuedSpec
) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.builds.finish_phase(queued.id, 1, phase_record(Phase.BUILD))
    registry.builds.release(queued.id, run_id="run-1")
    given_back = registry.queue.by_id(queued.id)
    assert (given_back.status, given_back.attempts, given_back.wait_cause) == (BuildStatus.QUEUED, 0, None)
    assert registry.builds.start(queued.id, run_id="run-2", now=LATER).attempts == 1
    assert [record.phase for record in registry.builds.phases_of(queued.id, 1)] == [Phase.BUILD]


def test_a_run_that_is_asked_to_end_late_keeps_off_what_another_one_builds(
    registry: Registry, queued: QueuedSpec
) -> None:
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.builds.start(queued.id, run_id="run-2", now=LATER)
    before = registry.queue.by_id(queued.id)
    registry.builds.release(queued.id, run_id="run-1")
    assert registry.queue.by_id(queued.id) == before
