"""Budgets, waits and the clock of a build: what is spent is bounded, what is stopped is kept and goes on."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from build_fakes import ScriptedAgent
from build_material import (
    BASH_FILES,
    DOCUMENTS,
    LIMITS,
    NOW,
    Factory,
    good_acts,
    make_spec,
    write_files,
    writes,
)
from registry_samples import call, reservation

from factory_assets.building.budgets import SessionMeter
from factory_assets.domain.agents import OutcomeKind
from factory_assets.domain.back_off import pause_after
from factory_assets.domain.builds import WORKER_LOST, BudgetLimits, BuildStatus, Phase, Usage, WaitCause
from factory_assets.domain.errors import InfrastructureError, InputError, RegistryBusyError
from factory_assets.domain.specs import Language


class DiedError(BaseException):
    """The worker is gone."""


def limits(*, repo: float = 5.0, day: float = 50.0, build: float = 3.0, seo: float = 0.5) -> BudgetLimits:
    phases = {Phase.BUILD: build, Phase.SEO: seo, Phase.REVIEW: 1.5}
    return BudgetLimits(repo_usd=repo, day_usd=day, phase_usd=phases)


def factory_with(tmp_path, agent: ScriptedAgent | None = None, **changes: object) -> Factory:
    agent = agent or ScriptedAgent(good_acts(Language.BASH))
    return Factory(tmp_path, make_spec(Language.BASH), agent, **changes)


def test_a_phase_gets_what_is_left_of_the_smaller_budget(tmp_path):
    factory = factory_with(tmp_path, limits=limits(repo=3.4))
    factory.build()
    given = [task.max_budget_usd for task in factory.agent.tasks]
    assert given == pytest.approx([3.0, 0.5, 1.5])
    factory = factory_with(tmp_path / "small", limits=limits(repo=1.0))
    factory.build()
    assert [task.max_budget_usd for task in factory.agent.tasks] == pytest.approx([1.0, 0.5, 0.98])


def test_a_large_spec_has_turns_time_and_dollars_of_its_own(tmp_path):
    agent = ScriptedAgent(good_acts(Language.BASH))
    factory = Factory(
        tmp_path, make_spec(Language.BASH, lines=4_500), agent, limits=limits(), build_turns=None
    )
    factory.build()
    assert [task.max_budget_usd for task in agent.tasks] == pytest.approx([12.0, 2.0, 6.0])
    assert agent.tasks[0].max_turns == 100
    assert agent.tasks[0].timeout_seconds == pytest.approx(4 * factory.config.phase_seconds, rel=0.05)


def test_what_stops_a_large_spec_is_told_with_its_setting_and_goes_on_when_that_is_raised(tmp_path):
    acts = good_acts(Language.BASH) | {Phase.BUILD: lambda workspace: OutcomeKind.OVER_BUDGET}
    factory = Factory(tmp_path, make_spec(Language.BASH, lines=4_500), ScriptedAgent(acts), limits=limits())
    words = r"phase budget of 12\.00 dollars \(4 times FACTORY_BUILD_BUDGET_USD, for its size\)"
    factory.deferred(words)
    # The queue compares it with the setting itself.
    assert factory.queued.wait_limit_usd == 3.0


def test_every_session_is_reserved_metered_and_settled(tmp_path):
    factory = factory_with(tmp_path)
    seen = []
    write = factory.agent.acts[Phase.BUILD]

    def looks(workspace):
        seen.extend(factory.reserved)
        write(workspace)

    factory.agent.acts[Phase.BUILD] = looks
    factory.build()
    (session,) = seen
    told = [session[name] for name in ("phase", "reserved_usd", "repo", "run_id", "partition")]
    assert told == [Phase.BUILD, 3.0, "word-count", "run-1", "2026-06-03|01"]
    assert session["spent_usd"] == pytest.approx(0.01)
    assert [line.usage.cost_usd for line in factory.calls] == pytest.approx([0.01] * 3)
    assert factory.reserved == []


def test_what_a_phases_budget_stopped_is_kept_and_goes_on_when_it_is_raised(tmp_path):
    factory = factory_with(tmp_path)
    half = {"lib/count.sh": BASH_FILES["lib/count.sh"]}

    def spends_all(workspace):
        write_files(workspace, half)
        return OutcomeKind.OVER_BUDGET

    factory.agent.acts[Phase.BUILD] = spends_all
    caught = factory.deferred(r"phase budget of 3\.00 dollars")
    assert (caught.cause, caught.until) == (WaitCause.PHASE_BUDGET, None)
    assert "FACTORY_BUILD_BUDGET_USD" in caught.fix
    queued = factory.queued
    assert (queued.status, queued.attempts, queued.wait_limit_usd) == (BuildStatus.QUEUED, 0, 3.0)
    assert "lib/count.sh" in factory.git("ls-tree", "-r", "--name-only", "refs/factory/stopped/build")

    found = []

    def goes_on(workspace):
        found.extend(sorted(path.name for path in (workspace / "lib").iterdir()))
        write_files(workspace, BASH_FILES)

    factory.agent.acts[Phase.BUILD] = goes_on
    report = factory.build()
    assert found == ["count.sh"]
    assert "stopped before its end" in factory.agent.tasks[1].prompt
    assert "stopped before its end" not in factory.agent.tasks[2].prompt
    # The gates compare with the scaffold, not with what was kept: otherwise half the sources would not count.
    sources = next(verdict for verdict in report.verdicts if verdict.gate == "sources")
    assert "lib/count.sh" in sources.saw
    assert factory.git("log", "--format=%s", "main").splitlines()[-2:] == [
        "Build word-count",
        "Scaffold word-count",
    ]
    assert "stopped" not in factory.git("for-each-ref", "--format=%(refname)")


def test_a_repos_budget_that_is_used_up_starts_no_phase_and_names_the_setting(tmp_path):
    agent = ScriptedAgent(good_acts(Language.BASH), cost_usd=0.3)
    factory = factory_with(tmp_path, agent, limits=limits(repo=0.6))
    caught = factory.deferred(r"repo budget of 0\.60 dollars")
    assert (caught.cause, "FACTORY_REPO_BUDGET_USD" in caught.fix) == (
        WaitCause.REPO_BUDGET,
        True,
    )
    assert agent.phases == [Phase.BUILD, Phase.SEO]
    factory.config = Factory(tmp_path, factory.spec, agent, limits=limits(repo=2.0)).config
    assert factory.build().commit is not None
    assert agent.phases == list(Phase)


def test_a_day_without_room_defers_to_the_next_midnight_before_anything_is_spent(tmp_path):
    factory = factory_with(tmp_path, limits=limits(day=2.0))
    caught = factory.deferred(r"of the day's 2\.00 dollars 0\.00 are spent or reserved")
    assert caught.cause is WaitCause.DAY_BUDGET
    assert caught.until == datetime(2026, 6, 5, tzinfo=UTC)
    assert (factory.agent.tasks, factory.queued.wait_limit_usd) == ([], 2.0)


def test_an_agent_out_of_turns_that_the_day_has_no_room_for_keeps_its_work(tmp_path):
    agent = ScriptedAgent(good_acts(Language.BASH), cost_usd=1.0)
    factory = factory_with(tmp_path, agent, limits=limits(day=3.0, repo=9.0, build=2.5))

    def slow(workspace):
        write_files(workspace, BASH_FILES)
        factory.ledger.record(other_call())
        return OutcomeKind.OUT_OF_TURNS

    agent.acts[Phase.BUILD] = slow
    caught = factory.deferred()
    assert caught.cause is WaitCause.DAY_BUDGET
    assert len(agent.tasks) == 1
    assert "refs/factory/stopped/build" in factory.git("for-each-ref", "--format=%(refname)")


def other_call():
    """A line of another repo's build, which takes from the same day."""

    return call(usage=Usage(calls=1, cost_usd=1.0))


