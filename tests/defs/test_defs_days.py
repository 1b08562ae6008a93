"""A day at a glance: the page of a date in `factory_days`, who makes it when, and what an operator reads there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import dagster as dg
import pytest
from automation_ticks import number_in_log_key
from defs_factory import DefsFactory
from defs_fakes import NOW, TESTS_FAILED, paper_on, spec_on
from registry_samples import call

from factory_assets.defs.partitions import date_rank_key
from factory_assets.domain.builds import GateVerdict, Phase, Usage

WEDNESDAY, THURSDAY, FRIDAY = date(2026, 6, 17), date(2026, 6, 18), date(2026, 6, 19)
DAYS = dg.AssetKey("factory_days")
PAPER = "[2606.17001](https://arxiv.org/abs/2606.17001)"


@pytest.fixture
def analysed(factory: DefsFactory) -> DefsFactory:
    """Two specs of Wednesday in the queue, cache-probe at rank 1 and tree-probe at rank 2."""
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    factory.analysis.specs[WEDNESDAY] = [spec_on(WEDNESDAY, "cache-probe"), spec_on(WEDNESDAY, "tree-probe")]
    assert factory.run_day("gather", WEDNESDAY).success
    assert factory.run_day("analyze", WEDNESDAY).success
    return factory


def pages(factory: DefsFactory, day: date) -> Sequence[dg.EventLogRecord]:
    """Every page that was made of this date, newest first."""
    chosen = dg.AssetRecordsFilter(asset_key=DAYS, asset_partitions=[day.isoformat()])
    return factory.instance.fetch_materializations(chosen, limit=100).records


def page(factory: DefsFactory, day: date) -> dict[str, object]:
    """What the page of this date shows now."""
    made = pages(factory, day)[0].asset_materialization
    assert made is not None
    return {name: value.value for name, value in made.metadata.items()}


def rows(factory: DefsFactory, day: date) -> list[list[str]]:
    """The lines of its table by cell, without the head."""
    lines = str(page(factory, day)["repos"]).splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def report_by_hand(factory: DefsFactory, asset: str, key: str) -> None:
    """What "Report materialization" in the UI writes."""
    factory.instance.report_runless_asset_event(
        dg.AssetMaterialization(asset, partition=key, description="It is on my disk.")
    )


def sense(factory: DefsFactory, cursor: str | None = None, *, number: str | None = "7") -> dg.SensorResult:
    """One tick of the sensor `day_pages`; as the daemon does, its events are written. Without a number, a preview."""
    with dg.build_sensor_context(
        instance=factory.instance, resources={"registry": factory.registry.reading()}, cursor=cursor
    ) as context:
        context._log_key = number_in_log_key("day_pages", number)
        result = factory.defs.resolve_sensor_def("day_pages")(context)
    assert isinstance(result, dg.SensorResult)
    for event in result.asset_events:
        assert isinstance(event, dg.AssetMaterialization)
        factory.instance.report_runless_asset_event(event)
    return result


def made_by(result: dg.SensorResult) -> list[str | None]:
    return [event.partition for event in result.asset_events]


# What the page shows


def test_the_page_shows_each_spec_with_verdict_reason_dollars_and_links(analysed: DefsFactory) -> None:
    analysed.building.refused = frozenset({"tree-probe"})
    usage = Usage(calls=7, cost_usd=0.75)
    analysed.registry.ledger.record(call(stage="build", repo="cache-probe", phase=Phase.BUILD, usage=usage))
    shipped = analysed.run_rank("build", WEDNESDAY, 1)
    refused = analysed.run_rank("build", WEDNESDAY, 2)
    assert analysed.run_rank("mirror", WEDNESDAY, 1).success
    at = "/assets/built_repos?view=partitions&partition=2026-06-17%7C0"
    mirror = "https://github.com/example/cache-probe"
    assert rows(analysed, WEDNESDAY) == [
        [
            *(
                "01",
                "cache-probe",
                "python",
                PAPER,
                "shipped",
                "`version 0.1.0, 6 tests executed`",
                "0.75",
                "",
            ),
            f"[run](/runs/{shipped.run_id}), [partition]({at}1), [mirror]({mirror})",
        ],
        [
            *("02", "tree-probe", "python", PAPER, "failed"),
            f"`tests-pass: {TESTS_FAILED.saw}`",
            "0.00",
            "",
            f"[run](/runs/{refused.run_id}), [partition]({at}2)",
        ],
    ]
    shown = page(analysed, WEDNESDAY)
    assert shown["02 tree-probe"] == (
        f"failed, `tests-pass: {TESTS_FAILED.saw}`, $0.00, [run](/runs/{refused.run_id}), [partition]({at}2)"
    )
    assert list(shown)[:3] == ["in short", "01 cache-probe", "02 tree-probe"]
    assert shown["in short"] == "2 specs from 1 paper: 1 shipped, 1 failed, 0 waiting; 1 mirrored; $0.75"
    counts = ("specs", "shipped", "failed", "waiting", "mirrored", "papers", "papers read by an analysis")
    assert [shown[name] for name in counts] == [2, 1, 1, 0, 1, 1, 1]
    assert (shown["analysed"], shown["dollars"], shown["reported by hand"]) == ("yes", 0.75, "nothing")


def test_a_repo_that_was_mirrored_to_a_folder_leads_to_the_partition_that_names_the_folder(
    analysed: DefsFactory,
) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    analysed.registry.repos.record_mirror(
        "cache-probe", url="file:///mirrored/cache-probe", commit="c", now=NOW
    )
    assert analysed.run_day("analyze", WEDNESDAY).success
    at = "/assets/mirrored_repos?view=partitions&partition=2026-06-17%7C01"
    assert rows(analysed, WEDNESDAY)[0][-1].endswith(f"[mirror]({at})")


def test_a_spec_that_waits_says_for_what(analysed: DefsFactory) -> None:
    analysed.building.deferred = frozenset({"cache-probe"})
    assert analysed.run_rank("build", WEDNESDAY, 1).success
    waiting, untouched = rows(analysed, WEDNESDAY)
    assert waiting[4:6] == ["queued", "`waits: rate limit, until 2026-06-22 06:00 UTC, put off 1 times`"]
    assert untouched[4:6] == ["queued", "`waits: for its turn`"]


def test_what_a_gate_saw_cannot_break_the_table_or_be_read_as_markup(analysed: DefsFactory) -> None:
    (queued, *_) = analysed.registry.queue.specs()
    started = analysed.registry.builds.start(queued.id, run_id="run-1", now=queued.queued_at)
    saw = "\n`x` | [click](http://example.org) <b>bold</b>\nsecond line" + "y" * 300
    verdict = GateVerdict(gate="sources", phase=Phase.BUILD, passed=False, saw=saw)
    analysed.registry.builds.record_verdict(queued.id, started.attempts, verdict, now=queued.queued_at)
    analysed.registry.builds.fail(queued.id, "refused")
    assert analysed.run_day("analyze", WEDNESDAY).success
    (line, *_) = str(page(analysed, WEDNESDAY)["repos"]).splitlines()[2:]
    assert "`sources: 'x' \\| [click](http://example.org) <b>bold</b>`" in line


def test_a_date_without_specs_says_why_there_are_none(factory: DefsFactory) -> None:
    factory.run_day("gather", FRIDAY)
    sense(factory)
    assert pages(factory, FRIDAY) == []
    factory.run_day("analyze", FRIDAY)
    assert page(factory, FRIDAY)["repos"] == "No spec came of this date's papers."


# Who makes it, and when


def test_every_analysis_build_and_mirror_makes_the_page_again_in_its_own_run(analysed: DefsFactory) -> None:
    analysed.building.refused = frozenset({"tree-probe"})
    runs = [analysed.run_rank("build", WEDNESDAY, rank).run_id for rank in (1, 2)]
    runs.append(analysed.run_rank("mirror", WEDNESDAY, 1).run_id)
    assert [record.run_id for record in reversed(pages(analysed, WEDNESDAY))][1:] == runs
    assert pages(analysed, THURSDAY) == []


def test_a_rank_without_a_spec_makes_no_page(analysed: DefsFactory) -> None:
    before = len(pages(analysed, WEDNESDAY))
    for job in ("build", "mirror"):
        assert analysed.run_rank(job, WEDNESDAY, 3).success
    assert len(pages(analysed, WEDNESDAY)) == before


def test_the_page_is_fresh_after_each_of_them_and_stale_once_something_came_later(
    analysed: DefsFactory,
) -> None:
    analysed.run_rank("build", WEDNESDAY, 1)
    assert not analysed.is_stale("factory_days", "2026-06-17")
    analysed.gathering.papers[WEDNESDAY].append(paper_on(WEDNESDAY, 2))
    analysed.run_day("gather", WEDNESDAY)
    assert analysed.is_stale("factory_days", "2026-06-17")


def test_dates_are_made_by_a_person_in_one_run(analysed: DefsFactory) -> None:
    job = analysed.defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection={DAYS})
    tags = {
        "dagster/asset_partition_range_start": "2026-06-17",
        "dagster/asset_partition_range_end": "2026-06-19",
    }
    assert job.execute_in_process(instance=analysed.instance, tags=tags).success
    assert analysed.materialized("factory_days") == {"2026-06-17", "2026-06-18", "2026-06-19"}
    assert page(analysed, THURSDAY)["repos"] == "This date has not been analysed yet."
    assert not analysed.is_stale("factory_days", "2026-06-17")


def test_a_page_that_was_read_before_another_run_ended_is_made_again(
    analysed: DefsFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run ends between this run's look at the registry and the writing of its page."""
    read = analysed.registry.stories.of_day
    others = ["tree-probe"]

    def read_and_be_overtaken(day: date) -> object:
        story = read(day)
        if others:
            queued = analysed.registry.queue.named(others.pop())
            assert queued is not None
            analysed.building.build(queued, "run-of-another", print)
        return story

    monkeypatch.setattr(analysed.registry.stories, "of_day", read_and_be_overtaken)
    analysed.run_rank("build", WEDNESDAY, 1)
    assert [row[4] for row in rows(analysed, WEDNESDAY)] == ["shipped", "shipped"]


