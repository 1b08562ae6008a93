"""Each way in which arXiv fails is told apart, waited for where that helps, and never taken for a result."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from gather_server import (
    Asked,
    LittleArxiv,
    Reply,
    error_entry,
    feed,
    little_arxiv,
    paper,
    papers_per_day,
    patient_source,
)

from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import Paper
from factory_assets.gather.expression import SearchField, Term
from factory_assets.gather.source import Batch
from factory_assets.gather.topics import Topic

DAY = date(2026, 6, 3)
GUARDRAILS = Topic(name="guardrails", domain="safety", expression=Term(SearchField.ABSTRACT, "guardrail"))
DECODING = Topic(name="decoding", domain="serving", expression=Term(SearchField.ABSTRACT, "decoding"))
TOPICS = (GUARDRAILS, DECODING)
PAPERS = papers_per_day(DAY, 1, 3)


def always(reply: Reply) -> Callable[[Asked, int], Reply]:
    return lambda asked, number: reply


def first_times(times: int, reply: Reply) -> Callable[[Asked, int], Reply | None]:
    return lambda asked, number: reply if number <= times else None


def only_batch(url: str, folder: Path) -> tuple[Batch, list[float], list[str]]:
    patient = patient_source(url, folder)
    (batch,) = patient.source.batches([DAY], TOPICS)
    return batch, patient.waits, patient.notices


def failing_batch(reply: Reply, folder: Path) -> tuple[Batch, list[float], LittleArxiv]:
    with little_arxiv(PAPERS, always(reply)) as arxiv:
        batch, waits, _ = only_batch(arxiv.url, folder)
    assert batch.papers == ()
    return batch, waits, arxiv


def test_a_429_without_a_time_is_waited_for_longer_each_time_with_a_notice(tmp_path: Path) -> None:
    with little_arxiv(PAPERS, first_times(3, Reply("Rate exceeded.", status=429))) as arxiv:
        batch, waits, notices = only_batch(arxiv.url, tmp_path)
    assert len(batch.papers) == 3
    assert batch.requests == 4
    assert waits == [30, 60, 100]
    assert notices[0] == "arXiv answered 429: Rate exceeded. Waiting 30 s before try 2 of 4."


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("Wed, 01 Jul 2026 12:01:30 GMT", 90.0), ("soon", 30.0)]
)
def test_retry_after_is_honoured_in_seconds_and_as_a_date(
    tmp_path: Path, header: str, seconds: float
) -> None:
    reply = Reply("", status=503, headers={"Retry-After": header})
    with little_arxiv(PAPERS, first_times(1, reply)) as arxiv:
        batch, waits, _ = only_batch(arxiv.url, tmp_path)
    assert len(batch.papers) == 3
    assert waits == [seconds]


def test_a_retry_after_of_hours_is_a_failure_at_once(tmp_path: Path) -> None:
    reply = Reply("", status=429, headers={"Retry-After": "7200"})
    batch, waits, _ = failing_batch(reply, tmp_path)
    assert waits == []
    assert "429" in batch.gaps[0].error


def test_a_wait_that_arxiv_asks_for_uses_up_no_try(tmp_path: Path) -> None:
    busy = Reply("Rate exceeded.", status=429, headers={"Retry-After": "60"})
    with little_arxiv(PAPERS, first_times(8, busy)) as arxiv:
        batch, waits, notices = only_batch(arxiv.url, tmp_path)
    assert len(batch.papers) == 3
    assert waits == [60] * 8
    assert notices[0] == "arXiv answered 429: Rate exceeded. Waiting 60 s, as it asks."


@pytest.mark.parametrize(("asked", "waits"), [("60", 15), ("0", 30)])
def test_the_waits_that_arxiv_asks_for_come_to_an_end(tmp_path: Path, asked: str, waits: int) -> None:
    reply = Reply("Rate exceeded.", status=429, headers={"Retry-After": asked})
    batch, waited, arxiv = failing_batch(reply, tmp_path)
    assert waited == [float(asked)] * waits
    assert len(arxiv.asked) == waits + 1
    assert "with the 900 s that were waited for this page that is more than 900 s" in batch.gaps[0].error


def test_a_retry_after_that_is_no_time_is_waited_for_as_usual(tmp_path: Path) -> None:
    reply = Reply("", status=503, headers={"Retry-After": "Fri, 31 Dec 9999 23:00:00 -1400"})
    with little_arxiv(PAPERS, first_times(1, reply)) as arxiv:
        _, waits, _ = only_batch(arxiv.url, tmp_path)
    assert waits == [30]


def test_tries_are_bounded(tmp_path: Path) -> None:
    batch, waits, arxiv = failing_batch(Reply("Rate exceeded.", status=429), tmp_path)
    assert waits == [30, 60, 100]
    assert len(arxiv.asked) == 4
    assert "Given up after 4 tries." in batch.gaps[0].error
    assert batch.gaps[0].dates == (DAY,)
    assert batch.gaps[0].topics == ("guardrails", "decoding")


def test_a_server_error_without_an_entry_is_tried_again(tmp_path: Path) -> None:
    with little_arxiv(PAPERS, first_times(2, Reply("<html>Bad gateway</html>", status=502))) as arxiv:
        batch, waits, _ = only_batch(arxiv.url, tmp_path)
    assert len(batch.papers) == 3
    assert waits == [5, 10]


def test_a_server_that_nobody_listens_at_is_a_gap_that_names_the_setting(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        batch, waits, _ = only_batch(f"http://127.0.0.1:{port}/api/query", tmp_path)
    assert waits == [5, 10]
    assert "no answer" in batch.gaps[0].error
    assert "FACTORY_ARXIV_URL" in batch.gaps[0].fix


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(feed([], total=3)), "is empty, though arXiv counts 3"),
        (Reply("<feed"), "broken XML"),
        (Reply("<html></html>"), "no Atom feed"),
        (Reply(feed([], total=3).replace(">3<", "><")), "totalResults"),
        (Reply(feed(PAPERS, total=3).replace("v1</id>", "!</id>")), "3 of 3 entries cannot be read"),
        (Reply(feed(PAPERS, total=3).replace(">3<", f">{'9' * 5_000}<")), "totalResults"),
        (Reply(feed(PAPERS, total=3)[:-200]), "broken XML"),
        (Reply(feed(PAPERS, total=3).replace("<title>A paper</title>", "")), "'title' is missing"),
        (Reply(feed(PAPERS, total=3).replace("2026-06-03T", "yesterday")), "is no paper"),
        (Reply(f'<!DOCTYPE x [<!ENTITY y "z">]>{feed([], total=0)}'), "document type"),
    ],
)
def test_a_page_that_should_not_be_is_asked_for_again_and_then_a_gap(
    tmp_path: Path, reply: Reply, said: str
) -> None:
    batch, waits, _ = failing_batch(reply, tmp_path)
    assert waits == [5, 10]
    assert said in batch.gaps[0].error
    with little_arxiv(PAPERS, first_times(1, reply)) as arxiv:
        batch, _, _ = only_batch(arxiv.url, tmp_path)
    assert len(batch.papers) == 3
    assert batch.gaps == ()


def test_an_empty_feed_that_counts_nothing_is_a_day_without_papers(tmp_path: Path) -> None:
    with little_arxiv() as arxiv:
        batch, _, _ = only_batch(arxiv.url, tmp_path)
    assert (batch.papers, batch.gaps, batch.requests) == ((), (), 1)


@pytest.mark.parametrize("status", [200, 400])
def test_an_error_entry_is_no_paper_and_splits_the_topics(tmp_path: Path, status: int) -> None:
    def refuse_joined(asked: Asked, number: int) -> Reply | None:
        return error_entry("query is too long", status=status) if len(asked.words) > 1 else None

    with little_arxiv(PAPERS, refuse_joined) as arxiv:
        batch, waits, notices = only_batch(arxiv.url, tmp_path)
    assert len(batch.papers) == 3
    assert batch.gaps == ()
    assert waits == []
    assert [asked.words for asked in arxiv.asked] == [["guardrail", "decoding"], ["guardrail"], ["decoding"]]
    assert "query is too long" in notices[0]


def test_a_topic_that_arxiv_refuses_alone_is_the_only_gap(tmp_path: Path) -> None:
    def refuse_decoding(asked: Asked, number: int) -> Reply | None:
        return error_entry("bad query", status=400) if "decoding" in asked.words else None

    with little_arxiv(PAPERS, refuse_decoding) as arxiv:
        batch, _, _ = only_batch(arxiv.url, tmp_path)
    assert len(batch.papers) == 3
    (gap,) = batch.gaps
    assert gap.topics == ("decoding",)
    assert "bad query" in gap.error
    assert "FACTORY_TOPICS_FILE" in gap.fix


def test_a_server_that_refuses_everything_is_not_asked_for_every_topic(tmp_path: Path) -> None:
    topics = [
        Topic(name=f"topic {number}", domain="d", expression=Term(SearchField.ABSTRACT, f"word{number}"))
        for number in range(38)
    ]
    with little_arxiv(PAPERS, always(error_entry("internal", status=500))) as arxiv:
        patient = patient_source(arxiv.url, tmp_path)
        (batch,) = patient.source.batches([DAY, date(2026, 6, 10)], topics)
    assert len(arxiv.asked) < 25
    missing = {(day, topic) for gap in batch.gaps for day in gap.dates for topic in gap.topics}
    assert len(missing) == 2 * 38


def test_a_403_ends_the_gather_and_names_every_date_not_asked_for(tmp_path: Path) -> None:
    with little_arxiv(PAPERS, always(Reply("Forbidden", status=403))) as arxiv:
        patient = patient_source(arxiv.url, tmp_path)
        (batch,) = patient.source.batches([DAY, date(2026, 6, 10), date(2026, 6, 20)], TOPICS)
    assert len(arxiv.asked) == 1
    assert [day for gap in batch.gaps for day in gap.dates] == [DAY, date(2026, 6, 10), date(2026, 6, 20)]


def test_a_bad_feed_on_one_window_leaves_the_others_alone(tmp_path: Path) -> None:
    def broken_first_day(asked: Asked, number: int) -> Reply | None:
        return Reply("<feed") if asked.dates[0].date() == DAY else None

    later = paper(900, "2026-06-10T10:00:00+00:00")
    with little_arxiv([*PAPERS, later], broken_first_day) as arxiv:
        patient = patient_source(arxiv.url, tmp_path)
        first, second = patient.source.batches([DAY, date(2026, 6, 10)], TOPICS)
    assert first.gaps[0].dates == (DAY,)
    assert second.papers == (later,)
    assert second.gaps == ()


@pytest.mark.parametrize("url", ["export.arxiv.org/api/query", "ftp://arxiv.org", "http://", "http://a:b"])
def test_a_wrong_address_is_a_clear_error_before_any_request(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match=r"no (web )?address") as caught:
        patient_source(url, tmp_path)
    assert caught.value.where == "FACTORY_ARXIV_URL"


def test_markup_and_line_breaks_in_titles_are_text(tmp_path: Path) -> None:
    odd = Paper(
        arxiv_id="hep-th/9901001",
        version=3,
        title="Why <think> & $x < y$\n  matter",
        abstract="A guardrail\nfor <b>you</b>",
        authors=("Ada  Lovelace", "G. H\u00f6lder"),
        categories=("cs.CL", "cs.AI"),
        comment="10 pages",
        published="2026-06-03T10:00:00Z",
        updated="2026-06-09T10:00:00Z",
    )
    with little_arxiv([odd]) as arxiv:
        batch, _, _ = only_batch(arxiv.url, tmp_path)
    (got,) = batch.papers
    assert got.arxiv_id == "hep-th/9901001"
    assert got.version == 3
    assert got.title == "Why <think> & $x < y$ matter"
    assert got.abstract == "A guardrail for <b>you</b>"
    assert got.authors == ("Ada Lovelace", "G. H\u00f6lder")
    assert got.categories == ("cs.CL", "cs.AI")
    assert got.comment == "10 pages"
    assert got.updated == odd.updated
