"""Analysis by message batches: the real job, sensor and analysis of a live instance before Claude on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from automation_ticks import number_in_log_key
from defs_factory import DefsRuns, failure_of, metadata
from defs_fakes import paper_on, spec_on
from layout import python_path
from rich.console import Console

from factory_assets.build_defs import build_defs
from factory_assets.cli.queue_actions import show_batches
from factory_assets.domain.batches import AnalysisBatch, Step, after_look, next_step
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InputError
from factory_assets.instance import Instance
from factory_assets.llm.prices import cost_usd
from factory_assets.registry import Registry
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Analysis
from factory_assets.replay.server import ReplayServer
from factory_assets.router.stored import Stored
from factory_assets.settings import Mode, Settings

KEY = "sk-ant-key-of-a-live-instance"
DAY, NEXT = date(2026, 6, 17), date(2026, 6, 18)
NOW = datetime(2026, 6, 22, 6, tzinfo=UTC)
MODEL = "claude-haiku-5-5"


@dataclass
class Clock:
    """Tells a time that tests move."""

    time: datetime = NOW

    def now(self) -> datetime:
        return self.time

    def pass_by(self, hours: float) -> None:
        self.time += timedelta(hours=hours)


class Live(DefsRuns):
    """The real definitions of a live instance, whose Claude is on loopback and whose clock is the test's."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, server: ReplayServer) -> None:
        self.settings, self.server, self.clock = settings, server, Clock()
        self.parts = Instance(settings, self.clock)
        self.registry = Registry(settings.registry_place)
        resources = {"instance": self.parts, "clock": self.clock}
        super().__init__(build_defs(settings, resources), instance)

    def gathered(self, *days: date) -> None:
        """Each date has one paper, on which one spec rests."""
        for day in days:
            self.registry.papers.upsert([paper_on(day, 1)], now=NOW)
            made = dg.AssetMaterialization("papers", partition=day.isoformat())
            self.instance.report_runless_asset_event(made)

    def submit(self, day: date = DAY) -> AnalysisBatch:
        """A run of the job, and the batch that it has left open."""
        result = self.run_day("analyze_by_batch", day)
        assert result.success
        batch = self.registry.batches.open_of(day)
        assert batch is not None
        return batch

    def sense(self, *, number: str | None = "7") -> list[dg.RunRequest] | str:
        """A tick of the sensor; without a number somebody only looks."""
        with dg.build_sensor_context(
            instance=self.instance,
            repository_def=self.defs.get_repository_def(),
            resources={"registry": self.registry.reading(), "instance": self.parts, "clock": self.clock},
        ) as context:
            context._log_key = number_in_log_key("message_batches", number)
            found = self.defs.resolve_sensor_def("message_batches").evaluate_tick(context)
        return list(found.run_requests or []) or found.skip_message or "no word"

    def launch(self) -> dg.ExecuteInProcessResult:
        """The run that the sensor asks for."""
        requests = self.sense()
        assert isinstance(requests, list), requests
        (request,) = requests
        assert request.job_name is not None
        assert request.partition_key is not None
        return self.run(request.job_name, request.partition_key, request.tags)

    @property
    def asked_directly(self) -> int:
        """Calls of the model that no batch has brought."""
        return [request.path for request in self.server.requests].count("/v1/messages")

    @property
    def booked(self) -> Usage:
        """Of the date, in the registry's ledger."""
        return self.registry.ledger.usage(day=DAY, stage="analyze")

    def routers_dollars(self) -> float:
        """All that stands in the router's journal."""
        with Stored.open(self.settings.router_dir / "calls.sqlite", "", what="journal") as stored:
            ((dollars,),) = stored.rows("SELECT coalesce(sum(cost_usd), 0) FROM calls")
        return float(str(dollars))


def half_of(usage: Usage) -> float:
    return cost_usd(MODEL, usage) / 2


def live_settings(folder: Path, url: str, **more: object) -> Settings:
    return Settings(
        _env_file=None,
        factory_mode=Mode.LIVE,
        factory_data_dir=folder / "data",
        factory_start_date="2026-06-17",
        factory_end_date="2026-06-19",
        factory_ranks=4,
        factory_specs_per_day=3,
        factory_analyze_by="batch",
        factory_answer_cache_hours=0,
        factory_mirror_dir=folder / "mirrored",
        anthropic_base_url=url,
        anthropic_api_key=KEY,
        **more,
    )


