"""The build stage as a whole, with real git and real test runs and a scripted agent."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import replace
from datetime import timedelta

import pytest
from build_fakes import ScriptedAgent
from build_material import (
    BASH_FILES,
    DOCUMENTS,
    NOW,
    PAPER,
    PYTHON_FILES,
    QUEUED_AT,
    Factory,
    does_nothing,
    good_acts,
    make_spec,
    write_files,
    writes,
)
from registry_samples import call

from factory_assets.building.git import BareRepo
from factory_assets.building.judge import judge
from factory_assets.building.locks import SpecBusyError, spec_lock
from factory_assets.building.outcome import Busy, Deferred, Stops
from factory_assets.building.stage import build
from factory_assets.building.state import Books
from factory_assets.domain.agents import CommandResult, OutcomeKind
from factory_assets.domain.builds import BuildStatus, GateVerdict, Phase, WaitCause
from factory_assets.domain.errors import InfrastructureError, MissingToolError, StatusError
from factory_assets.domain.indexes import Indexes
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.refusals import Fault, Refusal
from factory_assets.domain.specs import Language
from factory_assets.domain.text import single_line
from factory_assets.gates import ALL_GATES, GATES
from factory_assets.gates.names import ACCEPTANCE, READING
from factory_assets.sandbox import find_sandbox


@pytest.fixture
def bash_factory(tmp_path):
    return Factory(tmp_path, make_spec(Language.BASH), ScriptedAgent(good_acts(Language.BASH)))


def test_what_ships_says_in_its_readme_and_spec_whose_work_it_rests_on(bash_factory):
    bash_factory.build()
    for document in ("README.md", "SPEC.md"):
        text = bash_factory.git("show", f"main:{document}")
        wanted = (single_line(PAPER.title), PAPER.url, *PAPER.authors, "icence")
        assert [part for part in wanted if part not in text] == []


@pytest.mark.parametrize("language", [Language.PYTHON, Language.BASH])
def test_a_spec_becomes_a_shipped_repo(tmp_path, language):
    statuses = []

    def seen(act):
        def acts(workspace):
            statuses.append(factory.queued.status)
            return act(workspace)

        return acts

    agent = ScriptedAgent({phase: seen(act) for phase, act in good_acts(language).items()})
    factory = Factory(tmp_path, make_spec(language), agent)
    report = factory.build()
    assert report.tests_executed == 3
    assert report.lines_of_code >= 20
    assert {verdict.gate for verdict in report.verdicts} == set(ALL_GATES) - {ACCEPTANCE, READING}
    assert all(verdict.passed for verdict in report.verdicts)
    assert [record.phase for record in report.phases] == list(Phase)
    assert report.usage.cost_usd == pytest.approx(0.03)
    assert report.agent_seconds == pytest.approx(1.5)
    assert report.protections == ("test process",)
    assert factory.git("rev-parse", "main") == report.commit
    assert factory.git("rev-parse", "v0.1.0^{commit}") == report.commit
    assert factory.git("cat-file", "-t", "v0.1.0") == "tag"
    assert factory.git("log", "--format=%s", "main").splitlines() == [
        "Release word-count",
        "Review word-count",
        "Document word-count",
        "Build word-count",
        "Scaffold word-count",
    ]
    repo = factory.registry.repos.named("word-count")
    assert repo is not None
    assert repo.commit == report.commit
    assert repo.source_url == "https://arxiv.org/abs/2606.01234"
    assert [*statuses, factory.queued.status] == [
        BuildStatus.BUILDING,
        BuildStatus.SEO,
        BuildStatus.REVIEWING,
        BuildStatus.SHIPPED,
    ]


def test_the_gates_pass_in_the_factorys_own_sandbox(bash_factory):
    bash_factory.commands = find_sandbox(hidden=())
    report = bash_factory.build()
    assert report.tests_executed == 3
    assert report.protections == bash_factory.commands.protections


def test_each_phase_gets_its_model_turns_and_tools(bash_factory):
    bash_factory.build()
    build, seo, review = bash_factory.agent.tasks
    assert (build.model, build.max_turns, build.tools) == ("sonnet", 15, None)
    assert (seo.model, seo.max_turns, seo.tools) == ("haiku", 8, ("Read", "Write", "Edit", "Glob", "Grep"))
    assert (review.model, review.max_turns, review.tools) == ("sonnet", 10, None)
    assert [task.max_budget_usd for task in (build, seo, review)] == pytest.approx([3.0, 0.5, 1.5])


def test_an_agent_reaches_the_index_that_its_dependencies_are_resolved_from(tmp_path):
    agent = ScriptedAgent({Phase.BUILD: does_nothing})
    factory = Factory(
        tmp_path, make_spec(Language.PYTHON), agent, indexes=Indexes(pypi_url="http://localhost:3141/i")
    )
    factory.refused(by="gate")
    assert agent.tasks[0].reach.hosts == ("localhost:3141",)


def test_every_phase_is_one_line_in_the_ledger(bash_factory):
    bash_factory.build()
    assert [(call.phase, call.outcome, call.route) for call in bash_factory.calls] == [
        (phase, "done", "api") for phase in Phase
    ]
    assert {call.partition for call in bash_factory.calls} == {"2026-06-03|01"}


def test_no_workspace_is_left_after_success_or_failure(bash_factory):
    bash_factory.build()
    assert list((bash_factory.root / "workspaces").iterdir()) == []


def test_what_a_dead_run_left_in_the_workspace_is_gone(bash_factory):
    stray = bash_factory.root / "workspaces" / "word-count" / "work"
    stray.mkdir(parents=True)
    (stray / "stray.sh").write_text("echo stray\n")
    bash_factory.build()
    assert "stray.sh" not in bash_factory.git("ls-tree", "-r", "--name-only", "main")


def test_a_refused_gate_fails_the_build_and_says_what_it_saw(bash_factory):
    failing = BASH_FILES["tests/test_count.sh"].replace('count_words)" 0', 'count_words)" 5')
    bash_factory.agent.acts[Phase.REVIEW] = writes({"tests/test_count.sh": failing})
    caught = bash_factory.refused(by="gate")
    assert "tests-pass" in str(caught)
    assert "not ok 2 - no words: got 0, want 5" in str(caught)
    assert bash_factory.queued.status is BuildStatus.FAILED
    assert bash_factory.queued.error_log == str(caught)
    assert [verdict.gate for verdict in caught.report.verdicts if not verdict.passed] == ["tests-pass"]
    assert "refs/heads/main" not in bash_factory.git("for-each-ref")
    assert list((bash_factory.root / "workspaces").iterdir()) == []


def test_an_empty_build_is_refused_before_more_money_is_spent(bash_factory):
    bash_factory.agent.acts[Phase.BUILD] = does_nothing
    bash_factory.refused("sources", by="gate")
    assert bash_factory.agent.phases == [Phase.BUILD]


def test_what_the_seo_phase_changes_besides_documents_is_put_back_and_told(bash_factory):
    def act(workspace):
        writes(DOCUMENTS | {"lib/count.sh": "echo other\n", "lib/new.sh": "", "docs/more.md": "# More\n"})(
            workspace
        )
        (workspace / "SPEC.md").unlink()

    bash_factory.agent.acts[Phase.SEO] = act
    bash_factory.build()
    assert bash_factory.git("show", "main:lib/count.sh").strip() == BASH_FILES["lib/count.sh"].strip()
    shipped = bash_factory.git("ls-tree", "-r", "--name-only", "main").splitlines()
    assert {"SPEC.md", "docs/more.md"} <= set(shipped)
    assert "lib/new.sh" not in shipped
    (line,) = [line for line in bash_factory.lines if "put back" in line]
    assert line.endswith("SPEC.md, lib/count.sh, lib/new.sh")


@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.REVIEW])
def test_a_spec_and_a_licence_that_an_agent_replaces_are_put_back(bash_factory, phase):
    act = bash_factory.agent.acts[phase]

    def replaces(workspace):
        act(workspace)
        (workspace / "SPEC.md").write_text("Something easier.\n")
        (workspace / "LICENSE").unlink()
        (workspace / "LICENSE").mkdir()
        (workspace / "LICENSE" / "mine.txt").write_text("All rights reserved.\n")

    bash_factory.agent.acts[phase] = replaces
    bash_factory.build()
    assert "MIT License" in bash_factory.git("show", "main:LICENSE")
    assert "Something easier" not in bash_factory.git("show", "main:SPEC.md")


def test_a_retry_after_a_failure_keeps_what_failed_and_goes_on_from_what_passed(bash_factory):
    bash_factory.agent.acts[Phase.SEO] = does_nothing
    bash_factory.refused("documents", by="gate")
    assert "refs/factory/failed/1" in bash_factory.git("for-each-ref")
    assert "refs/factory/build" not in bash_factory.git("for-each-ref")
    bash_factory.agent.acts[Phase.SEO] = writes(DOCUMENTS)
    report = bash_factory.build()
    assert report.attempts == 2
    assert bash_factory.agent.phases == [Phase.BUILD, Phase.SEO, Phase.SEO, Phase.REVIEW]
    assert "lib/count.sh" in bash_factory.git("ls-tree", "-r", "--name-only", "refs/factory/failed/1")
    assert "refs/factory/passed" not in bash_factory.git("for-each-ref")


def test_a_phase_that_is_undone_is_done_anew_by_the_next_attempt(bash_factory):
    bash_factory.agent.acts[Phase.REVIEW] = lambda workspace: OutcomeKind.AGENT_FAILURE
    bash_factory.refused(by="agent")
    bash_factory.agent.acts |= good_acts(Language.BASH)
    path = bash_factory.config.git_dir / "word-count.git"
    BareRepo(path, author=bash_factory.config.author).undo(Phase.SEO)
    bash_factory.build()
    assert bash_factory.agent.phases[3:] == [Phase.SEO, Phase.REVIEW]


@pytest.mark.parametrize("phase", Phase)
def test_a_retry_pays_for_no_phase_that_the_gates_of_today_let_pass(bash_factory, monkeypatch, phase):
    with monkeypatch.context() as patch:
        patch.setattr("factory_assets.building.attempt.judge", refuses_after(phase))
        bash_factory.refused("too strict", by="gate")
    paid = list(bash_factory.agent.phases)
    assert paid == list(Phase)[: list(Phase).index(phase) + 1]
    report = bash_factory.build()
    assert report.commit is not None
    assert bash_factory.agent.phases == list(Phase)
    assert "refs/factory/refused" not in bash_factory.git("for-each-ref")


def test_a_retry_from_a_phase_on_takes_nothing_of_it_up(bash_factory, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("factory_assets.building.attempt.judge", refuses_after(Phase.SEO))
        bash_factory.refused("too strict", by="gate")
    path = bash_factory.config.git_dir / "word-count.git"
    BareRepo(path, author=bash_factory.config.author).undo(Phase.SEO)
    bash_factory.build()
    assert bash_factory.agent.phases == [Phase.BUILD, Phase.SEO, Phase.SEO, Phase.REVIEW]


def refuses_after(phase):
    """The gates of a day on which one of them was too strict."""

    def judging(context, gates=GATES):
        if context.phase is phase:
            yield GateVerdict(gate="documents", phase=phase, passed=False, saw="too strict", fix="Wait.")
        else:
            yield from judge(context, gates)

    return judging


def test_a_leaked_secret_leaves_nothing_for_the_next_attempt_to_take_up(tmp_path):
    secret = "sk-ant-very-secret-value"
    acts = good_acts(Language.BASH) | {Phase.SEO: writes(DOCUMENTS | {"README.md": f"# x\n\n{secret}\n"})}
    factory = Factory(tmp_path, make_spec(Language.BASH), ScriptedAgent(acts), secrets=(secret,))
    factory.refused("secrets", by="gate")
    factory.agent.acts |= good_acts(Language.BASH)
    factory.build()
    assert factory.agent.phases == [Phase.BUILD, Phase.SEO, *Phase]


@pytest.mark.parametrize(
    ("phase", "act"), [(Phase.SEO, does_nothing), (Phase.REVIEW, lambda workspace: OutcomeKind.AGENT_FAILURE)]
)
def test_a_run_that_died_while_it_failed_is_not_paid_for_again(bash_factory, monkeypatch, phase, act):
    bash_factory.agent.acts[phase] = act

    def die(spec_id, error_log):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bash_factory.journal, "fail", die)
        with pytest.raises(KeyboardInterrupt):
            bash_factory.build()
    assert bash_factory.queued.status is phase.status
    paid = list(bash_factory.agent.phases)
    caught = bash_factory.refused()
    assert bash_factory.agent.phases == paid
    assert (bash_factory.queued.status, bash_factory.queued.attempts) == ("failed", 1)
    assert bash_factory.queued.error_log == str(caught)
    refused = [verdict.gate for verdict in caught.report.verdicts if not verdict.passed]
    assert refused == (["documents"] if phase is Phase.SEO else [])
    bash_factory.agent.acts |= good_acts(Language.BASH)
    assert bash_factory.build().attempts == 2


def test_a_failure_of_another_spec_under_the_same_name_is_not_taken_for_ones_own(bash_factory):
    bash_factory.agent.acts[Phase.SEO] = does_nothing
    bash_factory.refused(by="gate")
    bash_factory.agent.acts |= good_acts(Language.BASH)
    bash_factory.queue_anew(NOW + timedelta(days=1))
    assert bash_factory.build().attempts == 1


def test_a_spec_that_another_host_builds_is_left_alone(bash_factory):
    with bash_factory.journal.held(bash_factory.spec_id, place="elsewhere", run_id="run-2"):
        outcome = bash_factory.run()
    assert isinstance(outcome, Busy)
    assert "Another host works on this spec (run run-2" in str(outcome)
    assert bash_factory.queued.status == "queued"
    assert not bash_factory.agent.phases
    assert bash_factory.build().attempts == 1


@pytest.mark.parametrize("phase", [Phase.BUILD, Phase.REVIEW])
def test_a_build_whose_spec_another_host_has_taken_over_ends_and_writes_nothing(bash_factory, phase):
    acts = dict(bash_factory.agent.acts)

    def taken_over(workspace):
        with bash_factory.registry._database.transaction() as connection:
            connection.execute("UPDATE leases SET fence = fence + 1, place = 'elsewhere'")
        return acts[phase](workspace)

    bash_factory.agent.acts[phase] = taken_over
    outcome = bash_factory.run()
    assert isinstance(outcome, Busy)
    assert "Another host has taken this spec over" in str(outcome)
    assert bash_factory.queued.status is phase.status
    assert (1, phase) not in bash_factory.records
    assert bash_factory.queued.error_log is None


def test_a_run_that_died_is_resumed_at_the_first_phase_not_done(bash_factory):
    class DiedError(BaseException):
        """The worker is gone."""

    def die(workspace):
        raise DiedError

    bash_factory.agent.acts[Phase.SEO] = die
    with pytest.raises(DiedError):
        bash_factory.build()
    assert bash_factory.queued.status is BuildStatus.SEO
    bash_factory.agent.acts[Phase.SEO] = writes(DOCUMENTS)
    report = bash_factory.build()
    assert report.attempts == 1
    assert bash_factory.agent.phases == [Phase.BUILD, Phase.SEO, Phase.SEO, Phase.REVIEW]
    assert {verdict.gate for verdict in report.verdicts} == set(ALL_GATES) - {ACCEPTANCE, READING}


def die_at_shipping(factory, monkeypatch):
    """A build whose worker dies before the registry knows that it has shipped; its commit."""

    def die(spec_id, repo):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(factory.journal, "ship", die)
        with pytest.raises(KeyboardInterrupt):
            factory.build()
    assert factory.queued.status is BuildStatus.REVIEWING
    return factory.git("rev-parse", "main")


def test_a_run_that_died_between_git_and_registry_ships_the_same_commit(bash_factory, monkeypatch):
    commit = die_at_shipping(bash_factory, monkeypatch)
    tag = bash_factory.git("rev-parse", "v0.1.0")
    again = bash_factory.build()
    assert again.commit == commit
    assert bash_factory.git("rev-parse", "v0.1.0") == tag
    assert len(bash_factory.agent.tasks) == 3


def test_a_run_that_died_between_the_tag_and_main_ships_the_same_commit_without_an_agent(
    bash_factory, monkeypatch
):
    commit = die_at_shipping(bash_factory, monkeypatch)
    bash_factory.git("update-ref", "-d", "refs/heads/main")
    again = bash_factory.build()
    assert again.commit == commit == bash_factory.git("rev-parse", "main")
    assert len(bash_factory.agent.tasks) == 3


def test_a_shipped_name_is_never_built_over(bash_factory):
    bash_factory.build()
    bash_factory.git("update-ref", "-d", "refs/factory/review")
    bash_factory.queue_anew(QUEUED_AT)
    with pytest.raises(StatusError, match="shipped already"):
        bash_factory.build()
    assert len(bash_factory.agent.tasks) == 3
    queued = bash_factory.queued
    assert (queued.status, "shipped already" in queued.error_log) == (BuildStatus.FAILED, True)


def test_a_broken_bare_repository_puts_the_spec_off_and_says_so(bash_factory):
    bash_factory.bare.mkdir(parents=True)
    (bash_factory.bare / "HEAD").write_text("nonsense")
    caught = bash_factory.deferred("git")
    queued = bash_factory.queued
    assert (caught.cause, queued.attempts) == (WaitCause.INFRASTRUCTURE, 0)
    assert queued.error_log == f"{caught.what} Fix: {caught.fix}"


def test_a_workspace_that_is_far_too_big_is_refused_before_it_is_read(bash_factory):
    def fills(workspace):
        write_files(workspace, BASH_FILES)
        with (workspace / "huge").open("wb") as file:
            file.truncate(300_000_000)

    bash_factory.agent.acts[Phase.BUILD] = fills
    bash_factory.refused(r"tree-safe refused: .* bytes", by="gate")
    assert bash_factory.queued.status is BuildStatus.FAILED
    assert bash_factory.agent.phases == [Phase.BUILD]


@pytest.mark.parametrize("kind", [OutcomeKind.RATE_LIMITED, OutcomeKind.INFRASTRUCTURE, None])
def test_what_was_written_before_the_world_failed_is_kept_for_the_next_run(bash_factory, kind):
    def starts(workspace):
        write_files(workspace, {"lib/count.sh": BASH_FILES["lib/count.sh"]})
        if kind is None:
            raise InfrastructureError("the proxy is gone")
        return kind

    found = []

    def ends(workspace):
        found.append((workspace / "lib/count.sh").exists())
        write_files(workspace, BASH_FILES)

    bash_factory.agent.acts[Phase.BUILD] = starts
    bash_factory.deferred()
    bash_factory.agent.acts[Phase.BUILD] = ends
    assert bash_factory.build().commit is not None
    assert found == [True]


def test_what_was_written_before_the_run_was_asked_to_end_is_kept_for_the_next_run(bash_factory):
    class AskedToEndError(BaseException):
        """As Dagster raises it on SIGTERM."""

    def starts(workspace):
        write_files(workspace, {"lib/count.sh": BASH_FILES["lib/count.sh"]})
        raise AskedToEndError

    found = []

    def ends(workspace):
        found.append((workspace / "lib/count.sh").exists())
        write_files(workspace, BASH_FILES)

    bash_factory.agent.acts[Phase.BUILD] = starts
    with pytest.raises(AskedToEndError):
        bash_factory.build()
    bash_factory.agent.acts[Phase.BUILD] = ends
    assert bash_factory.build().attempts == 1
    assert found == [True]


def test_a_source_that_no_parser_survives_is_refused_and_not_judged_for_ever(tmp_path):
    acts = good_acts(Language.PYTHON)
    deep = {"word_count/deep.py": f"N = 1{' + 1' * 30_000}\n"}
    acts[Phase.BUILD] = writes(PYTHON_FILES | deep)
    factory = Factory(tmp_path, make_spec(Language.PYTHON), ScriptedAgent(acts))
    factory.refused(r"word_count/deep\.py:1: is nested too deep or too broken to be read", by="gate")
    assert factory.queued.status is BuildStatus.FAILED


@pytest.mark.parametrize(("hours", "minutes"), [(-3, 10), (9999, 24 * 60)])
def test_a_time_to_wait_that_makes_no_sense_is_not_taken(bash_factory, hours, minutes):
    bash_factory.agent.until = NOW + timedelta(hours=hours)
    bash_factory.agent.acts[Phase.BUILD] = lambda workspace: OutcomeKind.RATE_LIMITED
    caught = bash_factory.deferred()
    assert caught.until == NOW + timedelta(minutes=minutes)


def test_an_agent_out_of_turns_is_resumed_once_in_its_session(bash_factory):
    outcomes = [OutcomeKind.OUT_OF_TURNS, OutcomeKind.DONE]

    def slow(workspace):
        write_files(workspace, BASH_FILES)
        return outcomes.pop(0)

    bash_factory.agent.acts[Phase.BUILD] = slow
    report = bash_factory.build()
    first, second = bash_factory.agent.tasks[:2]
    assert (first.resume, second.resume) == (None, "session-1")
    assert second.max_turns == first.max_turns
    assert second.max_budget_usd == pytest.approx(2.99)
    assert report.phases[0].turns == 6
    assert report.phases[0].usage.cost_usd == pytest.approx(0.02)


def test_an_agent_out_of_turns_twice_has_failed(bash_factory):
    bash_factory.agent.acts[Phase.BUILD] = lambda workspace: OutcomeKind.OUT_OF_TURNS
    bash_factory.refused("FACTORY_BUILD_TURNS", by="agent")
    assert len(bash_factory.agent.tasks) == 2
    assert bash_factory.queued.status is BuildStatus.FAILED
    assert "refs/factory/failed/1" in bash_factory.git("for-each-ref")


@pytest.mark.parametrize("kind", [OutcomeKind.RATE_LIMITED, OutcomeKind.INFRASTRUCTURE])
def test_a_deferred_build_uses_up_no_attempt_and_goes_on_later(bash_factory, kind):
    until = NOW + timedelta(hours=5)
    bash_factory.agent.until = until
    bash_factory.agent.acts[Phase.SEO] = lambda workspace: kind
    caught = bash_factory.deferred()
    assert caught.until == until
    assert bash_factory.queued.status is BuildStatus.QUEUED
    assert bash_factory.queued.attempts == 0
    assert bash_factory.queued.not_before == until
    bash_factory.agent.acts[Phase.SEO] = writes(DOCUMENTS)
    assert bash_factory.build().attempts == 1
    assert bash_factory.agent.phases == [Phase.BUILD, Phase.SEO, Phase.SEO, Phase.REVIEW]


def test_a_refused_credential_gives_the_attempt_back_and_is_named(bash_factory):
    bash_factory.agent.acts[Phase.BUILD] = lambda workspace: OutcomeKind.AUTHENTICATION
    bash_factory.stopped("credential was refused")
    assert bash_factory.queued.status is BuildStatus.QUEUED
    assert bash_factory.queued.attempts == 0


@pytest.mark.parametrize(
    ("fault", "cause", "fix"),
    [
        (Fault.CREDIT, WaitCause.CREDIT, "Add credit"),
        (Fault.ACCOUNT, WaitCause.ACCOUNT, "support"),
        (Fault.USAGE_LIMIT, WaitCause.USAGE_LIMIT, "Raise it"),
        (Fault.MODEL, WaitCause.MODEL, "FACTORY_SEO_MODEL"),
    ],
)
def test_what_the_api_refuses_to_everybody_uses_up_no_attempt_and_says_what_to_fix(
    bash_factory, fault, cause, fix
):
    back = NOW + timedelta(days=3) if fault is Fault.USAGE_LIMIT else None
    bash_factory.agent.refusal = Refusal(fault, "the server's words", 400, back)
    bash_factory.agent.acts[Phase.SEO] = lambda workspace: OutcomeKind.STOPPED
    caught = bash_factory.stopped("the server's words")
    assert caught.cause is cause
    assert fix in caught.fix
    assert "launch this partition again" not in str(caught)
    queued = bash_factory.queued
    assert (queued.status, queued.attempts, queued.wait_cause) == (BuildStatus.QUEUED, 0, cause)
    if back:
        assert queued.not_before == back


def not_understood(factory):
    factory.agent.refusal = Refusal(Fault.NOT_UNDERSTOOD, "Something else is the matter.", 400)
    factory.agent.acts[Phase.BUILD] = lambda workspace: OutcomeKind.NOT_UNDERSTOOD


def test_a_refusal_that_nobody_understands_puts_the_first_repo_off(bash_factory):
    not_understood(bash_factory)
    caught = bash_factory.deferred("Something else")
    assert caught.cause is WaitCause.NOT_UNDERSTOOD
    assert bash_factory.queued.attempts == 0


def test_a_refusal_that_another_repo_has_met_too_stops_the_queue(bash_factory):
    not_understood(bash_factory)
    bash_factory.ledger.record(
        call(stage="build", repo="other-tool", phase=Phase.BUILD, outcome=OutcomeKind.NOT_UNDERSTOOD)
    )
    caught = bash_factory.stopped(r"one repo after the other.*Something else")
    assert caught.cause is WaitCause.NOT_UNDERSTOOD
    assert "FACTORY_BUILD_MODEL" in caught.fix
    assert bash_factory.queued.attempts == 0


def test_a_refusal_that_one_repo_alone_meets_twice_is_its_own(bash_factory):
    not_understood(bash_factory)
    bash_factory.deferred()
    bash_factory.refused("Something else", by="agent")
    assert bash_factory.queued.status is BuildStatus.FAILED


def test_a_full_disk_defers_the_build_and_names_the_place(bash_factory):
    def full(workspace):
        raise OSError(28, "No space left on device", str(workspace / "file"))

    bash_factory.agent.acts[Phase.BUILD] = full
    caught = bash_factory.deferred("No space left on device")
    assert caught.where.endswith("work/file")
    assert bash_factory.queued.attempts == 0


@pytest.mark.parametrize(("number", "is_full"), [(errno.ENOSPC, True), (errno.EACCES, False)])
def test_disk_space_is_named_only_where_there_is_none(bash_factory, number, is_full):
    def fails(workspace):
        raise OSError(number, os.strerror(number), str(workspace / "file"))

    bash_factory.agent.acts[Phase.BUILD] = fails
    caught = bash_factory.deferred()
    assert ("disk space" in caught.fix) == is_full


def test_two_runs_never_build_one_spec(bash_factory):
    locks = bash_factory.root / "locks"
    locks.mkdir()
    with (locks / "word-count.lock").open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        holder.write("4711")
        holder.flush()
        outcome = bash_factory.run()
        assert isinstance(outcome, Busy)
        assert "process 4711" in outcome.what
    assert bash_factory.queued.attempts == 0
    assert bash_factory.agent.forgotten == []
    bash_factory.build()
    assert (locks / "word-count.lock").read_text() == str(os.getpid())


def test_a_build_forgets_its_sessions_before_another_run_can_hold_the_spec(bash_factory):
    config = bash_factory.config

    def held(workspace):
        with pytest.raises(SpecBusyError), spec_lock(config.locks_dir, bash_factory.spec.name):
            pass
        bash_factory.agent.forgotten.append(workspace)

    bash_factory.agent.forget = held
    bash_factory.build()
    assert bash_factory.agent.forgotten == [config.agent_workspace(bash_factory.spec.name)]


def test_sessions_that_cannot_be_removed_are_a_line_and_not_the_end_of_the_build(bash_factory):
    def busy(workspace):
        raise OSError(errno.EBUSY, "Device or resource busy", str(workspace))

    bash_factory.agent.forget = busy
    bash_factory.build()
    assert bash_factory.lines[-1].startswith("The sessions of this build stay")


def test_a_machine_that_lacks_what_every_build_needs_stops_the_queue_and_not_the_spec(bash_factory):
    def without():
        raise MissingToolError("git is not installed.", fix="Install git.")

    outcome = build(
        bash_factory.job(),
        without,
        bash_factory.lines.append,
        books=Books(journal=bash_factory.journal, clock=lambda: NOW, clean=Redactor(())),
        locks_dir=bash_factory.config.locks_dir,
    )
    assert isinstance(outcome, Deferred)
    assert (outcome.cause, outcome.stops) == (WaitCause.TOOLCHAIN, Stops.MACHINE)
    assert bash_factory.queued.attempts == 0


def test_a_missing_toolchain_keeps_the_spec_queued_and_names_the_tool(tmp_path):
    agent = ScriptedAgent({})
    factory = Factory(tmp_path, make_spec(Language.GO), agent)

    class WithoutGo:
        protections = ()

        def run(self, command):
            return CommandResult(0, "missing: go\n", timed_out=False, seconds=0.0)

    factory.commands = WithoutGo()
    caught = factory.deferred("go not found")
    assert (caught.cause, caught.until) == (WaitCause.TOOLCHAIN, NOW + timedelta(hours=1))
    queued = factory.queued
    assert (queued.status, queued.attempts, queued.wait_cause) == (
        BuildStatus.QUEUED,
        0,
        WaitCause.TOOLCHAIN,
    )
    assert "go not found" in queued.error_log
    assert (agent.tasks, factory.calls) == ([], [])


def test_a_machine_that_can_run_nothing_for_now_keeps_the_spec_queued_and_says_why(bash_factory):
    class OutOfOrder:
        protections = ("bubblewrap",)

        def run(self, command):
            raise InfrastructureError("the sandbox does not start", fix="See `factory doctor`.")

    bash_factory.commands = OutOfOrder()
    deferred = bash_factory.deferred("the sandbox does not start")
    assert (deferred.cause, deferred.until) == (WaitCause.INFRASTRUCTURE, NOW + timedelta(minutes=10))
    assert deferred.report.protections == ("bubblewrap",)
    queued = bash_factory.queued
    assert (queued.status, queued.attempts) == (BuildStatus.QUEUED, 0)
    assert queued.error_log == "the sandbox does not start Fix: See `factory doctor`."
    assert bash_factory.agent.tasks == []


def test_a_disk_that_is_full_when_a_spec_is_claimed_puts_it_off(bash_factory, monkeypatch):
    def full(spec_id, *, run_id, now):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "registry.duckdb")

    with monkeypatch.context() as patch:
        patch.setattr(bash_factory.journal, "start", full)
        deferred = bash_factory.deferred("No space left on device")
    assert "disk space" in deferred.fix
    assert (bash_factory.queued.status, bash_factory.queued.attempts) == ("queued", 0)


def test_an_error_that_puts_a_build_off_is_told_without_the_secret_that_it_names(tmp_path):
    secret = "sk-ant-very-secret-value"

    def fails(workspace):
        raise InfrastructureError(f"{secret} was not taken", where=f"https://me:{secret}@proxy", fix=secret)

    agent = ScriptedAgent({Phase.BUILD: fails})
    factory = Factory(tmp_path, make_spec(Language.BASH), agent, secrets=(secret,))
    deferred = factory.deferred(r"\[secret\] was not taken")
    assert secret not in repr(deferred) + str(deferred.error_met) + factory.queued.error_log


def test_a_secret_in_a_file_is_refused_and_shown_nowhere(tmp_path):
    secret = "sk-ant-very-secret-value"
    acts = good_acts(Language.BASH)
    acts[Phase.BUILD] = writes(BASH_FILES | {"lib/key.sh": f"key={secret}\n"})
    factory = Factory(tmp_path, make_spec(Language.BASH), ScriptedAgent(acts), secrets=(secret,))
    caught = factory.refused("secrets", by="gate")
    assert "lib/key.sh" in str(caught)
    assert secret not in str(caught) + str(factory.verdicts) + "".join(factory.lines)


def test_a_secret_that_a_test_prints_is_taken_out_of_the_evidence(tmp_path):
    secret = "sk-ant-very-secret-value"
    acts = good_acts(Language.BASH)
    broken = BASH_FILES["lib/count.sh"] + "echo tl-bou-wfsz-tfdsfu-wbmvf | tr b-z a-y\nexit 1\n"
    acts[Phase.REVIEW] = writes({"lib/count.sh": broken})
    factory = Factory(tmp_path, make_spec(Language.BASH), ScriptedAgent(acts), secrets=(secret,))
    caught = factory.refused(r"\[secret\]", by="gate")
    assert secret not in str(caught) + str(factory.verdicts) + "".join(factory.lines)


def test_an_agent_is_told_no_secret_and_what_it_says_of_one_is_told_nowhere(tmp_path):
    secret = "sk-ant-very-secret-value"

    class TalkativeAgent(ScriptedAgent):
        def run_agent(self, task, report, meter):
            report(f"Bash echo {secret}")
            return replace(super().run_agent(task, report, meter), detail=f"I met {secret}")

    agent = TalkativeAgent({Phase.BUILD: lambda workspace: OutcomeKind.AGENT_FAILURE})
    spec = make_spec(Language.BASH, problem=f"Nobody should use {secret} any more.")
    factory = Factory(tmp_path, spec, agent, secrets=(secret,))
    refused = factory.refused(r"I met \[secret\]", by="agent")
    assert "Nobody should use [secret] any more." in agent.tasks[0].prompt
    assert any("Bash echo [secret]" in line for line in factory.lines)
    kept = factory.git("for-each-ref", "--format=%(contents)")
    assert secret not in "".join([*factory.lines, repr(refused), kept, factory.queued.error_log])
