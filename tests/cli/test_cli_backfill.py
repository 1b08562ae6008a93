"""`factory backfill`: the four stages in order, the waits that it tells of, and that a second one changes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from registry_samples import LATE_RANKS, NOW, RANKS, labelled, ship, spec
from test_cli_stages import Desk, FakeClient

from factory_assets.cli.backfill import Backfill
from factory_assets.cli.stages import Days
from factory_assets.domain.builds import WaitCause
from factory_assets.registry import Registry
from factory_assets.settings import Settings

WEDNESDAY, THURSDAY = date(2026, 6, 17), date(2026, 6, 18)
LATER = datetime(2026, 6, 30, tzinfo=UTC)


class BuildingClient(FakeClient):
    """Ships whatever it is told to build."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self._registry = registry

    def launch_spec(self, job: str, queued, tags=None) -> str:
        if job == "build":
            ship(self._registry, queued)
        return super().launch_spec(job, queued, tags)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "registry.duckdb")
    made.papers.upsert([labelled(published=f"{WEDNESDAY}T12:00:00Z")], now=NOW)
    made.queue.add(
        WEDNESDAY,
        [spec("cache-probe"), spec("tree-probe")],
        ["2606.01234"],
        dropped=0,
        ranks=RANKS,
        late_ranks=LATE_RANKS,
        now=NOW,
    )
    return made


def backfill(settings: Settings, registry: Registry, *, now: datetime = LATER, **changes: object) -> tuple:
    desk = Desk(settings.model_copy(update=changes), registry, BuildingClient(registry))
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) > 3:
            raise KeyboardInterrupt

    work = Backfill(factory=desk.factory, days=Days(WEDNESDAY, THURSDAY), clock=lambda: now, sleep=sleep)
    return desk, work, naps


def test_the_stages_run_in_order_and_only_ranks_with_a_spec_are_built(replay_settings, registry):
    desk, work, naps = backfill(replay_settings, registry)
    assert work.run(wait=True) == []
    assert [job for job, _ in desk.client.launched] == [
        "gather", "analyze", "build", "build", "mirror", "mirror",
    ]  # fmt: skip
    assert {target for job, target in desk.client.launched if job == "build"} == {"cache-probe", "tree-probe"}
    assert naps == []


def test_a_second_backfill_builds_nothing(replay_settings, registry):
    _, first, _ = backfill(replay_settings, registry)
    first.run(wait=True)
    desk, second, _ = backfill(replay_settings, registry)
    second.run(wait=True)
    assert "build" not in {job for job, _ in desk.client.launched}


def test_what_the_days_budget_holds_back_is_waited_for_in_plain_sight(replay_settings, registry):
    desk, work, naps = backfill(replay_settings, registry, factory_day_budget_usd=0.01)
    with pytest.raises(KeyboardInterrupt):
        work.run(wait=True)
    assert "2 specs wait for their time or another day's budget" in desk.said
    assert "Ctrl-C ends it, and they stay in the queue" in desk.said
    assert naps[:3] == [60.0, 60.0, 60.0]
    assert [queued.spec.name for queued in registry.queue.specs()] == ["cache-probe", "tree-probe"]


def test_a_spec_that_waits_for_a_person_is_named_and_not_waited_for(replay_settings, registry):
    stopped = registry.queue.named("cache-probe")
    registry.builds.start(stopped.id, run_id="run", now=NOW)
    limit = replay_settings.factory_repo_budget_usd
    registry.builds.defer(
        stopped.id, cause=WaitCause.REPO_BUDGET, until=None, reason="spent", limit_usd=limit
    )
    desk, work, naps = backfill(replay_settings, registry)
    assert work.run(wait=True) == []
    assert naps == []
    assert "cache-probe: its repo budget is used up. It stays in the queue" in desk.said
    assert ("mirror", "tree-probe") in desk.client.launched


def test_without_waiting_they_stay_in_the_queue(replay_settings, registry):
    desk, work, naps = backfill(replay_settings, registry, factory_day_budget_usd=0.01)
    assert work.run(wait=False) == []
    assert naps == []
    assert "build" not in {job for job, _ in desk.client.launched}


def test_a_date_that_is_not_settled_is_left_to_the_daily_analysis(replay_settings, registry):
    desk, work, _ = backfill(replay_settings, registry, now=datetime(2026, 6, 18, 12, tzinfo=UTC))
    work.run(wait=False)
    assert "analyze" not in {job for job, _ in desk.client.launched}
    assert "arXiv has not announced all papers yet" in desk.said
