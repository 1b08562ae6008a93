"""The stage stores what it gets, counts it, and says what is missing."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from gather_server import NOW, Asked, Reply, little_arxiv, paper, papers_per_day, patient_source
from memory_registry import memory_registry

from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import LabelledPaper, Paper, UpsertCounts
from factory_assets.gather.expression import SearchField, Term
from factory_assets.gather.report import GatherIncompleteError, GatherReport, topics_table
from factory_assets.gather.source import Batch, Gap
from factory_assets.gather.stage import gather
from factory_assets.gather.topics import Topic, TopicSet
from factory_assets.registry import Registry

DAY, NEXT = date(2026, 6, 3), date(2026, 6, 4)
TOPICS = TopicSet(
    topics=(
        Topic(name="guardrails", domain="safety", expression=Term(SearchField.ABSTRACT, "guardrail")),
        Topic(name="filters", domain="safety", expression=Term(SearchField.ABSTRACT, "filter")),
        Topic(name="decoding", domain="serving", expression=Term(SearchField.ABSTRACT, "decoding")),
    )
)


def stored(registry: Registry) -> dict[str, LabelledPaper]:
    """The papers of both dates by their ids."""
    papers = [one for day in (DAY, NEXT) for one in registry.papers.of_day(day)]
    return {one.paper.arxiv_id: one for one in papers}


class ListedSource:
    """Gives the batches it was made with."""

    def __init__(self, *batches: Batch) -> None:
        self._batches = batches

    def batches(self, dates: Sequence[date], topics: Sequence[Topic]) -> Iterator[Batch]:
        yield from self._batches


def one_day(*papers: Paper, gaps: tuple[Gap, ...] = (), day: date = DAY) -> Batch:
    return Batch((day,), papers, requests=1, gaps=gaps)


def quiet(line: str) -> None:
    pass


def at(hour: int, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def test_papers_are_stored_with_their_labels_and_counted(tmp_path: Path) -> None:
    registry = memory_registry()
    papers = [
        paper(1, at(1), abstract="A guardrail that filters."),
        paper(2, at(2), abstract="Decoding."),
        paper(3, datetime(2026, 6, 4, 1, tzinfo=UTC), abstract="Decoding with guardrails."),
    ]
    lines: list[str] = []
    with little_arxiv(papers) as arxiv:
        source = patient_source(arxiv.url, tmp_path).source
        report = gather(
            [NEXT, DAY, DAY],
            source=source,
            topics=TOPICS,
            store=registry.papers,
            now=NOW,
            notify=lines.append,
        )
    assert stored(registry)["2606.00001"].topics == ("filters", "guardrails")
    assert report.papers == 3
    assert [(count.day, count.papers) for count in report.days] == [(DAY, 2), (NEXT, 1)]
    assert report.topics == {"guardrails": 2, "filters": 1, "decoding": 2}
    assert report.domains == {"safety": 2, "serving": 2}
    assert report.stored == UpsertCounts(new=3)
    assert report.requests == 1
    assert report.failures == ()
    assert lines == ["2026-06-03 to 2026-06-04: papers: 3, requests: 1."]


def test_the_next_dates_are_asked_for_while_the_last_ones_are_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Event()

    class TellingSource:
        def batches(self, dates: Sequence[date], topics: Sequence[Topic]) -> Iterator[Batch]:
            yield one_day(paper(1, at(1)))
            asked.set()
            yield one_day(day=NEXT)

    papers = memory_registry().papers
    upsert = papers.upsert

    def waits(batch: Sequence[LabelledPaper], *, now: datetime) -> UpsertCounts:
        assert asked.wait(timeout=20), "the source was not asked for the next dates"
        return upsert(batch, now=now)

    monkeypatch.setattr(papers, "upsert", waits)
    report = gather([DAY, NEXT], source=TellingSource(), topics=TOPICS, store=papers, now=NOW, notify=quiet)
    assert report.papers == 1


def test_an_updated_paper_updates_its_row_and_nothing_else_changes() -> None:
    registry = memory_registry()
    first = [paper(1, at(1)), paper(2, at(2))]
    second = [paper(1, at(1), version=2, title="A better title"), paper(2, at(2))]
    for papers in (first, second):
        report = gather(
            [DAY],
            source=ListedSource(one_day(*papers)),
            topics=TOPICS,
            store=registry.papers,
            now=NOW,
            notify=quiet,
        )
    assert report.stored == UpsertCounts(updated=1, unchanged=1)
    assert stored(registry)["2606.00001"].paper.title == "A better title"
    assert len(stored(registry)) == 2


def test_what_was_gathered_is_kept_when_a_later_date_fails(tmp_path: Path) -> None:
    later = date(2026, 6, 20)

    def broken_later(asked: Asked, number: int) -> Reply | None:
        return Reply("<feed") if asked.dates[0].date() == later else None

    registry = memory_registry()
    with little_arxiv(papers_per_day(DAY, 1, 3), broken_later) as arxiv:
        source = patient_source(arxiv.url, tmp_path).source
        with pytest.raises(GatherIncompleteError) as caught:
            gather([DAY, later], source=source, topics=TOPICS, store=registry.papers, now=NOW, notify=quiet)
    assert len(stored(registry)) == 3
    message = str(caught.value)
    assert "Gathered 3 papers, but 1 of 2 dates are incomplete" in message
    assert "2026-06-20 (all topics): The answer is broken XML" in message
    assert "What was gathered is kept." in message
    assert caught.value.report.stored.new == 3


def test_a_missing_topic_is_named_with_its_dates() -> None:
    gap = Gap(dates=(DAY,), topics=("decoding",), error="arXiv answered 400: no.", fix="Correct the topic.")
    with pytest.raises(
        GatherIncompleteError, match=r"2026-06-03 \(decoding\): arXiv answered 400: no\."
    ) as caught:
        gather(
            [DAY],
            source=ListedSource(one_day(paper(1, at(1)), gaps=(gap,))),
            topics=TOPICS,
            store=memory_registry().papers,
            now=NOW,
            notify=quiet,
        )
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.report == caught.value.report
    assert str(again) == str(caught.value)


def test_a_cap_keeps_the_newest_of_each_topic_and_date() -> None:
    papers = [
        paper(1, at(1), abstract="Decoding."),
        paper(2, at(2), abstract="Decoding and a guardrail."),
        paper(3, at(3), abstract="Decoding."),
        paper(4, at(4), abstract="Decoding."),
        paper(5, at(0), abstract="Of no topic."),
    ]
    registry = memory_registry()
    report = gather(
        [DAY],
        source=ListedSource(one_day(*papers)),
        topics=TOPICS,
        store=registry.papers,
        now=NOW,
        notify=quiet,
        max_per_topic=2,
    )
    assert sorted(stored(registry)) == ["2606.00002", "2606.00003", "2606.00004", "2606.00005"]
    assert report.unlabelled == 1


def test_the_table_shows_every_topic_and_counts_a_paper_once_per_domain() -> None:
    both = paper(1, at(1), abstract="A guardrail that filters.")
    report = gather(
        [DAY],
        source=ListedSource(one_day(both, paper(2, at(2), abstract="Nothing."))),
        topics=TOPICS,
        store=memory_registry().papers,
        now=NOW,
        notify=quiet,
    )
    assert topics_table(report).splitlines() == [
        "| Domain | Topic | Papers |",
        "|---|---|---:|",
        "| **safety** | | **1** |",
        "| | guardrails | 1 |",
        "| | filters | 1 |",
        "| **serving** | | **0** |",
        "| | decoding | 0 |",
        "| **no label** | | **1** |",
        "| **all papers** | | **2** |",
    ]


def test_a_report_can_be_narrowed_to_one_date() -> None:
    report = gather(
        [DAY, NEXT],
        source=ListedSource(one_day(paper(1, at(1))), one_day(day=NEXT)),
        topics=TOPICS,
        store=memory_registry().papers,
        now=NOW,
        notify=quiet,
    )
    assert report.on(DAY).papers == 1
    assert report.on(NEXT).papers == 0
    assert report.requests == 2


def week_of(*papers: Paper, now: datetime = NOW, gaps: tuple[Gap, ...] = ()) -> GatherReport:
    """Gather Wednesday to Tuesday, five working days, at `now`."""
    week = [DAY + timedelta(days=later) for later in range(7)]
    return gather(
        week,
        source=ListedSource(Batch(tuple(week), papers, requests=1, gaps=gaps)),
        topics=TOPICS,
        store=memory_registry().papers,
        now=now,
        notify=quiet,
    )


def test_a_settled_working_week_without_any_paper_is_no_success() -> None:
    with pytest.raises(GatherIncompleteError) as caught:
        week_of()
    (gap,) = caught.value.report.failures
    assert [day.day for day in gap.dates] == [3, 4, 5, 8, 9]
    assert "(all topics): arXiv answered, but named no paper at all on 5 working days" in str(caught.value)
    assert "FACTORY_ARXIV_URL" in caught.value.fix


def test_one_paper_in_a_working_week_is_enough() -> None:
    assert week_of(paper(1, at(1))).papers == 1


def test_a_week_that_is_not_announced_in_full_may_be_empty() -> None:
    assert week_of(now=datetime(2026, 6, 9, 20, tzinfo=UTC)).papers == 0


def test_days_that_failed_are_not_blamed_twice() -> None:
    gap = Gap(
        dates=(DAY,), topics=tuple(TOPICS.domain_of), error="arXiv answered 503.", fix="Gather again later"
    )
    with pytest.raises(GatherIncompleteError) as caught:
        week_of(gaps=(gap,))
    assert caught.value.report.failures == (gap,)


def told_of(*batches: Batch) -> list[tuple[int, ...]]:
    """The days of June of each part that was reported on the way, and then of the dates that are missing."""
    told: list[tuple[int, ...]] = []
    days = [day for batch in batches for day in batch.dates]
    try:
        gather(
            days,
            source=ListedSource(*batches),
            topics=TOPICS,
            store=memory_registry().papers,
            now=NOW,
            notify=quiet,
            brought=lambda part: told.append(tuple(one.day.day for one in part.days)),
        )
    except GatherIncompleteError as error:
        told.append(tuple(sorted(day.day for day in error.report.failed_dates)))
    return told


def test_each_batch_is_reported_as_soon_as_it_is_sure_that_none_of_its_dates_is_missing() -> None:
    week = [DAY + timedelta(days=later) for later in range(7)]
    empty, found = Batch(tuple(week[:2]), (), requests=1), one_day(paper(1, at(1, week[2])), day=week[2])
    rest = Batch(tuple(week[3:]), (), requests=1)
    assert told_of(empty, found, rest) == [(3, 4), (5,), (6, 7, 8, 9)]
    assert told_of(empty, one_day(day=week[2]), rest) == [(3, 4, 5, 8, 9)]


def test_no_date_is_an_error() -> None:
    with pytest.raises(InputError, match="no date"):
        gather(
            [], source=ListedSource(), topics=TOPICS, store=memory_registry().papers, now=NOW, notify=quiet
        )