@contextmanager
def claude() -> Iterator[ReplayServer]:
    recorded = [
        Analysis(date=day, specs=(spec_on(day, f"{name}-probe"),))
        for day, name in ((DAY, "cache"), (NEXT, "tree"))
    ]
    with ReplayServer(recordings=Recordings.of(*recorded), accepted_keys=frozenset({KEY})) as server:
        server.batches.holds = True
        yield server


@pytest.fixture
def live(empty_home: Path, tmp_path: Path) -> Iterator[Live]:
    home = tmp_path / "home"
    shutil.copytree(empty_home, home)
    with claude() as server, dg.DagsterInstance.from_config(str(home)) as instance:
        factory = Live(live_settings(tmp_path, server.url), instance, server)
        with closing(factory.parts):
            yield factory


def observations(live: Live) -> list[dg.AssetObservation]:
    found = live.instance.fetch_observations(dg.AssetKey("specs"), limit=10).records
    return [record.asset_observation for record in found if record.asset_observation is not None]


def test_a_date_is_asked_in_a_batch_collected_when_it_has_ended_and_booked_once_at_half_price(
    live: Live,
) -> None:
    live.gathered(DAY)
    result = live.run_day("analyze_by_batch", DAY)
    assert result.success
    assert live.tags(result)["factory/outcome"] == "asked in a batch"
    # The partition shows it, and is neither made nor failed.
    assert live.materialized("specs") == set()
    (seen,) = observations(live)
    (made,) = live.server.batches.made
    assert seen.partition == "2026-06-17"
    assert seen.metadata["message batch"].value == made
    words = f"2026-06-17: message batch {made} (1 requests) is under way since 2026-06-22 06:00 UTC"
    assert seen.description is not None
    assert seen.description.startswith(words)
    assert live.booked == Usage()
    assert live.routers_dollars() > 0
    # Nothing waits in a slot: the run is over, and the sensor looks.
    waits = live.sense()
    assert isinstance(waits, str)
    assert waits.startswith(words)

    live.server.batches.finish(made)
    (request,) = live.sense()
    assert isinstance(request, dg.RunRequest)
    assert (request.job_name, request.partition_key) == ("analyze", "2026-06-17")
    result = live.run_day("analyze", DAY)
    assert result.success
    assert [queued.spec.name for queued in live.registry.queue.of_day(DAY)] == ["cache-probe"]
    assert metadata(result, "specs")["route"] == "batch"
    assert live.asked_directly == 0
    paid = live.booked
    assert paid.calls == 1
    assert paid.cost_usd == pytest.approx(half_of(paid))
    assert metadata(result, "specs")["dollars"] == pytest.approx(paid.cost_usd, abs=1e-4)
    assert live.routers_dollars() == pytest.approx(paid.cost_usd)

    assert live.sense() == "No message batch is under way."
    assert live.run_day("analyze", DAY).success
    assert live.booked == paid
    assert live.routers_dollars() == pytest.approx(paid.cost_usd)
    assert len(live.server.batches.made) == 1


def test_a_run_that_dies_after_it_has_read_a_batch_books_nothing_twice(live: Live, tmp_path: Path) -> None:
    live.gathered(DAY)
    live.server.batches.finish(live.submit().batch_id or "")
    template = live.settings.factory_prompts_dir / "analyze.md.j2"
    prompts = tmp_path / "prompts"
    shutil.copytree(template.parent, prompts)
    (prompts / "analyze.md.j2").write_text("{{ nothing_of_this_name }}")
    broken = live.settings.model_copy(update={"factory_prompts_dir": prompts})
    instance = Instance(broken, live.clock)
    with closing(instance), pytest.raises(InputError, match="has no block"):
        instance.analysis.analyze(DAY, print)
    paid = live.booked
    assert paid.cost_usd > 0
    assert live.launch().success
    assert live.booked == paid
    assert live.asked_directly == 0


