"""Papers in the registry: upsert, labels, versions, days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, labelled, paper

from factory_assets.domain.papers import LabelledPaper, UpsertCounts
from factory_assets.registry import Registry
from factory_assets.registry.papers import BATCH

LATER = NOW + timedelta(days=1)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def _rows(tmp_path: Path, sql: str) -> list[tuple[object, ...]]:
    with Registry(tmp_path / "registry.duckdb")._database.transaction() as connection:
        return connection.execute(sql).fetchall()


def _fingerprint(registry: Registry, day: date = DAY) -> str:
    return registry.papers.contents_of([day])[day].fingerprint


def _feed(registry: Registry, *ids: str) -> None:
    registry.queue.add(DAY, [], ids, dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)


def test_a_paper_comes_back_as_it_was_stored(registry: Registry) -> None:
    stored = labelled("kv-cache", "serving", arxiv_id="hep-th/9901001", comment="12 pages")
    assert registry.papers.upsert([stored], now=NOW) == UpsertCounts(new=1)
    assert registry.papers.of_day(DAY) == [stored]


def test_raw_items_hold_what_users_look_for(registry: Registry, tmp_path: Path) -> None:
    registry.papers.upsert([labelled()], now=NOW)
    columns = "id, source, url, body, score, author, created_at, gathered_at, fed_to_claude"
    assert _rows(tmp_path, f"SELECT {columns} FROM raw_items") == [
        (
            "2606.01234",
            "arxiv",
            "https://arxiv.org/abs/2606.01234",
            "We cache keys.\nAnd values: $O(n)$.",
            None,
            "Ada Löve, Jr., Alan T.",
            paper().published.replace(tzinfo=None),
            NOW.replace(tzinfo=None),
            False,
        )
    ]


def test_the_same_batch_twice_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    batch = [labelled("rag", arxiv_id="2606.00001"), labelled("lora", "rag", arxiv_id="2606.00002")]
    everything = "SELECT * FROM raw_items JOIN labels ON item_id = id ORDER BY id, topic"
    assert registry.papers.upsert(batch, now=NOW) == UpsertCounts(new=2)
    before = _rows(tmp_path, everything)
    assert registry.papers.upsert(batch, now=LATER) == UpsertCounts(unchanged=2)
    assert _rows(tmp_path, everything) == before


def test_new_updated_and_unchanged_papers_are_counted_apart(registry: Registry) -> None:
    registry.papers.upsert([labelled(arxiv_id="2606.00001"), labelled(arxiv_id="2606.00002")], now=NOW)
    batch = [
        labelled(arxiv_id="2606.00001"),
        labelled(arxiv_id="2606.00002", version=2, title="Better"),
        labelled(arxiv_id="2606.00003"),
    ]
    assert registry.papers.upsert(batch, now=LATER) == UpsertCounts(new=1, updated=1, unchanged=1)


def test_an_updated_paper_keeps_its_gathered_at_and_its_fed_mark(registry: Registry, tmp_path: Path) -> None:
    registry.papers.upsert([labelled()], now=NOW)
    _feed(registry, "2606.01234")
    registry.papers.upsert([labelled(version=2, title="Better", updated=LATER)], now=LATER)
    assert _rows(tmp_path, "SELECT title, version, gathered_at, fed_to_claude FROM raw_items") == [
        ("Better", 2, NOW.replace(tzinfo=None), True)
    ]
    assert registry.papers.unanalysed(DAY) == []


def test_an_older_version_never_overwrites_a_newer_one(registry: Registry) -> None:
    newer = labelled("rag", version=3, title="Third")
    registry.papers.upsert([newer], now=NOW)
    counts = registry.papers.upsert([labelled("lora", version=2, title="Second")], now=LATER)
    assert counts == UpsertCounts(unchanged=1)
    assert registry.papers.of_day(DAY) == [newer]


def test_of_two_versions_in_one_batch_the_newer_is_kept(registry: Registry) -> None:
    newer = labelled(version=2, title="Second")
    assert registry.papers.upsert([newer, labelled(title="First")], now=NOW) == UpsertCounts(new=1)
    assert registry.papers.of_day(DAY) == [newer]


def test_labels_are_replaced_not_added_to(registry: Registry) -> None:
    registry.papers.upsert([labelled("lora", "rag"), labelled("rag", arxiv_id="2606.00002")], now=NOW)
    assert registry.papers.upsert([labelled("rag", "serving")], now=LATER) == UpsertCounts(updated=1)
    topics = {entry.paper.arxiv_id: entry.topics for entry in registry.papers.of_day(DAY)}
    assert topics == {"2606.01234": ("rag", "serving"), "2606.00002": ("rag",)}


def test_a_new_version_under_other_topics_is_stored_whole(registry: Registry) -> None:
    registry.papers.upsert([labelled("lora", "rag"), labelled("rag", arxiv_id="2606.00002")], now=NOW)
    moved = LATER + timedelta(days=1)
    newer = labelled(
        "rag",
        "serving",
        version=2,
        title="T",
        abstract="A",
        authors=("B",),
        categories=("cs.CL",),
        comment="C",
        published=moved,
        updated=moved,
    )
    assert registry.papers.upsert([newer], now=LATER) == UpsertCounts(updated=1)
    assert registry.papers.of_day(moved.date()) == [newer]
    assert [entry.topics for entry in registry.papers.of_day(DAY)] == [("rag",)]


def test_a_paper_that_matches_no_topic_any_more_keeps_no_label(registry: Registry) -> None:
    registry.papers.upsert([labelled("lora")], now=NOW)
    bare = LabelledPaper(paper=paper(), topics=())
    assert registry.papers.upsert([bare], now=LATER) == UpsertCounts(updated=1)
    assert registry.papers.of_day(DAY) == [bare]


def test_a_batch_longer_than_one_statement_is_stored_whole(registry: Registry) -> None:
    batch = [labelled(arxiv_id=f"{2000 + n // 50000:04d}.{n % 50000:05d}") for n in range(BATCH + 7)]
    assert registry.papers.upsert(batch, now=NOW) == UpsertCounts(new=BATCH + 7)
    assert registry.papers.upsert(batch, now=NOW) == UpsertCounts(unchanged=BATCH + 7)


def test_no_papers_is_no_change(registry: Registry) -> None:
    assert registry.papers.upsert([], now=NOW) == UpsertCounts()


def test_a_day_begins_and_ends_at_midnight_utc(registry: Registry) -> None:
    last = labelled(arxiv_id="2606.00001", published=datetime(2026, 6, 3, 23, 59, 59, tzinfo=UTC))
    first = labelled(arxiv_id="2606.00002", published=datetime(2026, 6, 4, tzinfo=UTC))
    registry.papers.upsert([last, first], now=NOW)
    assert registry.papers.of_day(DAY) == [last]
    assert registry.papers.of_day(date(2026, 6, 4)) == [first]


def test_what_is_shown_of_several_days_is_what_each_of_them_holds(registry: Registry) -> None:
    later = datetime(2026, 6, 4, tzinfo=UTC)
    batch = [
        labelled("rag", "lora", arxiv_id="2606.2"),
        labelled("rag", arxiv_id="2606.1", published=paper().published + timedelta(minutes=1)),
        labelled("lora", arxiv_id="2606.9", published=later),
    ]
    registry.papers.upsert(batch, now=NOW)
    days = [DAY, later.date(), date(2026, 6, 5)]
    for day, contents in registry.papers.contents_of(days).items():
        assert contents.fingerprint == _fingerprint(registry, day)
        assert [(one.arxiv_id, one.title, one.topics) for one in contents.papers] == [
            (one.paper.arxiv_id, one.paper.title, one.topics) for one in registry.papers.of_day(day)
        ]
    assert [one.arxiv_id for one in registry.papers.contents_of(days)[DAY].papers] == ["2606.2", "2606.1"]


def test_unanalysed_papers_come_oldest_first_and_by_id_where_equal(registry: Registry) -> None:
    noon = datetime(2026, 6, 3, 12, tzinfo=UTC)
    batch = [
        labelled(arxiv_id="2606.00009", published=noon),
        labelled(arxiv_id="2606.00002", published=noon),
        labelled(arxiv_id="2606.00007", published=noon - timedelta(hours=1)),
        labelled(arxiv_id="2606.00001", published=noon),
    ]
    registry.papers.upsert(batch, now=NOW)
    _feed(registry, "2606.00001")
    found = [entry.arxiv_id for entry in registry.papers.unanalysed(DAY)]
    assert found == ["2606.00007", "2606.00002", "2606.00009"]


def test_papers_by_id_keep_the_order_asked_for_and_leave_out_strangers(registry: Registry) -> None:
    registry.papers.upsert([labelled(arxiv_id="2606.00001"), labelled(arxiv_id="2606.00002")], now=NOW)
    found = registry.papers.by_id(["2606.00002", "2606.77777", "2606.00001"])
    assert found == [paper("2606.00002"), paper("2606.00001")]
    assert registry.papers.by_id([]) == []


def test_the_fingerprint_of_a_day_follows_its_content_alone(registry: Registry) -> None:
    registry.papers.upsert([labelled("rag")], now=NOW)
    first = _fingerprint(registry)
    registry.papers.upsert([labelled("rag")], now=LATER)
    _feed(registry, "2606.01234")
    registry.papers.upsert([labelled(arxiv_id="2606.9", published=datetime(2026, 6, 4, tzinfo=UTC))], now=NOW)
    assert _fingerprint(registry) == first
    registry.papers.upsert([labelled("lora")], now=NOW)
    relabelled = _fingerprint(registry)
    registry.papers.upsert([labelled("lora", version=2)], now=NOW)
    assert len({first, relabelled, _fingerprint(registry)}) == 3


@pytest.mark.parametrize(
    "odd",
    [
        {"title": "a\0b"},
        {"abstract": "a\ud800b"},
        {"authors": ("\udfff",)},
        {"version": 2**31},
        {"version": 0},
    ],
)
def test_what_could_not_be_stored_is_no_paper_so_that_no_batch_is_lost_over_it(
    odd: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        paper(**odd)


def test_how_long_something_has_been_missing_of_a_date_is_kept_until_the_date_is_whole(
    registry: Registry,
) -> None:
    other = DAY + timedelta(days=1)
    registry.gathers.note([DAY, other], {DAY: "a page stays short"}, now=NOW)
    registry.gathers.note([DAY], {DAY: "2606.17002v1: no title"}, now=LATER)
    assert registry.gathers.incomplete_dates() == {DAY: NOW}
    registry.gathers.note([other], {}, now=LATER)
    assert registry.gathers.incomplete_dates() == {DAY: NOW}
    registry.gathers.note([DAY, other], {}, now=LATER)
    assert registry.gathers.incomplete_dates() == {}
