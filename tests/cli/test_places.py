"""A spec whose date or rank is no partition is promised nothing: each command and page says why, and what fixes it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from defs_commands import Commands
from defs_factory import DefsFactory, metadata
from registry_samples import NOW, ship, spec
from test_cli_stages import Desk, FakeClient, named

from factory_assets.cli.backfill import Backfill
from factory_assets.cli.plan import make_plan
from factory_assets.cli.stages import Days
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.places import Places
from factory_assets.registry import Registry
from factory_assets.settings import Settings

FIRST, LAST, TODAY = date(2026, 6, 17), date(2026, 6, 19), date(2026, 6, 25)
BEFORE, WITHIN, AFTER = date(2026, 6, 16), date(2026, 6, 17), date(2026, 6, 20)
# The instance has ranks 1 to 4; `beyond` has the fifth of its date.
PLACED = ("one", "two", "three", "four")
UNPLACED = {
    "beyond": ("FACTORY_RANKS is 4", "Set FACTORY_RANKS to 5 or more."),
    "early": ("FACTORY_START_DATE is 2026-06-17", "Set FACTORY_START_DATE to 2026-06-16 or earlier."),
    "late": ("FACTORY_END_DATE is 2026-06-19", "Set FACTORY_END_DATE to 2026-06-20 or later."),
}


def fill(registry: Registry) -> Registry:
    """Seven specs, of which settings that were changed since have left four with a partition."""
    for day, names in {WITHIN: (*PLACED, "beyond"), BEFORE: ("early",), AFTER: ("late",)}.items():
        specs = [spec(name) for name in names]
        registry.queue.add(day, specs, [], dropped=0, ranks=range(1, 6), late_ranks=range(6, 8), now=NOW)
    return registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return fill(Registry(tmp_path / "registry.duckdb"))


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay()
    made.data.mkdir(parents=True)
    fill(Registry(made.data / "registry.duckdb"))
    return made


def test_a_date_to_come_and_a_missing_rank_are_no_partition_either(registry: Registry) -> None:
    places = Places(FIRST, None, 4)
    future = places.lacking(named(registry, "late"), WITHIN)
    assert future is not None
    assert future.what == "Its date has no partition: it is 2026-06-17 (UTC)."
    assert places.lacking(named(registry, "late"), TODAY) is None
    unranked = places.lacking(named(registry, "one").model_copy(update={"rank": None}), TODAY)
    assert unranked is not None
    assert unranked.fix.startswith("It gets a rank on the next date that has one free")


@pytest.mark.parametrize("name", UNPLACED)
def test_retry_queues_it_and_promises_no_launch(commands: Commands, name: str) -> None:
    cause, fix = UNPLACED[name]
    ended = commands("retry", name)
    assert ended.code == 0
    assert "But nothing can launch it now." in ended.out
    assert cause in ended.out
    assert ended.out.endswith(fix)
    assert "when its turn comes" in commands("retry", "one").out


def test_retry_promises_no_launch_while_the_queue_is_stopped(commands: Commands) -> None:
    registry = Registry(commands.data / "registry.duckdb")
    registry.holds.record(Hold(WaitCause.CREDENTIAL, "It was refused.", "Put in another.", NOW, "one"))
    ended = commands("retry", "one")
    assert "the queue is stopped, and nothing launches it before that is fixed. It was refused." in ended.out
    assert "when its turn comes" not in ended.out


@pytest.mark.parametrize("stage", ["build", "mirror"])
@pytest.mark.parametrize("name", UNPLACED)
def test_its_name_is_refused_before_anything_is_started(commands: Commands, stage: str, name: str) -> None:
    ended = commands(stage, "--repo", "one", "--repo", name)
    cause, fix = UNPLACED[name]
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"error: {name}: ")
    assert cause in ended.err
    assert ended.err.endswith(fix)


def test_status_and_show_say_that_it_waits_for_a_partition(commands: Commands) -> None:
    told = commands("status", COLUMNS="400").out
    assert told.count("for its turn") == len(PLACED)
    for name, (cause, fix) in UNPLACED.items():
        assert f"for a partition: {cause}" in told
        story = commands("show", name).out
        assert f"waits for a partition: {cause} how to fix it {fix}" in story


def test_requeue_says_what_it_queues_for_nothing(commands: Commands) -> None:
    registry = Registry(commands.data / "registry.duckdb")
    for name in ("one", "beyond"):
        queued = registry.builds.start(named(registry, name).id, run_id="run", now=NOW)
        registry.builds.fail(queued.id, "It was refused.")
    told = commands("requeue", "--failed-since", "2026-06-01", "--dry-run").out
    cause, fix = UNPLACED["beyond"]
    assert told.count("Nothing can launch it now.") == 1
    assert f"Its rank has no partition any more: {cause}. {fix}" in told


def test_build_and_mirror_leave_it_out_by_name(replay_settings: Settings, registry: Registry) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    assert desk.factory.build(None, []) == []
    assert sorted(desk.launched()) == sorted(PLACED)
    for name, (cause, fix) in UNPLACED.items():
        assert f"{name}: Its " in desk.said
        assert f"{cause}. {fix}" in desk.said
    ship(registry, named(registry, "one"))
    ship(registry, named(registry, "beyond"))
    mirrored = Desk(replay_settings, registry, FakeClient())
    assert mirrored.factory.mirror(None, []) == []
    assert mirrored.launched() == ["one"]
    assert "beyond: Its rank has no partition any more" in mirrored.said


def test_a_backfill_does_not_wait_for_it(replay_settings: Settings, registry: Registry) -> None:
    for name in PLACED:
        ship(registry, named(registry, name))
    desk = Desk(replay_settings, registry, FakeClient())

    def sleep(_seconds: float) -> None:
        pytest.fail("it waits for what nothing launches")

    now = datetime.combine(TODAY, datetime.min.time(), UTC)
    work = Backfill(factory=desk.factory, days=Days(FIRST, LAST), clock=lambda: now, sleep=sleep)
    assert work.run(wait=True) == []
    assert "beyond: Its rank has no partition any more" in desk.said


def test_the_plan_does_not_pay_for_it(replay_settings: Settings, registry: Registry) -> None:
    plan = make_plan(registry, replay_settings, first=FIRST, last=LAST, gathered={FIRST, LAST})
    assert plan.work.specs_waiting == len(PLACED)


def test_the_report_says_what_it_waits_for(factory: DefsFactory) -> None:
    fill(factory.registry)
    made = factory.defs.resolve_job_def("report").execute_in_process(instance=factory.instance)
    told = str(metadata(made, "factory_report")["the oldest of the queue"])
    for name, (cause, _) in UNPLACED.items():
        (line,) = [line for line in told.splitlines() if name in line]
        assert f"a partition: {cause}" in line
    (line,) = [line for line in told.splitlines() if "three" in line]
    assert "its turn" in line