def test_a_crash_loop_spends_no_more_than_the_budget(tmp_path):
    """Each run is killed in its first phase after a dollar; the third finds nothing left."""
    agent = ScriptedAgent({Phase.BUILD: dies}, cost_usd=1.0)
    factory = factory_with(tmp_path, agent, limits=limits(build=2.0))
    for run in range(2):
        factory.now = NOW + timedelta(hours=run)
        with pytest.raises(DiedError):
            factory.build()
        assert factory.queued.status is BuildStatus.BUILDING
    factory.deferred(r"phase budget of 2\.00 dollars")
    assert [task.max_budget_usd for task in agent.tasks] == pytest.approx([2.0, 1.0])
    assert factory.registry.ledger.usage(repo="word-count").cost_usd == pytest.approx(2.0)
    assert factory.registry.queue.launchable(NOW + timedelta(days=9), LIMITS) != []
    assert factory.registry.queue.launchable(NOW + timedelta(days=9), limits(build=2.0)) == []


def dies(workspace):
    raise DiedError


def test_a_fault_of_the_factory_itself_leaves_the_spec_to_the_next_run(tmp_path):
    def breaks(workspace):
        raise ZeroDivisionError("a bug")

    agent = ScriptedAgent({**good_acts(Language.BASH), Phase.BUILD: breaks}, cost_usd=0.25)
    factory = factory_with(tmp_path, agent)
    with pytest.raises(ZeroDivisionError):
        factory.build()
    assert [queued.id for queued in factory.registry.queue.launchable(NOW, LIMITS)] == [factory.queued.id]
    agent.acts[Phase.BUILD] = writes(BASH_FILES)
    report = factory.build()
    assert report.attempts == 1
    assert factory.queued.status is BuildStatus.SHIPPED
    assert factory.registry.ledger.usage(repo="word-count").cost_usd == pytest.approx(1.0)
    assert report.tag_record is not None
    assert report.tag_record.cost_usd == pytest.approx(1.0)


