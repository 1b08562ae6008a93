"""Retry, requeue, show, resume and status on a queue with something in it."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import dagster as dg
import pytest
from defs_commands import Commands
from defs_fakes import TESTS_FAILED, FakeCredential
from registry_samples import NOW, call, labelled, phase_record, queue, ship, spec
from rich.console import Console

from factory_assets.cli import queue_actions
from factory_assets.cli.story import show_story
from factory_assets.defs.client import FactoryClient
from factory_assets.defs.daemons import open_queue
from factory_assets.defs.dagster_private.workspace import WorkspaceProcessContext
from factory_assets.defs.queue import put_off_cancelled
from factory_assets.defs.runs import spec_tags
from factory_assets.defs.storage import open_storage
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import BuildStatus, Phase, Usage, WaitCause
from factory_assets.domain.errors import InputError, StatusError
from factory_assets.domain.outcomes import why_it_waits
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

HOLD = Hold(
    cause=WaitCause.CREDENTIAL,
    reason="The model's credential was refused: 401.",
    fix="Put a valid key into ANTHROPIC_API_KEY.",
    since=NOW,
    credential="one",
)


class Paper:
    """A console whose text is read back; line breaks and table frames are folded."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self.console = Console(file=self._text, width=200)

    @property
    def said(self) -> str:
        return " ".join(self._text.getvalue().split())


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


@pytest.fixture
def paper() -> Paper:
    return Paper()


def named(registry: Registry, name: str) -> QueuedSpec:
    queued = registry.queue.named(name)
    assert queued is not None
    return queued


def fail(registry: Registry, queued: QueuedSpec, at: datetime = NOW) -> None:
    """An attempt that did its first phase and was refused by a gate."""
    started = registry.builds.start(queued.id, run_id="run-of-failure", now=at)
    registry.builds.enter_phase(queued.id, Phase.BUILD)
    registry.builds.finish_phase(queued.id, started.attempts, phase_record())
    registry.builds.record_verdict(queued.id, started.attempts, TESTS_FAILED, now=at)
    registry.builds.fail(queued.id, "cache-probe: The gate tests-pass refused.\nassert 3 == 4")


# retry


def keep(name: str, phase: Phase) -> None:
    raise AssertionError(f"{name}: {phase} was to be kept")


def test_a_retry_from_a_phase_on_does_away_with_it_before_the_repo_is_queued(
    registry: Registry, paper: Paper
) -> None:
    (queued,) = queue(registry, "cache-probe")
    fail(registry, queued)
    undone: list[tuple[str, Phase, BuildStatus]] = []

    def undo(name: str, phase: Phase) -> None:
        undone.append((name, phase, named(registry, name).status))

    queue_actions.retry(registry, "cache-probe", paper.console, again_from=Phase.SEO, undo=undo)
    assert undone == [("cache-probe", Phase.SEO, BuildStatus.FAILED)]
    assert named(registry, "cache-probe").status is BuildStatus.QUEUED
    assert "attempt 1 had failed, the next begins anew at seo." in paper.said


def test_a_failed_repo_is_queued_again_for_a_fresh_attempt(registry: Registry, paper: Paper) -> None:
    (queued,) = queue(registry, "cache-probe")
    fail(registry, queued)
    queue_actions.retry(registry, "cache-probe", paper.console, undo=keep)
    again = named(registry, "cache-probe")
    assert (again.status, again.attempts, again.error_log) == (BuildStatus.QUEUED, 1, None)
    assert registry.builds.start(queued.id, run_id="run-2", now=NOW).attempts == 2
    assert paper.said.startswith(
        "cache-probe: queued again; attempt 1 had failed, the next keeps what had passed."
    )


def test_a_repo_that_was_put_off_waits_no_longer(registry: Registry, paper: Paper) -> None:
    (queued,) = queue(registry, "cache-probe")
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    later = NOW + timedelta(days=1)
    registry.builds.defer(queued.id, cause=WaitCause.TOOLCHAIN, until=later, reason="cargo is missing")
    queue_actions.retry(registry, "cache-probe", paper.console, undo=keep)
    again = named(registry, "cache-probe")
    assert (again.not_before, again.wait_cause, again.waits) == (None, None, 0)
    assert "it waits no longer (toolchain)" in paper.said