# The sensor


def test_the_sensor_makes_again_what_has_changed_without_a_run_and_nothing_else(
    analysed: DefsFactory,
) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    analysed.run_rank("build", WEDNESDAY, 1)
    first = sense(analysed)
    assert made_by(first) == []
    queued = analysed.registry.queue.named("cache-probe")
    assert queued is not None
    analysed.registry.queue.requeue(queued.id)
    looked = sense(analysed, first.cursor, number=None)
    assert (made_by(looked), looked.cursor) == ([], None)
    assert "To be made again: 2026-06-17." in str(looked.skip_reason)
    again = sense(analysed, first.cursor)
    assert made_by(again) == ["2026-06-17"]
    assert not again.run_requests
    assert rows(analysed, WEDNESDAY)[0][4] == "queued"
    assert made_by(sense(analysed, again.cursor)) == []


def test_the_sensor_makes_pages_only_of_dates_that_are_partitions(analysed: DefsFactory) -> None:
    later = date(2026, 7, 1)
    analysed.gathering.papers[later] = [paper_on(later, 1)]
    analysed.gathering.gather([later], print)
    assert made_by(sense(analysed)) == []


# A materialization that a person reports


def test_a_report_by_hand_over_a_refused_partition_is_told_on_the_page_of_its_day(
    analysed: DefsFactory,
) -> None:
    analysed.building.refused = frozenset({"cache-probe"})
    analysed.run_rank("build", WEDNESDAY, 1)
    cursor = sense(analysed).cursor
    report_by_hand(analysed, "built_repos", str(date_rank_key(WEDNESDAY, 1)))
    assert made_by(sense(analysed, cursor)) == ["2026-06-17"]
    assert rows(analysed, WEDNESDAY)[0][4] == "failed (built_repos reported by hand)"
    told = str(page(analysed, WEDNESDAY)["reported by hand"])
    assert told.startswith("built_repos[2026-06-17|01] was reported as materialized by hand at 20")
    assert told.endswith('with the words "It is on my disk.": no run of the factory made it.')


def test_a_report_by_hand_is_no_longer_told_once_the_factory_has_made_the_partition(
    analysed: DefsFactory,
) -> None:
    report_by_hand(analysed, "built_repos", str(date_rank_key(WEDNESDAY, 1)))
    analysed.run_rank("build", WEDNESDAY, 1)
    assert page(analysed, WEDNESDAY)["reported by hand"] == "nothing"


@pytest.mark.parametrize("asset", ["papers", "specs"])
def test_a_report_by_hand_over_a_date_is_told_too(analysed: DefsFactory, asset: str) -> None:
    cursor = sense(analysed).cursor
    report_by_hand(analysed, asset, "2026-06-17")
    assert made_by(sense(analysed, cursor)) == ["2026-06-17"]
    assert str(page(analysed, WEDNESDAY)["reported by hand"]).startswith(f"{asset}[2026-06-17] was reported")
