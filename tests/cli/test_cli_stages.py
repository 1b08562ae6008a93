"""What gather, analyze, build and mirror launch, and what they say of how it ended."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from registry_samples import LATE_RANKS, NOW, RANKS, labelled, ship, spec
from rich.console import Console

from factory_assets.cli.stages import Days, Factory
from factory_assets.defs.client import RunEnd
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import CredentialError, InputError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry
from factory_assets.settings import Settings

WEDNESDAY, THURSDAY, FRIDAY = date(2026, 6, 17), date(2026, 6, 18), date(2026, 6, 19)


class FakeClient:
    """Keeps what was launched; runs end at once, well unless their target is in `failing`."""

    def __init__(
        self,
        *,
        busy: frozenset[str] = frozenset(),
        failing: frozenset[str] = frozenset(),
        deferred: frozenset[str] = frozenset(),
    ) -> None:
        self.launched: list[tuple[str, str]] = []
        self.was_stopped = False
        self.backfilled: dict[str, str] = {}
        self.about_to_run: set[str] = set()
        self.breaks_at = ""
        self.breaks_with: BaseException = OSError("No space left on device")
        self.tags: dict[str, Mapping[str, str]] = {}
        self.taken_back: list[str] = []
        self._deferred = deferred
        self.busy = busy
        self._failing = failing

    def launch_days(self, job: str, first: date, last: date) -> str:
        return self._launch(job, f"{first} to {last}")

    def launch_spec(self, job: str, queued: QueuedSpec, tags: Mapping[str, str] | None = None) -> str:
        if queued.spec.name == self.breaks_at:
            raise self.breaks_with
        self.tags[queued.spec.name] = tags or {}
        return self._launch(job, queued.spec.name)

    def launch_report(self) -> str:
        return self._launch("report", "report")

    def cancel_queued(self, run_ids: Sequence[str]) -> None:
        self.taken_back += run_ids

    def busy_repos(self, _registry: Registry) -> dict[str, str]:
        """The runs of busy repos have ids too high to be launched here; they end well."""
        return {name: f"1{index:03d}" for index, name in enumerate(sorted(self.busy))} | self.backfilled

    def settled_launches(self, registry: Registry) -> dict[str, datetime]:
        """What was asked for is a run at once, but for `about_to_run`."""
        asked = registry.launches.asked_for()
        return {name: at for name, at in asked.items() if name not in self.about_to_run}

    def launches_so_far(self) -> int:
        return 0

    def wait(
        self,
        run_ids: Sequence[str],
        on_change: Callable[[str, str], None],
        is_stopped: Callable[[], bool],
    ) -> list[RunEnd]:
        self.was_stopped = is_stopped()
        ends = []
        for run_id in run_ids:
            if not run_id.isdigit():
                continue
            number = int(run_id)
            target = self.launched[number][1] if number < len(self.launched) else ""
            failed = target in self._failing
            on_change(run_id, "failure" if failed else "success")
            outcome = "deferred" if target in self._deferred else ""
            error = "assert 3 == 4" if failed else ""
            ends.append(RunEnd(run_id, succeeded=not failed, error=error, outcome=outcome))
        return ends

    def _launch(self, job: str, target: str) -> str:
        self.launched.append((job, target))
        return str(len(self.launched) - 1)


class Desk:
    """A factory over a fake client, and what it printed."""

    def __init__(self, settings: Settings, registry: Registry, client: FakeClient) -> None:
        self.client = client
        self._paper = io.StringIO()
        self.factory = Factory(settings, client, registry, Console(file=self._paper, width=200))

    @property
    def said(self) -> str:
        return self._paper.getvalue()

    def launched(self) -> list[str]:
        return [target for _, target in self.client.launched]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Two specs of Wednesday and one of Thursday; tree-probe shipped."""
    made = Registry(tmp_path / "registry.duckdb")
    made.papers.upsert([labelled(published=f"{WEDNESDAY}T12:00:00Z")], now=NOW)
    wednesday = [spec("cache-probe"), spec("tree-probe")]
    made.queue.add(
        WEDNESDAY, wednesday, ["2606.01234"], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW
    )
    made.queue.add(THURSDAY, [spec("key-probe")], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    ship(made, named(made, "tree-probe"))
    return made


def named(registry: Registry, name: str) -> QueuedSpec:
    queued = registry.queue.named(name)
    assert queued is not None
    return queued


def test_a_range_is_gathered_in_one_run(replay_settings: Settings, registry: Registry) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    assert desk.factory.gather(Days(WEDNESDAY, FRIDAY)) == []
    assert desk.client.launched == [("gather", "2026-06-17 to 2026-06-19")]
    assert "gather   2026-06-17 to 2026-06-19" in desk.said
    assert "success" in desk.said


def test_only_dates_that_are_not_analysed_are_analysed(replay_settings: Settings, registry: Registry) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    desk.factory.analyze(Days(WEDNESDAY, FRIDAY))
    assert desk.launched() == ["2026-06-19 to 2026-06-19"]
    desk.factory.analyze(Days(WEDNESDAY, THURSDAY))
    assert "Every date is analysed." in desk.said
    assert len(desk.launched()) == 1


def test_a_date_with_papers_that_came_late_is_analysed_again(
    replay_settings: Settings, registry: Registry
) -> None:
    registry.papers.upsert([labelled(arxiv_id="2606.09999", published=f"{WEDNESDAY}T13:00:00Z")], now=NOW)
    desk = Desk(replay_settings, registry, FakeClient())
    desk.factory.analyze(Days(WEDNESDAY, THURSDAY))
    assert desk.launched() == ["2026-06-17 to 2026-06-17"]


def test_every_spec_that_waits_is_built_and_what_shipped_is_not(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    assert desk.factory.build(None, []) == []
    assert desk.client.launched == [("build", "key-probe"), ("build", "cache-probe")]
    assert "build    2026-06-17|01 cache-probe" in desk.said


def test_only_specs_of_the_dates_are_built(replay_settings: Settings, registry: Registry) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    desk.factory.build(Days(THURSDAY, FRIDAY), [])
    assert desk.launched() == ["key-probe"]


def test_a_spec_that_has_a_run_is_followed_and_not_launched_again(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = Desk(replay_settings, registry, FakeClient(busy=frozenset({"cache-probe", "key-probe"})))
    assert desk.factory.build(None, []) == []
    assert desk.launched() == []
    assert "cache-probe (launched before)" in desk.said


def being_launched(settings: Settings, registry: Registry, *, becomes_a_run: bool) -> Desk:
    """A tick has asked for cache-probe: two looks later that is a run, or never will be one."""
    registry.launches.claim({"cache-probe": "build cache-probe"}, settled={}, now=NOW)
    desk = Desk(settings, registry, FakeClient())
    desk.client.about_to_run.add("cache-probe")
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            desk.client.about_to_run.clear()
            desk.client.busy = frozenset({"cache-probe"}) if becomes_a_run else frozenset()

    desk.factory.sleep = sleep
    return desk


@pytest.mark.parametrize("names", [[], ["cache-probe"]], ids=["all", "by name"])
def test_a_spec_that_a_tick_is_launching_is_followed_as_soon_as_it_has_its_run(
    replay_settings: Settings, registry: Registry, names: list[str]
) -> None:
    desk = being_launched(replay_settings, registry, becomes_a_run=True)
    assert desk.factory.build(None, names) == []
    assert "cache-probe" not in desk.launched()
    assert (
        desk.said.count("cache-probe: somebody else is launching it; waiting some minutes for its run.") == 1
    )
    assert "cache-probe (launched before)" in desk.said
    assert ("key-probe" in desk.launched()) is not names


def test_a_spec_whose_launch_by_a_tick_came_to_nothing_is_launched(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = being_launched(replay_settings, registry, becomes_a_run=False)
    assert desk.factory.build(None, []) == []
    assert desk.launched() == ["key-probe", "cache-probe"]


def test_a_launch_that_fails_ends_no_other_and_is_free_for_the_next_command(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    desk.client.breaks_at = "key-probe"
    assert desk.factory.build(None, []) == ["build    2026-06-18|01 key-probe"]
    assert desk.launched() == ["cache-probe"]
    assert desk.client.taken_back == []
    assert "build    2026-06-18|01 key-probe was not launched:\nNo space left on device" in desk.said
    assert registry.launches.asked_for().keys() == {"cache-probe"}


def test_what_a_command_launched_is_taken_back_when_it_is_interrupted(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    desk.client.breaks_at, desk.client.breaks_with = "cache-probe", KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        desk.factory.build(None, [])
    assert desk.client.taken_back == ["0"]
    assert registry.launches.asked_for().keys() == {"key-probe"}


@pytest.mark.parametrize("stage", ["build", "mirror"])
def test_a_name_without_a_rank_is_told_with_the_limit_before_anything_is_launched(
    replay_settings: Settings, registry: Registry, stage: str
) -> None:
    more = [spec(f"late-{number}") for number in range(len(RANKS) + len(LATE_RANKS))]
    registry.queue.add(FRIDAY, more, [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    unranked = [one.name for one in more if named(registry, one.name).rank is None]
    assert unranked
    desk = Desk(replay_settings, registry, FakeClient())
    with pytest.raises(InputError, match=r"waits for a free rank.*FACTORY_RANKS is \d+ a date"):
        getattr(desk.factory, stage)(None, ["cache-probe", unranked[0]])
    assert desk.launched() == []


def test_a_name_whose_rank_has_no_partition_any_more_is_told_so(
    replay_settings: Settings, registry: Registry
) -> None:
    fewer = replay_settings.model_copy(update={"factory_ranks": 0})
    desk = Desk(fewer, registry, FakeClient())
    with pytest.raises(
        InputError, match="cache-probe: Its rank has no partition any more: FACTORY_RANKS is 0"
    ):
        desk.factory.build(None, ["cache-probe"])


def test_a_spec_that_is_named_twice_is_built_once(replay_settings: Settings, registry: Registry) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    desk.factory.build(None, ["cache-probe", "cache-probe"])
    assert desk.launched() == ["cache-probe"]


def test_a_run_that_is_not_asked_for_by_name_gives_way_to_one_that_came_first(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    desk.factory.build(None, [])
    assert desk.client.tags["cache-probe"] == {"factory/attempts-before": "0"}
    desk.factory.build(None, ["cache-probe"])
    assert desk.client.tags["cache-probe"] == {}


def test_a_spec_that_a_dead_run_left_in_a_phase_is_taken_up_again(
    replay_settings: Settings, registry: Registry
) -> None:
    registry.builds.start(named(registry, "cache-probe").id, run_id="dead", now=NOW)
    desk = Desk(replay_settings, registry, FakeClient())
    desk.factory.build(None, [])
    assert desk.launched() == ["key-probe", "cache-probe"]


def test_no_more_is_built_than_the_days_budget_covers_unless_it_is_named(
    replay_settings: Settings, registry: Registry
) -> None:
    settings = replay_settings.model_copy(update={"factory_day_budget_usd": 5.0})
    desk = Desk(settings, registry, FakeClient())
    desk.factory.build(None, [])
    assert desk.launched() == ["key-probe"]
    assert "1 specs wait for the budget of another day" in desk.said
    desk.factory.build(None, ["cache-probe"])
    assert desk.launched() == ["key-probe", "cache-probe"]


def test_a_failed_or_deferred_spec_is_built_only_when_it_is_named(
    replay_settings: Settings, registry: Registry
) -> None:
    for name in ("cache-probe", "key-probe"):
        registry.builds.start(named(registry, name).id, run_id="run-2", now=NOW)
    registry.builds.fail(named(registry, "cache-probe").id, "The gate tests-pass refused.")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    registry.builds.defer(
        named(registry, "key-probe").id, cause=WaitCause.RATE_LIMIT, until=tomorrow, reason="529 overloaded"
    )
    desk = Desk(replay_settings, registry, FakeClient())
    desk.factory.build(None, [])
    assert desk.launched() == []
    desk.factory.build(None, ["cache-probe", "key-probe", "tree-probe"])
    assert desk.launched() == ["cache-probe", "key-probe"]


@pytest.mark.parametrize("stage", ["build", "mirror"])
def test_a_name_that_no_spec_has_is_an_error_and_nothing_is_launched(
    replay_settings: Settings, registry: Registry, stage: str
) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    with pytest.raises(InputError) as error:
        getattr(desk.factory, stage)(None, ["cache-probe", "no-such-tool"])
    assert str(error.value) == ("no-such-tool: No spec has this name. Fix: `factory status` lists the names.")
    assert desk.launched() == []


def test_a_run_that_failed_is_returned_and_its_error_is_shown(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = Desk(replay_settings, registry, FakeClient(failing=frozenset({"cache-probe"})))
    assert desk.factory.build(None, []) == ["build    2026-06-17|01 cache-probe"]
    assert "build    2026-06-17|01 cache-probe failed:\nassert 3 == 4" in desk.said


def test_what_shipped_is_mirrored_once(replay_settings: Settings, registry: Registry) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    desk.factory.mirror(None, [])
    assert desk.client.launched == [("mirror", "tree-probe")]
    registry.repos.record_mirror("tree-probe", url="file:///mirrored/tree-probe", commit="c0ffee", now=NOW)
    desk.factory.mirror(None, [])
    assert desk.launched() == ["tree-probe"]
    assert "Every shipped repo is mirrored." in desk.said


def test_a_build_that_was_put_off_is_no_failure_and_says_until_when_and_why(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = Desk(replay_settings, registry, FakeClient(deferred=frozenset({"key-probe"})))
    queued = named(registry, "key-probe")
    # The fake client's first run has the id 0.
    registry.builds.start(queued.id, run_id="0", now=NOW)
    noon = datetime(2026, 6, 20, 12, tzinfo=UTC)
    registry.builds.defer(queued.id, cause=WaitCause.RATE_LIMIT, until=noon, reason="529 overloaded")
    assert desk.factory.build(None, ["key-probe"]) == []
    assert "key-probe is put off until 2026-06-20 12:00 UTC: 529 overloaded" in desk.said


def test_nothing_is_built_while_the_queue_is_stopped(replay_settings: Settings, registry: Registry) -> None:
    hold = Hold(cause=WaitCause.CREDENTIAL, reason="401.", fix="A new key.", since=NOW, credential="one")
    registry.holds.record(hold)
    desk = Desk(replay_settings, registry, FakeClient())
    with pytest.raises(CredentialError) as error:
        desk.factory.build(None, [])
    assert str(error.value) == "the queue is stopped: 401. Fix: A new key."
    assert desk.launched() == []


def test_only_builds_are_given_up_when_the_queue_is_stopped_meanwhile(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    hold = Hold(cause=WaitCause.CREDENTIAL, reason="401.", fix="A new key.", since=NOW, credential="one")
    registry.holds.record(hold)
    desk.factory.mirror(None, [])
    assert not desk.client.was_stopped


def test_a_spec_that_a_backfill_is_about_to_build_is_left_to_it(
    replay_settings: Settings, registry: Registry
) -> None:
    desk = Desk(replay_settings, registry, FakeClient())
    desk.client.backfilled = {"key-probe": "hhakrxuh"}
    assert desk.factory.build(None, []) == []
    assert desk.launched() == ["cache-probe"]
    assert "key-probe (launched before): the backfill hhakrxuh builds it" in desk.said


@pytest.mark.parametrize("failing", [frozenset(), frozenset({"report"})])
def test_the_report_is_launched_and_followed_like_a_stage(
    replay_settings: Settings, registry: Registry, failing: frozenset[str]
) -> None:
    desk = Desk(replay_settings, registry, FakeClient(failing=failing))
    assert desk.factory.report() == list(failing)
    assert desk.client.launched == [("report", "report")]