def test_an_agent_that_cannot_be_run_is_settled_at_once(tmp_path):
    def fails(workspace):
        raise InfrastructureError("the proxy does not start")

    factory = factory_with(tmp_path)
    factory.agent.acts[Phase.BUILD] = fails
    factory.deferred("proxy does not start")
    (line,) = factory.calls
    assert (line.outcome, line.usage.cost_usd) == (OutcomeKind.INFRASTRUCTURE, pytest.approx(0.01))
    assert line.outcome != WORKER_LOST
    assert factory.reserved == []


def test_infrastructure_waits_longer_each_time_until_a_phase_is_done(tmp_path):
    agent = ScriptedAgent(
        good_acts(Language.BASH) | {Phase.BUILD: lambda workspace: OutcomeKind.INFRASTRUCTURE}
    )
    factory = factory_with(tmp_path, agent)
    pauses = []
    for _ in range(3):
        caught = factory.deferred()
        pauses.append(caught.until - NOW)
    agent.acts[Phase.BUILD] = writes(BASH_FILES)
    agent.acts[Phase.SEO] = lambda workspace: OutcomeKind.INFRASTRUCTURE
    caught = factory.deferred()
    pauses.append(caught.until - NOW)
    assert [pause.total_seconds() / 60 for pause in pauses] == [10, 20, 40, 10]
    assert factory.queued.attempts == 0


def test_waits_grow_to_six_hours_and_no_more():
    assert [pause_after(waits).total_seconds() / 60 for waits in (0, 1, 4, 5, 6, 1000)] == [
        10,
        20,
        160,
        320,
        360,
        360,
    ]


def test_a_rate_limit_is_deferred_to_the_time_it_named(tmp_path):
    factory = factory_with(tmp_path)
    factory.agent.until = NOW + timedelta(hours=3)
    factory.agent.acts[Phase.BUILD] = lambda workspace: OutcomeKind.RATE_LIMITED
    caught = factory.deferred()
    assert (caught.cause, caught.until) == (WaitCause.RATE_LIMIT, NOW + timedelta(hours=3))


def test_a_malformed_prompt_waits_like_infrastructure_and_names_the_file(tmp_path):
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "build.md.j2").write_text("{{ nobody_knows }}\n")
    factory = factory_with(tmp_path, prompts_dir=prompts)
    caught = factory.deferred("nobody_knows")
    assert (caught.cause, caught.until) == (
        WaitCause.INFRASTRUCTURE,
        NOW + timedelta(minutes=10),
    )
    assert caught.where.endswith("build.md.j2")
    assert isinstance(caught.error_met, InputError)
    assert factory.queued.attempts == 0