def test_what_shipped_or_is_being_built_is_not_retried(registry: Registry, paper: Paper) -> None:
    shipped, building = queue(registry, "cache-probe", "tree-probe")
    ship(registry, shipped)
    registry.builds.start(building.id, run_id="run-1", now=NOW)
    with pytest.raises(StatusError, match="a shipped repo never changes"):
        queue_actions.retry(registry, "cache-probe", paper.console, undo=keep)
    with pytest.raises(StatusError, match="It is building"):
        queue_actions.retry(registry, "tree-probe", paper.console, undo=keep)
    with pytest.raises(InputError, match="No spec has this name"):
        queue_actions.retry(registry, "no-such-tool", paper.console, undo=keep)
    assert named(registry, "tree-probe").status is BuildStatus.BUILDING


# requeue


def test_builds_that_failed_since_a_date_are_queued_again(registry: Registry, paper: Paper) -> None:
    older, newer, waiting = queue(registry, "cache-probe", "tree-probe", "key-probe")
    midnight = datetime(2026, 6, 8, tzinfo=UTC)
    fail(registry, older, at=midnight - timedelta(seconds=1))
    fail(registry, newer, at=midnight)
    queue_actions.requeue(registry, date(2026, 6, 8), paper.console, write=False)
    assert "tree-probe: cache-probe: The gate tests-pass refused." in paper.said
    assert "1 builds that failed since 2026-06-08 would be queued again." in paper.said
    assert named(registry, "tree-probe").status is BuildStatus.FAILED
    queue_actions.requeue(registry, date(2026, 6, 8), paper.console, write=True)
    assert "1 builds that failed since 2026-06-08 queued again." in paper.said
    assert [named(registry, item.spec.name).status for item in (older, newer, waiting)] == [
        "failed",
        "queued",
        "queued",
    ]


# show


def test_the_story_of_a_repo_that_shipped_at_its_second_attempt(registry: Registry, paper: Paper) -> None:
    registry.papers.upsert([labelled(title="Keys [and] values")], now=NOW)
    (queued,) = queue(registry, "cache-probe")
    fail(registry, queued)
    registry.queue.requeue(queued.id)
    repo = ship(registry, queued)
    usage = Usage(calls=7, input_tokens=900, cost_usd=0.25)
    for attempt in range(2):
        at = NOW + timedelta(minutes=attempt)
        registry.ledger.record(call(stage="build", repo="cache-probe", phase=Phase.BUILD, usage=usage, at=at))
    registry.repos.record_mirror(
        "cache-probe", url="https://github.com/example/cache-probe", commit="c0ffee", now=NOW
    )
    story = registry.stories.of_repo("cache-probe")
    assert story is not None
    show_story(story, paper.console, git_dir=Path("/git"))
    for words in (
        "cache-probe: shipped",
        "Keys [and] values (https://arxiv.org/abs/2606.01234",
        "problem Nobody sees the cache.",
        "partition 2026-06-03|01",
        "attempts 2",
        "run run-1",
        f"commit {repo.commit}",
        "140 lines, 6 tests executed",
        "mirror https://github.com/example/cache-probe",
        "attempt 1: phases",
        "claude-sonnet-5-5 │ 7 │ 0.2500 │ 12.5 │ commit-of-bu",
        "attempt 1: gates",
        f"tests-pass │ refused │ {TESTS_FAILED.saw}",
        "build │ claude-haiku-5-5 │ done │ 14 │ 3.0 │ 0.5000",
    ):
        assert words in paper.said, words


def test_the_story_of_an_imported_spec_that_waits(registry: Registry, paper: Paper) -> None:
    url = "https://example.org/idea"
    (queued,) = registry.queue.add(
        date(2026, 6, 3),
        [spec("cache-probe", source_papers=(), source_url=url)],
        [],
        dropped=0,
        ranks=range(1, 3),
        late_ranks=range(3, 4),
        now=NOW,
    )
    registry.builds.start(queued.id, run_id="run-1", now=NOW)
    registry.builds.defer(
        queued.id, cause=WaitCause.REPO_BUDGET, until=None, reason="The budget is used up.", limit_usd=5.0
    )
    story = registry.stories.of_repo("cache-probe")
    assert story is not None
    show_story(story, paper.console, git_dir=Path("/git"))
    assert f"source {url}" in paper.said
    assert "waits repo budget, until it is more than $5.00" in paper.said
    assert "The budget is used up." in paper.said
    assert "No model was called for it." in paper.said


