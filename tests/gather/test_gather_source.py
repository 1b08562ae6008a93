"""ArxivSource asks for exact dates in the fewest requests, page by page, and splits where it has to."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path

import pytest
from gather_server import Asked, Reply, Script, feed, little_arxiv, paper, papers_per_day, patient_source

from factory_assets.gather.expression import SearchField, Term
from factory_assets.gather.topics import Topic

DAY = date(2026, 6, 3)
TOPICS = (
    Topic(name="guardrails", domain="safety", expression=Term(SearchField.ABSTRACT, "guardrail")),
    Topic(name="decoding", domain="serving", expression=Term(SearchField.ABSTRACT, "decoding")),
)


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


def test_a_date_is_cut_exactly_at_midnight(tmp_path: Path) -> None:
    inside = [
        paper(1, "2026-06-03T00:00:00+00:00"),
        paper(2, "2026-06-03T23:58:59+00:00"),
        paper(3, "2026-06-03T23:59:59+00:00"),
    ]
    outside = [paper(4, "2026-06-02T23:59:59+00:00"), paper(5, "2026-06-04T00:00:00+00:00")]
    with little_arxiv(inside + outside) as arxiv:
        (batch,) = patient_source(arxiv.url, tmp_path).source.batches([DAY], TOPICS)
    assert batch.papers == tuple(inside)
    assert batch.requests == 1


def test_a_request_is_encoded_once_sorted_and_signed(tmp_path: Path) -> None:
    phrase = Topic(name="p", domain="d", expression=Term(SearchField.ABSTRACT, "KV cache"))
    with little_arxiv() as arxiv:
        list(patient_source(arxiv.url, tmp_path).source.batches([DAY], [phrase]))
    (asked,) = arxiv.asked
    assert asked.query == 'abs:"KV cache" AND submittedDate:[202606030000 TO 202606040000]'
    assert asked.parameters["sortBy"] == "submittedDate"
    assert asked.parameters["sortOrder"] == "ascending"
    assert (asked.start, asked.size) == (0, 2_000)
    assert asked.user_agent == "software-factory-tests"


def test_a_busy_month_is_paged_through_in_order(tmp_path: Path) -> None:
    papers = papers_per_day(date(2026, 6, 1), 30, 150)
    with little_arxiv(papers) as arxiv:
        (batch,) = patient_source(arxiv.url, tmp_path).source.batches(days(date(2026, 6, 1), 30), TOPICS)
    assert batch.papers == tuple(papers)
    assert [asked.start for asked in arxiv.asked] == [0, 2_000, 4_000]


def test_thirty_dates_of_common_size_are_one_request(tmp_path: Path) -> None:
    with little_arxiv(papers_per_day(date(2026, 6, 1), 30, 60)) as arxiv:
        (batch,) = patient_source(arxiv.url, tmp_path).source.batches(days(date(2026, 6, 1), 30), TOPICS)
    assert batch.requests == 1
    assert len(batch.papers) == 1_800


def test_a_year_takes_no_more_requests_than_its_pages(tmp_path: Path) -> None:
    first = date(2025, 6, 1)
    papers = papers_per_day(first, 365, 30)
    with little_arxiv(papers) as arxiv:
        batches = list(patient_source(arxiv.url, tmp_path).source.batches(days(first, 365), TOPICS))
    assert [one for batch in batches for one in batch.papers] == papers
    assert [day for batch in batches for day in batch.dates] == days(first, 365)
    fewest = sum(math.ceil(len(batch.papers) / 2_000) for batch in batches)
    assert len(arxiv.asked) == sum(batch.requests for batch in batches) == fewest == 7


def counting(asked: Asked, total: int) -> Reply | None:
    """Pretends a total without having the papers: the client must not page into it."""
    return Reply(feed([paper(number, asked.dates[0]) for number in range(2_000)], total=total))


def test_a_window_with_too_many_hits_is_halved_by_dates(tmp_path: Path) -> None:
    papers = papers_per_day(date(2026, 6, 1), 8, 2)

    def crowded(asked: Asked, number: int) -> Reply | None:
        first, last = asked.dates
        return counting(asked, 12_000) if (last - first).days > 4 else None

    with little_arxiv(papers, crowded) as arxiv:
        batches = list(patient_source(arxiv.url, tmp_path).source.batches(days(date(2026, 6, 1), 8), TOPICS))
    assert [batch.dates[0] for batch in batches] == [date(2026, 6, 1), date(2026, 6, 5)]
    assert [one for batch in batches for one in batch.papers] == papers
    assert [batch.requests for batch in batches] == [2, 1]


def test_a_single_date_with_too_many_hits_is_split_by_topics(tmp_path: Path) -> None:
    papers = papers_per_day(DAY, 1, 4)

    def crowded(asked: Asked, number: int) -> Reply | None:
        return counting(asked, 10_000) if len(asked.words) > 1 else None

    with little_arxiv(papers, crowded) as arxiv:
        (batch,) = patient_source(arxiv.url, tmp_path).source.batches([DAY], TOPICS)
    assert batch.papers == tuple(papers)
    assert batch.requests == 3
    assert batch.gaps == ()


def test_a_single_topic_with_too_many_hits_on_a_date_is_a_gap(tmp_path: Path) -> None:
    with little_arxiv([], lambda asked, number: counting(asked, 10_000)) as arxiv:
        (batch,) = patient_source(arxiv.url, tmp_path).source.batches([DAY], TOPICS)
    assert [gap.topics for gap in batch.gaps] == [("guardrails",), ("decoding",)]
    assert "narrower" in batch.gaps[0].fix


def growing(times: int) -> Script:
    held: list[int] = []

    def script(asked: Asked, number: int) -> Reply | None:
        if asked.start and len(held) < times:
            held.append(number)
            return Reply(feed([paper(9_000 + number, "2026-06-03T23:00:00+00:00")] * 99, total=2_099))
        return None

    return script


def test_a_total_that_changes_between_pages_starts_the_window_once_more(tmp_path: Path) -> None:
    papers = papers_per_day(DAY, 1, 2_098)
    with little_arxiv(papers, growing(1)) as arxiv:
        patient = patient_source(arxiv.url, tmp_path)
        (batch,) = patient.source.batches([DAY], TOPICS)
    assert batch.papers == tuple(papers)
    assert [asked.start for asked in arxiv.asked] == [0, 2_000, 0, 2_000]
    assert "changed from 2098 to 2099" in patient.notices[0]


def test_a_total_that_changes_again_is_a_gap_over_the_whole_window(tmp_path: Path) -> None:
    with little_arxiv(papers_per_day(DAY, 1, 2_098), growing(9)) as arxiv:
        (batch,) = patient_source(arxiv.url, tmp_path).source.batches([DAY], TOPICS)
    assert len(batch.papers) == 2_000
    assert "changed from 2098 to 2099" in batch.gaps[0].error
    assert batch.gaps[0].dates == (DAY,)


def test_a_paper_sent_twice_does_not_hide_the_one_it_pushed_out(tmp_path: Path) -> None:
    papers = papers_per_day(DAY, 1, 3)
    doubled = Reply(feed([papers[0], papers[0], papers[2]], total=3))
    with little_arxiv(papers, lambda asked, number: doubled if number == 1 else None) as arxiv:
        (batch,) = patient_source(arxiv.url, tmp_path).source.batches([DAY], TOPICS)
    assert batch.papers == tuple(papers)
    assert batch.requests == 2


def test_when_a_later_page_fails_only_the_dates_from_there_on_are_missing(tmp_path: Path) -> None:
    papers = papers_per_day(date(2026, 6, 1), 3, 900)
    with little_arxiv(papers, lambda asked, number: Reply("", status=502) if asked.start else None) as arxiv:
        (batch,) = patient_source(arxiv.url, tmp_path).source.batches(days(date(2026, 6, 1), 3), TOPICS)
    assert len(batch.papers) == 2_000
    assert batch.gaps[0].dates == (date(2026, 6, 3),)


@pytest.mark.parametrize("interval", [0.0, 300.0])
def test_requests_keep_the_interval(tmp_path: Path, interval: float) -> None:
    with little_arxiv(papers_per_day(DAY, 1, 4_500)) as arxiv:
        patient = patient_source(arxiv.url, tmp_path, interval=interval)
        list(patient.source.batches([DAY], TOPICS))
    assert len(arxiv.asked) == 3
    assert len(patient.waits) == (2 if interval else 0)
    assert all(0 < wait <= interval for wait in patient.waits)
