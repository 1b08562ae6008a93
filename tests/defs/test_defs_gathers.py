"""How far the hourly gather has got moves by date: what is missing of one date holds back no other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from automation_ticks import MONDAY_LATER, THURSDAY, WEDNESDAY, open_ended, tick
from defs_factory import RANGE_END, RANGE_START, DefsFactory, DefsRuns, checks
from defs_fakes import paper_on
from gather_server import Asked, LittleArxiv, Reply, feed, little_arxiv, papers_per_day

from factory_assets.build_defs import build_defs
from factory_assets.gather.source import Unread
from factory_assets.settings import Mode


@dataclass
class SetClock:
    """Tells the time that it was set to."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


def gather_hourly(factory: DefsFactory, clock: SetClock) -> list[tuple[date, ...]]:
    """One tick and its runs; the dates that each of them asked for."""
    requests = tick(factory, "gather_hourly", clock.now())
    assert isinstance(requests, list)
    before = len(factory.gathering.asked)
    for request in requests:
        factory.defs.resolve_job_def("gather").execute_in_process(
            instance=factory.instance,
            tags={**request.tags, "dagster/schedule_name": "gather_hourly"},
            raise_on_error=False,
        )
    return factory.gathering.asked[before:]


def clocked(kept: DefsFactory) -> tuple[DefsFactory, SetClock]:
    """The open-ended instance, at a time that the test sets."""
    factory = open_ended(kept)
    clock = SetClock(datetime(2026, 6, 17, 8, tzinfo=UTC))
    resources = {"registry": factory.registry, "instance": factory.parts, "clock": clock}
    factory.defs = build_defs(factory.settings, resources)
    return factory, clock


def test_one_date_that_keeps_failing_holds_back_no_later_date_and_is_given_up_at_last(
    kept: DefsFactory,
) -> None:
    factory, clock = clocked(kept)
    days = [WEDNESDAY + timedelta(days=number) for number in range(18)]
    bad = days[2]
    factory.gathering.papers = {day: [paper_on(day, 1)] for day in days}
    factory.gathering.broken = frozenset({bad})
    asked_again = []
    for day in days:
        clock.moment = datetime.combine(day, time(8), UTC)
        window, *again = gather_hourly(factory, clock)
        # The first tick of a day reaches back to where yesterday's window began.
        assert (window[-1], len(window)) == (day, min(8, (day - WEDNESDAY).days + 1))
        assert again in ([], [(bad,)])
        asked_again += [day] * len(again)
    assert factory.materialized("papers") == {day.isoformat() for day in days if day != bad}
    # Once a day from when it has left the window until two weeks after it was first missing.
    assert asked_again == [bad + timedelta(days=number) for number in range(8, 15)]


def test_a_date_that_is_fixed_after_it_left_the_window_is_gathered(kept: DefsFactory) -> None:
    factory, clock = clocked(kept)
    days = [WEDNESDAY + timedelta(days=number) for number in range(12)]
    factory.gathering.papers = {day: [paper_on(day, 1)] for day in days}
    factory.gathering.broken = frozenset({days[2]})
    for day in days:
        clock.moment = datetime.combine(day, time(8), UTC)
        gather_hourly(factory, clock)
    assert days[2].isoformat() not in factory.materialized("papers")
    factory.gathering.broken = frozenset()
    clock.moment += timedelta(days=1)
    assert (days[2],) in gather_hourly(factory, clock)
    assert days[2].isoformat() in factory.materialized("papers")
    assert len(gather_hourly(factory, clock)) == 1


def test_a_gather_that_brought_nothing_at_all_is_no_progress(kept: DefsFactory) -> None:
    factory, clock = clocked(kept)
    factory.gathering.broken = frozenset(WEDNESDAY + timedelta(days=number) for number in range(30))
    for number in range(10):
        clock.moment = datetime(2026, 6, 17 + number, 8, tzinfo=UTC)
        (window,) = gather_hourly(factory, clock)
    assert len(window) == 7
    assert factory.registry.gathers.incomplete_dates() == {}
    assert factory.materialized("papers") == set()