def test_a_spec_says_why_it_waits(registry: Registry) -> None:
    (queued,) = queue(registry, "cache-probe")
    assert why_it_waits(queued) == "for its turn"
    unranked = queued.model_copy(update={"day": None, "rank": None})
    assert why_it_waits(unranked) == "for a free rank"
    put_off = queued.model_copy(update={"wait_cause": WaitCause.RATE_LIMIT, "not_before": NOW, "waits": 2})
    assert why_it_waits(put_off) == "rate limit, until 2026-06-05 06:00 UTC, put off 2 times"


# a stopped queue


@dataclass
class Held:
    """As much of a workspace's context as the pool of the builds needs."""

    instance: dg.DagsterInstance


def slots(instance: dg.DagsterInstance) -> int | None:
    """How many builds may run at once."""
    limits = instance.event_log_storage.get_pool_limits()
    return next((limit.limit for limit in limits if limit.name == "builds"), None)


def test_starting_the_factory_raises_no_pool_over_a_stop_that_stands(registry: Registry) -> None:
    registry.holds.record(HOLD)
    credential = FakeCredential("one", accepted=frozenset())
    refused = replace(HOLD, credential=credential.digest())
    registry.holds.record(refused)
    with dg.DagsterInstance.ephemeral() as instance:
        assert open_queue(instance, registry, credential, 3) == [refused]
        assert slots(instance) == 0
        credential.value = "two"
        assert open_queue(instance, registry, credential, 3) == []
        assert slots(instance) == 3
    assert registry.holds.standing() == []


def test_taking_back_no_run_at_all_is_nothing() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        FactoryClient(cast("WorkspaceProcessContext", Held(instance))).cancel_queued([])


# the commands themselves


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay()
    return made


def report_by_hand(commands: Commands, key: str) -> None:
    """What "Report materialization" in the UI writes."""
    environment = commands.environment()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with open_storage(commands.data) as instance:
            instance.report_runless_asset_event(dg.AssetMaterialization("built_repos", partition=key))


def test_the_commands_find_the_registry_of_their_instance(commands: Commands) -> None:
    registry = Registry(commands.data / "registry.duckdb")
    commands.data.mkdir(parents=True)
    (queued,) = queue(registry, "cache-probe", day=date(2026, 6, 17))
    fail(registry, queued)
    assert "cache-probe: failed" in commands("show", "cache-probe").out
    report_by_hand(commands, "2026-06-17|01")
    told = commands("show", "cache-probe").out
    assert "cache-probe: failed" in told
    assert "built_repos[2026-06-17|01] was reported as materialized by hand at 20" in told
    assert "no run of the factory made it." in told
    listed = commands("requeue", "--failed-since", "2026-06-01", "--dry-run")
    assert "1 builds that failed since 2026-06-01 would be queued again." in listed.out
    assert "queued again" in commands("retry", "cache-probe").out
    assert named(registry, "cache-probe").status is BuildStatus.QUEUED
    unknown = commands("show", "no-such-tool")
    assert (unknown.code, "No spec has this name." in unknown.err) == (1, True)


PAGE = "https://ui.example/assets/built_repos?view=partitions&partition=2026-06-17%7C01"
RUNS = "https://ui.example/runs?q%5B%5D=tag%3Afactory%2Frepo%3Dcache-probe&view=runs"


def test_a_repo_is_opened_in_the_ui_by_its_name(commands: Commands, tmp_path: Path) -> None:
    commands.data.mkdir(parents=True)
    queue(Registry(commands.data / "registry.duckdb"), "cache-probe", day=date(2026, 6, 17))
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    browser.chmod(0o755)
    ours = {"FACTORY_UI_URL": "https://ui.example/", "BROWSER": f"{browser} %s"}
    told = commands("show", "cache-probe", **ours)
    assert f"its partition {PAGE} its runs {RUNS}" in told.out
    assert not opened.exists()
    told = commands.program("show", "cache-probe", "--open", **ours)
    assert (told.code, told.err) == (0, "")
    assert opened.read_text() == f"{PAGE}\n"