def test_a_build_that_has_lasted_too_long_has_failed(tmp_path):
    factory = factory_with(tmp_path, build_seconds=1.0)

    def slow(workspace):
        write_files(workspace, BASH_FILES)
        time.sleep(1.0)

    factory.agent.acts[Phase.BUILD] = slow
    factory.refused("FACTORY_BUILD_HOURS", by="agent")
    assert factory.agent.phases == [Phase.BUILD]
    assert factory.queued.status is BuildStatus.FAILED
    assert "lib/count.sh" in factory.git("ls-tree", "-r", "--name-only", "refs/factory/failed/1")


def test_the_reviews_gates_do_not_start_when_the_builds_time_is_over(tmp_path):
    factory = factory_with(tmp_path)
    record = factory.journal.record_verdict

    def die_in_the_review(spec_id, attempt, verdict, *, now):
        if verdict.gate == "review-bounds":
            raise DiedError
        record(spec_id, attempt, verdict, now=now)

    factory.journal.record_verdict = die_in_the_review
    with pytest.raises(DiedError):
        factory.build()
    factory.journal.record_verdict = record
    factory.ledger.record(call(repo="word-count", phase=Phase.REVIEW, seconds=3600.0))
    factory.refused("FACTORY_BUILD_HOURS", by="agent")
    assert not {"review-bounds", "tests-pass"} & {gate for _, gate in factory.verdicts}


def test_a_phase_gets_no_more_time_than_the_build_has_left(tmp_path):
    factory = factory_with(tmp_path, build_seconds=40.0)
    factory.build()
    build, seo, review = (task.timeout_seconds for task in factory.agent.tasks)
    assert 40 >= build > seo > review > 1


def test_the_time_of_earlier_runs_counts_and_the_time_between_them_does_not(tmp_path):
    agent = ScriptedAgent(good_acts(Language.BASH) | {Phase.SEO: lambda workspace: OutcomeKind.RATE_LIMITED})
    agent.until = NOW + timedelta(days=1)
    factory = factory_with(tmp_path, agent, build_seconds=1000.0, phase_seconds=2000.0)
    factory.deferred()
    factory.now = NOW + timedelta(days=1)
    agent.acts[Phase.SEO] = writes(DOCUMENTS)
    factory.build()
    assert 500.0 < agent.tasks[2].timeout_seconds <= 999.0


@pytest.fixture
def metered(tmp_path, monkeypatch):
    """A build's factory with a reservation `one`, and what its ledger is told of it."""
    factory, told = factory_with(tmp_path), []
    factory.ledger.reserve(reservation(factory.queued, id="one"), day_budget_usd=50.0)
    meter = factory.ledger.meter

    def tells(reservation_id, usage):
        told.append(usage.cost_usd)
        meter(reservation_id, usage)

    monkeypatch.setattr(factory.ledger, "meter", tells)
    return factory, told


def test_a_session_is_metered_by_cents_and_at_its_first_cent(metered):
    factory, told = metered
    meter = SessionMeter(factory.ledger, "one")
    for cents in (0.2, 0.6, 1.0, 1.5, 2.1):
        meter(Usage(calls=1, cost_usd=cents / 100))
    assert told == pytest.approx([0.01, 0.021])
    assert factory.reserved[0]["spent_usd"] == meter.usage.cost_usd == pytest.approx(0.021)


def test_a_busy_registry_does_not_end_an_agents_work(metered, monkeypatch):
    factory, told = metered

    def busy(reservation_id, usage):
        raise RegistryBusyError("another process holds it")

    meter = SessionMeter(factory.ledger, "one")
    with monkeypatch.context() as patch:
        patch.setattr(factory.ledger, "meter", busy)
        meter(Usage(calls=1, cost_usd=0.5))
    assert factory.reserved[0]["spent_usd"] == 0.0
    meter(Usage(calls=2, cost_usd=0.5))
    assert told == [0.5]
    assert factory.reserved[0]["spent_usd"] == pytest.approx(0.5)
