"""The archive in Dagster: what a harvest shows, how a failed night heals, and papers taken from what is held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from archive_records import archived_per_day
from defs_factory import RANGE_END, RANGE_START, DefsFactory, DefsRuns, checks
from defs_fakes import paper_on
from gather_server import LittleArxiv, little_arxiv
from oai_server import OaiPeer, Reply, oai_peer

from factory_assets.archive.search import SearchIndex
from factory_assets.build_defs import build_defs
from factory_assets.gather.agreement import Difference
from factory_assets.instance import Instance
from factory_assets.network import patience
from factory_assets.settings import Mode

FIRST = date(2026, 6, 1)


@dataclass
class SetClock:
    """Tells the time that it was set to."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


@dataclass
class World:
    """An instance that harvests from a peer, and asks another one for papers."""

    runs: DefsRuns
    parts: Instance
    clock: SetClock
    oai: OaiPeer
    arxiv: LittleArxiv

    def harvest(self, first: date, last: date) -> dg.ExecuteInProcessResult:
        return self.runs.run_days("harvest", first, last)

    def metadata(self, day: date) -> dict[str, object]:
        record = self.runs.instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey("arxiv_records"), asset_partitions=[day.isoformat()]), limit=1
        ).records[0]
        materialization = record.asset_materialization
        assert materialization is not None
        return {name: value.value for name, value in materialization.metadata.items()}