@pytest.mark.parametrize("in_the_terminal", [False, True], ids=["no browser", "one in the terminal"])
def test_where_no_browser_can_show_the_ui_the_address_is_told(
    commands: Commands, tmp_path: Path, in_the_terminal: bool
) -> None:
    commands.data.mkdir(parents=True)
    queue(Registry(commands.data / "registry.duckdb"), "cache-probe", day=date(2026, 6, 17))
    programs = tmp_path / "bin"
    programs.mkdir()
    if in_the_terminal:
        (programs / "w3m").write_text("#!/bin/sh\nexec cat\n")
        (programs / "w3m").chmod(0o755)
    ours = {"FACTORY_UI_URL": "https://ui.example", "PATH": str(programs), "TERM": "xterm"}
    told = commands.program("show", "cache-probe", "--open", **ours)
    assert told.code == 0, told.err
    assert told.out.endswith(
        f"its partition {PAGE} its runs {RUNS} No browser could be started here: open the address where there is one."
    )


def test_a_spec_that_waits_for_a_rank_is_shown_with_its_runs(commands: Commands) -> None:
    commands.data.mkdir(parents=True)
    registry = Registry(commands.data / "registry.duckdb")
    registry.queue.add(
        date(2026, 6, 17), [spec("cache-probe")], [], dropped=0, ranks=range(0), late_ranks=range(0), now=NOW
    )
    told = commands("show", "cache-probe", FACTORY_UI_URL="https://ui.example")
    assert told.out.endswith(f"its partition none yet: it waits for a free rank its runs {RUNS}")


def test_a_retry_stands_though_the_sensor_has_not_seen_the_cancelled_run_yet(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands("status")
    registry = Registry(commands.data / "registry.duckdb")
    (queued,) = queue(registry, "cache-probe", day=date(2026, 6, 17))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(commands.data))
    with dg.DagsterInstance.from_config(str(commands.home)) as instance:
        run = instance.add_run(
            dg.DagsterRun(job_name="build", status=dg.DagsterRunStatus.STARTED, tags=spec_tags(queued))
        )
        registry.builds.start(queued.id, run_id=run.run_id, now=NOW)
        instance.report_run_canceling(run)
        instance.report_run_canceled(run)
        assert "it waits no longer (cancelled by hand)" in commands("retry", "cache-probe").out
        put_off_cancelled(instance, registry, datetime.now(UTC), busy={})
    freed = named(registry, "cache-probe")
    assert (freed.status, freed.not_before, freed.attempts) == (BuildStatus.QUEUED, None, 0)


@pytest.mark.parametrize("end", ["cancelled", "broken off", "deleted"])
def test_a_build_whose_worker_was_killed_is_not_shown_as_building(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    commands("status")
    registry = Registry(commands.data / "registry.duckdb")
    (queued,) = queue(registry, "cache-probe", day=date(2026, 6, 17))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(commands.data))
    with dg.DagsterInstance.from_config(str(commands.home)) as instance:
        run = instance.add_run(dg.DagsterRun(job_name="build", status=dg.DagsterRunStatus.STARTED))
        registry.builds.start(queued.id, run_id=run.run_id, now=NOW)
        assert "building" in commands("status").out
        assert "cache-probe: building" in commands("show", "cache-probe").out
        if end == "deleted":
            instance.delete_run(run.run_id)
        elif end == "cancelled":
            instance.report_run_canceled(run)
        else:
            instance.report_run_failed(run)
    for shown in (commands("status").out, commands("show", "cache-probe").out):
        assert "building" not in shown
        assert f"for another run: its run was {end}" in shown


def test_status_shows_a_stopped_queue_first_and_resume_lets_it_go_on(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(commands.data / "registry.duckdb")
    commands.data.mkdir(parents=True)
    registry.holds.record(HOLD)
    out = commands("status").out
    assert out.startswith(
        "THE QUEUE IS STOPPED since 2026-06-05 06:00 UTC (credential): The model's credential"
    )
    assert "Put a valid key into ANTHROPIC_API_KEY." in out.partition("papers")[0]
    resumed = commands("resume", BUILD_WORKERS="3")
    assert "Lifted: The model's credential was refused: 401. The queue goes on: 3 builds" in resumed.out
    assert registry.holds.standing() == []
    monkeypatch.setenv("FACTORY_DATA_DIR", str(commands.data))
    with dg.DagsterInstance.from_config(str(commands.home)) as instance:
        assert slots(instance) == 3
    assert "The queue was not stopped" in commands("resume").out