def test_a_batch_that_is_late_is_cancelled_and_the_date_asked_about_directly(live: Live) -> None:
    live.gathered(DAY)
    made = live.submit().batch_id or ""
    live.clock.pass_by(5.9)
    assert isinstance(live.sense(), str)
    assert live.server.batches.made[made].status == "in_progress"
    live.clock.pass_by(0.2)
    assert live.sense(number=None) != []
    assert live.server.batches.made[made].status == "in_progress"
    assert isinstance(live.sense(), str)
    assert live.server.batches.made[made].status == "canceling"
    result = live.launch()
    assert result.success
    assert live.materialized("specs") == {"2026-06-17"}
    assert live.asked_directly == 1
    assert live.booked.cost_usd == pytest.approx(2 * half_of(live.booked))
    assert live.routers_dollars() == pytest.approx(live.booked.cost_usd)
    assert live.sense() == "No message batch is under way."


def test_what_a_batch_has_not_answered_is_asked_directly(live: Live) -> None:
    live.gathered(DAY)
    batch = live.submit()
    (key,) = live.server.batches.made[batch.batch_id or ""].requests
    live.server.batches.finish(batch.batch_id or "", errored={key})
    assert live.launch().success
    assert live.asked_directly == 1
    assert [queued.spec.name for queued in live.registry.queue.of_day(DAY)] == ["cache-probe"]


def test_papers_that_come_meanwhile_waste_no_batch(live: Live) -> None:
    live.gathered(DAY)
    made = live.submit().batch_id or ""
    live.registry.papers.upsert([paper_on(DAY, 2)], now=NOW)
    live.server.batches.finish(made)
    assert live.launch().success
    assert live.asked_directly == 0
    assert [paper.arxiv_id for paper in live.registry.papers.unanalysed(DAY)] == [
        paper_on(DAY, 2).paper.arxiv_id
    ]


def test_a_batch_whose_run_was_killed_before_it_was_written_down_is_not_made_twice(
    live: Live, tmp_path: Path
) -> None:
    live.gathered(DAY)
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "import test_message_batches as t\n"
        "from factory_assets.registry.subjects import Batches\n"
        "def die(*a, **k): os.kill(os.getpid(), signal.SIGKILL)\n"
        "Batches.mark_made = die\n"
        "settings = t.live_settings(Path(sys.argv[1]), sys.argv[2])\n"
        "batching = t.Instance(settings, t.Clock()).batching\n"
        "batching.submit(t.DAY, 'a run that dies', is_alive=lambda run: False, notify=print)\n"
    )
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), live.server.url],
        env=env,
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (made,) = live.server.batches.made
    result = live.launch()
    assert result.success
    assert result.job_def.name == "analyze_by_batch"
    batch = live.registry.batches.open_of(DAY)
    assert batch is not None
    assert batch.batch_id == made
    live.server.batches.finish(made)
    assert live.launch().success
    assert list(live.server.batches.made) == [made]
    assert live.booked.cost_usd == pytest.approx(half_of(live.booked))
    assert live.routers_dollars() == pytest.approx(live.booked.cost_usd)


def test_two_processes_make_one_batch_of_a_date(live: Live) -> None:
    live.gathered(DAY)
    others = [Instance(live.settings, live.clock) for _ in range(3)]

    def submit(number: int) -> AnalysisBatch:
        return others[number].batching.submit(DAY, f"run {number}", is_alive=lambda _: True, notify=print)

    with ThreadPoolExecutor() as pool:
        told = list(pool.map(submit, range(3)))
    assert len(live.server.batches.made) == 1
    assert len({batch.name for batch in told}) == 1
    for instance in others:
        instance.close()


def test_a_date_without_papers_is_analysed_without_a_batch(live: Live) -> None:
    batch = live.submit()
    assert batch.words == "2026-06-17: there is nothing to ask in a message batch; its analysis is launched"
    assert live.launch().success
    assert live.materialized("specs") == {"2026-06-17"}
    assert (live.server.batches.made, live.asked_directly) == ({}, 0)