@pytest.fixture
def world(kept: DefsFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(patience.Patience, "backoff", lambda *_: patience.Backoff(0, 0, 2))
    clock = SetClock(datetime(2026, 6, 22, 6, tzinfo=UTC))
    topics = tmp_path / "topics.yaml"
    topics.write_text("safety:\n  guardrails: guardrail\n")
    with oai_peer(archived_per_day(FIRST, 20, 4), now=clock.now) as oai, little_arxiv() as arxiv:
        settings = kept.settings.model_copy(
            update={
                "factory_mode": Mode.LIVE,
                "factory_start_date": FIRST,
                "factory_end_date": None,
                "factory_archive": True,
                "factory_oai_url": oai.url,
                "factory_arxiv_url": arxiv.url,
                "factory_arxiv_interval": 0.0,
                "factory_topics_file": topics,
            }
        )
        parts = Instance(settings, clock)
        defs = build_defs(settings, {"instance": parts, "registry": parts.registry, "clock": clock})
        yield World(DefsRuns(defs, kept.instance), parts, clock, oai, arxiv)


def test_a_range_is_one_list_a_set_and_each_date_shows_what_it_brought(world: World) -> None:
    result = world.harvest(FIRST, date(2026, 6, 22))
    assert result.success
    assert [asked["set"] for asked in world.oai.asked] == ["cs", "stat"]
    assert world.runs.materialized("arxiv_records") == {f"2026-06-{day:02d}" for day in range(1, 23)}
    shown = world.metadata(date(2026, 6, 5))
    assert (shown["records of this date"], shown["new"], shown["months written"]) == (4, 80, 1)
    assert (shown["requests"], shown["was over"]) == (2, True)
    # Today is not over.
    assert checks(result) == {"date_is_whole": False, "every_record_read": True}
    assert world.metadata(date(2026, 6, 22))["was over"] is False
    again = world.harvest(date(2026, 6, 20), date(2026, 6, 21))
    assert checks(again) == {"date_is_whole": True, "every_record_read": True}


def test_what_a_harvest_brought_is_ready_for_questions(world: World) -> None:
    assert world.harvest(FIRST, date(2026, 6, 22)).success
    archive = world.parts.archiving.archive
    states = [*archive.folder.glob("search-*/months.json"), *archive.folder.glob("space-*/state.json")]
    assert [path.parent.name[:6] for path in states] == ["search", "space-"]
    assert all("2026-06" in path.read_text() for path in states)
    written = [path.stat().st_mtime_ns for path in states]
    assert SearchIndex(archive).search("guardrail", 1)
    world.parts.archiving.space().likeness("guardrail", [])
    assert [path.stat().st_mtime_ns for path in states] == written


def test_a_night_without_network_is_red_and_the_next_one_heals_it(world: World) -> None:
    assert world.harvest(FIRST, date(2026, 6, 21)).success
    assert tick_dates(world) == (date(2026, 6, 1), date(2026, 6, 22)), (
        "no harvest has reached its own day yet"
    )
    assert world.harvest(date(2026, 6, 21), date(2026, 6, 22)).success
    world.clock.moment += timedelta(days=1)
    dates = tick_dates(world)
    assert dates == (date(2026, 6, 21), date(2026, 6, 23))
    world.oai.script = lambda asked, number: Reply("down", 500)
    failed = world.harvest(*dates)
    assert not failed.success
    assert "2026-06-23" not in world.runs.materialized("arxiv_records")
    (step,) = [event for event in failed.all_events if event.is_step_failure]
    assert "Given up after 2 tries." in str(step.event_specific_data)
    world.oai.script = None
    world.clock.moment += timedelta(days=1)
    dates = tick_dates(world)
    assert dates == (date(2026, 6, 21), date(2026, 6, 24))
    assert world.harvest(*dates).success
    assert {"2026-06-23", "2026-06-24"} <= world.runs.materialized("arxiv_records")


def tick_dates(world: World) -> tuple[date, date]:
    schedule = world.runs.defs.resolve_schedule_def("harvest_daily")
    with dg.build_schedule_context(
        instance=world.runs.instance,
        scheduled_execution_time=world.clock.now(),
        resources={"instance": world.parts},
    ) as context:
        data = schedule.evaluate_tick(context)
    (request,) = data.run_requests or []
    return date.fromisoformat(request.tags[RANGE_START]), date.fromisoformat(request.tags[RANGE_END])


def test_papers_of_a_date_that_the_archive_holds_come_without_a_request(world: World) -> None:
    day = date(2026, 6, 10)
    assert world.harvest(FIRST, date(2026, 6, 22)).success
    result = world.runs.run_day("gather", day)
    assert result.success
    assert world.arxiv.asked == []
    stored = world.parts.registry.papers.of_day(day)
    assert [one.paper for one in stored] == [
        one.paper for one in world.oai.records if one.submitted.date() == day
    ]
    assert {one.topics for one in stored} == {("guardrails",)}
    assert checks(result)["gather_complete"]
    assert checks(result)["agrees_with_archive"]


def test_dates_that_it_does_not_hold_are_asked_of_arxiv(world: World) -> None:
    assert world.harvest(date(2026, 6, 10), date(2026, 6, 22)).success
    world.arxiv.papers += [one.paper for one in world.oai.records]
    assert world.runs.run_days("gather", date(2026, 6, 9), date(2026, 6, 20)).success
    asked = [asked.dates[0].date() for asked in world.arxiv.asked]
    # The first was not harvested, of the last arXiv had not announced all.
    assert asked == [date(2026, 6, 9), date(2026, 6, 19)]
    assert len(world.runs.materialized("papers")) == 12


def test_ids_that_only_one_of_the_two_has_are_named_in_a_warning(world: World) -> None:
    day = date(2026, 6, 10)
    assert world.harvest(FIRST, date(2026, 6, 22)).success
    assert world.runs.run_day("gather", day).success
    late = world.oai.records[0].model_copy(
        update={"arxiv_id": "2606.77777", "submitted": datetime(2026, 6, 10, 9, tzinfo=UTC)}
    )
    world.parts.archiving.archive.merge([late])
    (found,) = world.parts.gathering.differences([day, date(2026, 6, 30)])
    assert found == Difference(day, ("2606.77777",), ())
    gone = world.oai.records[36]
    assert gone.submitted.date() == day
    world.parts.archiving.archive.merge(
        [gone.model_copy(update={"deleted": True, "changed": FIRST.replace(day=22)})]
    )
    (found,) = world.parts.gathering.differences([day])
    assert found.only_registry == (gone.arxiv_id,)


def test_a_difference_is_a_warning_and_the_run_is_green(kept: DefsFactory) -> None:
    day = date(2026, 6, 17)
    kept.gathering.papers[day] = [paper_on(day, 1)]
    kept.gathering.differing = (Difference(day, ("2606.00001",), ("hep-th/9901001",)),)
    result = kept.run_day("gather", day)
    assert result.success
    (check,) = [
        one for one in result.get_asset_check_evaluations() if one.check_name == "agrees_with_archive"
    ]
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert "hep-th/9901001" in str(check.metadata["differing dates"].value)


def test_an_archive_that_cannot_be_read_costs_no_paper(world: World) -> None:
    day = date(2026, 6, 10)
    assert world.harvest(FIRST, date(2026, 6, 22)).success
    catalogue = world.parts.archiving.catalogue.path
    catalogue.write_bytes(catalogue.read_bytes()[:-40])
    world.arxiv.papers += [one.paper for one in world.oai.records]
    result = world.runs.run_day("gather", day)
    assert result.success
    assert len(world.arxiv.asked) == 1
    assert len(world.parts.registry.papers.of_day(day)) == 4
    assert not checks(result)["agrees_with_archive"]


def test_papers_rest_on_the_archive_by_date_once_it_is_wanted_and_a_shipped_repo_leads_back_to_it(
    world: World, kept: DefsFactory
) -> None:
    papers, records = dg.AssetKey("papers"), dg.AssetKey("arxiv_records")
    graph = world.runs.defs.resolve_asset_graph()
    assert graph.get(papers).parent_keys == {records, dg.AssetKey("arxiv_api")}
    mapping = graph.get_partition_mapping(papers, records)
    dates = graph.get(papers).partitions_def
    assert dates is not None
    day = dates.empty_subset().with_partition_keys(["2026-06-05"])
    upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(day, dates, dates)
    assert list(upstream.partitions_subset.get_partition_keys()) == ["2026-06-05"]
    ancestors, left = set[dg.AssetKey](), [dg.AssetKey("mirrored_repos")]
    while left:
        found = graph.get(left.pop()).parent_keys - ancestors
        ancestors |= found
        left += found
    assert {papers, records} <= ancestors
    # Without the setting nothing of it is there.
    assert kept.defs.resolve_asset_graph().get(papers).parent_keys == {dg.AssetKey("arxiv_api")}


def test_papers_alone_are_gathered_where_nothing_was_harvested_and_a_harvest_makes_none_of_them_stale(
    world: World,
) -> None:
    world.arxiv.papers += [one.paper for one in world.oai.records]
    first, last, alone = date(2026, 6, 3), date(2026, 6, 5), date(2026, 6, 9)
    assert world.runs.run_days("gather", first, last).success
    assert world.runs.run_day("gather", alone).success
    assert world.runs.materialized("arxiv_records") == set()
    days = ["2026-06-03", "2026-06-04", "2026-06-05", "2026-06-09"]
    assert world.runs.materialized("papers") == set(days)
    for _ in range(2):
        assert not any(world.runs.is_stale("papers", day) for day in days)
        assert world.harvest(FIRST, date(2026, 6, 12)).success
    assert not any(world.runs.is_stale("papers", day) for day in days)
    assert world.runs.run_day("gather", alone).success
    assert world.runs.run_days("gather", first, last).success
    assert world.harvest(FIRST, date(2026, 6, 12)).success
    assert not any(world.runs.is_stale("papers", day) for day in days)


def test_records_and_papers_of_a_range_are_made_in_one_run_the_records_first(world: World) -> None:
    both = dg.define_asset_job("both", selection=dg.AssetSelection.assets("arxiv_records", "papers"))
    defs = dg.Definitions.merge(world.runs.defs, dg.Definitions(jobs=[both]))
    world.arxiv.papers += [one.paper for one in world.oai.records]
    result = DefsRuns(defs, world.runs.instance).run_days("both", FIRST, date(2026, 6, 22))
    assert result.success
    assert world.runs.materialized("papers") == {f"2026-06-{day:02d}" for day in range(1, 23)}
    # All that arXiv had announced came from the harvest, which therefore was first.
    assert min(asked.dates[0].date() for asked in world.arxiv.asked) == date(2026, 6, 19)
    assert world.metadata(date(2026, 6, 5))["records of this date"] == 4
    # A harvest by itself tells of each date once.
    chosen = dg.AssetRecordsFilter(dg.AssetKey("arxiv_records"), asset_partitions=["2026-06-05"])
    before = len(world.runs.instance.fetch_materializations(chosen, limit=10).records)
    assert world.harvest(date(2026, 6, 5), date(2026, 6, 6)).success
    assert len(world.runs.instance.fetch_materializations(chosen, limit=10).records) == before + 1