def test_the_dates_of_an_entry_that_cannot_be_read_are_asked_for_once_a_day_until_it_is(
    kept: DefsFactory,
) -> None:
    factory, clock = clocked(kept)
    factory.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    factory.gathering.unread = (Unread(entry="2606.17002v1", why="no title", dates=(WEDNESDAY,)),)
    assert factory.run_day("gather", WEDNESDAY).success
    clock.moment += timedelta(days=9)
    window, again = tick(factory, "gather_hourly", clock.now())
    assert window.tags[RANGE_END] == "2026-06-26"
    assert (again.tags[RANGE_START], again.tags[RANGE_END]) == ("2026-06-17", "2026-06-17")
    _, later = tick(factory, "gather_hourly", clock.now() + timedelta(hours=3))
    assert later.run_key == again.run_key
    factory.gathering.unread = ()
    assert factory.run_day("gather", WEDNESDAY).success
    assert len(tick(factory, "gather_hourly", clock.now())) == 1


def test_a_date_that_was_never_whole_is_analysed_when_it_is_asked_for_no_more(kept: DefsFactory) -> None:
    kept.gathering.papers = {day: [paper_on(day, 1)] for day in (WEDNESDAY, THURSDAY)}
    kept.gathering.gather([WEDNESDAY, THURSDAY], print)
    missing = {WEDNESDAY: "a page stays short"}
    kept.registry.gathers.note([WEDNESDAY], missing, now=MONDAY_LATER - timedelta(days=13))
    words = "Every settled date that was gathered is analysed."
    assert tick(kept, "analyze_daily", MONDAY_LATER) == words
    (request,) = tick(kept, "analyze_daily", MONDAY_LATER + timedelta(days=2))
    assert request.partition_key == "2026-06-17"


def test_an_entry_that_cannot_be_read_is_named_in_a_warning_and_the_run_is_green(kept: DefsFactory) -> None:
    kept.gathering.papers[WEDNESDAY] = [paper_on(WEDNESDAY, 1)]
    kept.gathering.unread = (
        Unread(entry="2606.17002v1", why="its field 'title' is empty", dates=(WEDNESDAY,)),
        Unread(entry="entry 57 of the page from 0 on", why="broken XML", dates=(WEDNESDAY, THURSDAY)),
    )
    result = kept.run_days("gather", WEDNESDAY, THURSDAY)
    assert result.success
    assert not checks(result)["every_entry_read"]
    assert checks(result)["gather_complete"]
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "every_entry_read"]
    assert check.severity.value == "WARN"
    named = str(check.metadata["left out"].value)
    assert "2606.17002v1" in named
    assert "entry 57 of the page from 0 on" in named
    assert kept.materialized("papers") == {"2026-06-17", "2026-06-18"}
    assert set(kept.registry.gathers.incomplete_dates()) == {WEDNESDAY, THURSDAY}


def test_of_140_entries_the_one_that_cannot_be_read_is_the_only_one_missing(
    kept: DefsFactory, tmp_path: Path
) -> None:
    papers = papers_per_day(WEDNESDAY, 7, 20)
    odd = papers[70]

    def without_a_title(asked: Asked, number: int) -> Reply:
        found = LittleArxiv(papers).found(asked)
        head, rest = feed(found, total=len(found)).split(f"{odd.arxiv_id}v1</id>")
        return Reply(f"{head}{odd.arxiv_id}v1</id>{rest.replace('A paper', '', 1)}")

    topics = tmp_path / "topics.yaml"
    topics.write_text("safety:\n  guardrails: guardrail\n")
    with little_arxiv(papers, without_a_title) as arxiv:
        settings = kept.settings.model_copy(
            update={
                "factory_mode": Mode.LIVE,
                "factory_arxiv_url": arxiv.url,
                "factory_arxiv_interval": 0.0,
                "factory_topics_file": topics,
                "factory_end_date": None,
            }
        )
        runs = DefsRuns(build_defs(settings), kept.instance)
        result = runs.run_days("gather", WEDNESDAY, papers[-1].day)
        asked = len(arxiv.asked)
    assert result.success
    assert asked == 1
    stored = [
        one.paper.arxiv_id for day in dates_from(WEDNESDAY, 7) for one in kept.registry.papers.of_day(day)
    ]
    assert stored == [paper.arxiv_id for paper in papers if paper != odd]
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "every_entry_read"]
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert odd.arxiv_id in str(check.metadata["left out"].value)
    assert str(odd.day) in str(check.metadata["left out"].value)
    assert set(kept.registry.gathers.incomplete_dates()) == {odd.day}
    assert len(kept.materialized("papers")) == 7


def dates_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]