def test_a_key_that_has_expired_stops_the_queue_and_the_sensor_waits_until_it_is_fixed(live: Live) -> None:
    live.gathered(DAY, NEXT)
    live.submit(DAY)
    live.server.messages.accepted_keys = frozenset({"another"})
    assert "invalid x-api-key" in live.submit(NEXT).why
    result = live.launch()
    assert not result.success
    assert "invalid x-api-key" in failure_of(result)[0]
    words = live.sense()
    assert isinstance(words, str)
    assert words.startswith("Nothing that needs a model is launched.")
    live.server.messages.accepted_keys = frozenset({KEY})
    for hold in live.registry.holds.standing():
        live.registry.holds.release(hold.cause)
    for made in list(live.server.batches.made):
        live.server.batches.finish(made)
    requests = live.sense()
    assert isinstance(requests, list)
    assert [(request.job_name, request.partition_key) for request in requests] == [
        ("analyze", "2026-06-17"),
        ("analyze", "2026-06-18"),
    ]


def test_a_batch_that_is_gone_leaves_the_date_to_direct_calls(live: Live) -> None:
    live.gathered(DAY)
    made = live.submit().batch_id or ""
    live.server.batches.finish(made)
    live.server.batches.delete(made)
    assert live.launch().success
    assert live.asked_directly == 1
    assert live.sense() == "No message batch is under way."


def test_a_batch_that_cannot_be_looked_at_any_more_holds_its_date_up_no_longer_than_a_late_one(
    live: Live,
) -> None:
    live.gathered(DAY)
    made = live.submit().batch_id or ""
    live.server.batches.refuses = True
    words = live.sense()
    assert isinstance(words, str)
    assert "Internal server error" in words
    live.clock.pass_by(6)
    assert live.launch().success
    assert live.asked_directly == 1
    live.server.batches.refuses = False
    live.sense()
    live.server.batches.finish(made)
    assert isinstance(live.sense(), str)
    assert live.booked.calls == 2
    assert live.sense() == "No message batch is under way."


def test_a_server_without_batches_is_asked_directly(live: Live) -> None:
    live.gathered(DAY)
    elsewhere = live.settings.model_copy(update={"anthropic_base_url": f"{live.server.url}/elsewhere"})
    instance = Instance(elsewhere, live.clock)
    with closing(instance):
        batch = instance.batching.submit(DAY, "a run", is_alive=lambda _: True, notify=print)
    assert batch.why.startswith("the message batch could not be made (")
    assert live.launch().success
    assert live.asked_directly == 1


def test_a_gateway_that_has_no_batches_is_asked_directly(live: Live) -> None:
    live.gathered(DAY)
    other = live.settings.model_copy(update={"llm_router_url": f"{live.server.url}/elsewhere"})
    instance = Instance(other, live.clock)
    with closing(instance):
        batch = instance.batching.submit(DAY, "a run", is_alive=lambda _: True, notify=print)
    assert batch.why.startswith("the message batch could not be made (")
    assert live.server.batches.made == {}


def test_a_subscription_has_no_batches_and_is_asked_directly(live: Live) -> None:
    live.gathered(DAY)
    subscriber = live.settings.model_copy(update={"anthropic_api_key": None})
    batch = Instance(subscriber, live.clock).batching.submit(
        DAY, "a run", is_alive=lambda _: True, notify=print
    )
    assert batch.why == "message batches want ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN"


def test_whoever_analyses_by_hand_meanwhile_is_answered_now_and_the_batch_is_booked_all_the_same(
    live: Live,
) -> None:
    live.gathered(DAY)
    made = live.submit().batch_id or ""
    assert live.run_day("analyze", DAY).success
    assert live.asked_directly == 1
    assert live.server.batches.made[made].status == "canceling"
    direct = live.booked
    # It was answered before it could be cancelled.
    live.server.batches.finish(made)
    assert isinstance(live.sense(), str)
    both = live.booked
    assert both.calls == 2
    assert both.cost_usd > direct.cost_usd
    assert live.routers_dollars() == pytest.approx(both.cost_usd)
    assert live.sense() == "No message batch is under way."


def tick(live: Live, at: datetime) -> list[dg.RunRequest] | str:
    with dg.build_schedule_context(
        instance=live.instance,
        scheduled_execution_time=at,
        repository_def=live.defs.get_repository_def(),
        resources={"registry": live.registry.reading()},
    ) as context:
        context._log_key = number_in_log_key("analyze_daily", "7")
        found = live.defs.resolve_schedule_def("analyze_daily").evaluate_tick(context)
    return list(found.run_requests or []) or found.skip_message or "no word"


def test_the_schedule_asks_in_batches_and_leaves_out_dates_that_have_one(live: Live) -> None:
    live.gathered(DAY, NEXT)
    assert live.defs.resolve_schedule_def("analyze_daily").job_name == "analyze_by_batch"
    requests = tick(live, NOW + timedelta(days=7))
    assert isinstance(requests, list)
    assert [request.partition_key for request in requests] == ["2026-06-17", "2026-06-18"]
    live.submit(DAY)
    (request,) = tick(live, NOW + timedelta(days=7))
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-06-18"
    live.submit(NEXT)
    words = tick(live, NOW + timedelta(days=7))
    assert isinstance(words, str)
    assert "message batch" in words


def test_directly_is_how_it_asks_where_nothing_is_said_and_in_a_replay(live: Live) -> None:
    for changes in ({"factory_analyze_by": "direct"}, {"factory_mode": Mode.REPLAY}):
        defs = build_defs(live.settings.model_copy(update=changes))
        assert defs.resolve_schedule_def("analyze_daily").job_name == "analyze"


def test_factory_status_names_the_batches_under_way(live: Live) -> None:
    live.gathered(DAY)
    made = live.submit().batch_id
    console = Console(width=200)
    with console.capture() as told:
        show_batches(live.registry.batches.open(), console)
    assert told.get() == (
        f"analysis of 2026-06-17: message batch {made} (1 requests) is under way since 2026-06-22 06:00 UTC;"
        " asked about directly from 2026-06-22 12:00 UTC\n"
    )


BATCH = AnalysisBatch(
    name="n",
    day=DAY,
    run_id="r",
    papers=("2606.17001",),
    requests=1,
    asked_at=NOW,
    late_at=NOW + timedelta(hours=6),
    batch_id="b",
)


@pytest.mark.parametrize(
    ("changes", "hours", "alive", "step"),
    [
        ({"batch_id": None}, 0.1, True, Step.WAIT),
        ({"batch_id": None}, 0.1, False, Step.MAKE_AGAIN),
        ({"batch_id": None}, 7, False, Step.ANALYSE),
        ({}, 7, False, Step.LOOK),
        ({"ready_at": NOW}, 1, False, Step.ANALYSE),
        ({"ready_at": NOW}, 73, False, Step.CLOSE),
        ({"closed_at": NOW}, 1, False, Step.CANCEL),
        ({"closed_at": NOW, "cancelled_at": NOW}, 1, False, Step.LOOK),
        ({}, 24 * 29, False, Step.CLOSE),
    ],
)
def test_what_is_done_with_a_batch_follows_from_how_it_stands(
    changes: dict[str, object], hours: float, alive: bool, step: Step
) -> None:
    batch = BATCH.model_copy(update=changes)
    assert next_step(batch, NOW + timedelta(hours=hours), is_being_made=alive) is step


@pytest.mark.parametrize(
    ("changes", "hours", "ended", "step"),
    [
        ({}, 1, False, Step.WAIT),
        ({}, 1, True, Step.ANALYSE),
        ({}, 6, False, Step.CANCEL),
        ({"cancelled_at": NOW + timedelta(hours=6)}, 6.5, False, Step.WAIT),
        ({"cancelled_at": NOW + timedelta(hours=6)}, 7.1, False, Step.ANALYSE),
        ({"closed_at": NOW}, 1, True, Step.BOOK),
        ({"closed_at": NOW}, 9, False, Step.WAIT),
    ],
)
def test_what_is_done_with_a_batch_that_was_looked_at_follows_from_whether_it_has_ended(
    changes: dict[str, object], hours: float, ended: bool, step: Step
) -> None:
    batch = BATCH.model_copy(update=changes)
    assert after_look(batch, NOW + timedelta(hours=hours), has_ended=ended)[0] is step
