"""The records that the archive is measured with, and what is told of a measurement."""

from __future__ import annotations

import pytest

from bench import archive_relevance, bench_archive
from bench.archive_quality import Quality
from bench.archive_records import MONTHS, changed_records, made_records
from bench.archive_relevance import Relevance, judged


def test_made_records_are_as_many_as_asked_all_unequal_and_the_same_each_time() -> None:
    records = list(made_records(2000))
    assert len({record.arxiv_id for record in records}) == 2000
    assert len({record.abstract for record in records}) == 2000
    assert len({record.month for record in records}) > MONTHS * 0.9
    assert records == list(made_records(2000))


def test_a_days_records_are_of_so_many_months_and_most_of_them_are_known() -> None:
    known = {record.arxiv_id for record in made_records(20_000)}
    day = list(changed_records(300, 20_000, months=20))
    assert len({record.month for record in day}) == 20
    assert sum(record.arxiv_id in known for record in day) == 200


def test_what_is_found_is_held_against_the_tags_of_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    papers = list(made_records(60))
    first, second = papers[0], papers[-1]
    wanted = {first.title: {first.arxiv_id}, second.title: {second.arxiv_id, "2606.99999"}}
    monkeypatch.setattr(archive_relevance, "_set", lambda: (papers, wanted))
    many, questions, (words, space) = judged()
    assert (many, questions) == (60, 2)
    assert (words.way, space.way) == ("words (BM25)", "the learned space")
    # Each title finds its own paper first; the paper that is none is found by nobody, and half of that question.
    assert words.reciprocal == 1
    assert words.precision == pytest.approx(0.75)
    assert 0.5 < words.ndcg < 1
    assert 0 < space.reciprocal <= 1


@pytest.mark.parametrize(
    ("mib", "search", "own", "missed"),
    [
        (2000, 0.03, 0.7, []),
        (2100, 0.03, 0.7, ["**Missed** by: 20."]),
        (100, 1.0, 0.7, ["**Missed** by: search."]),
        (100, 0.03, 0.5, ["**Missed** by: R@1."]),
    ],
)
def test_a_measurement_tells_which_target_it_misses(
    monkeypatch: pytest.MonkeyPatch, mib: float, search: float, own: float, missed: list[str]
) -> None:
    def size(records: int, mib: float, search: float) -> bench_archive._Size:
        took = {"seconds": 9.0, "worked": 8.0, "mib": mib}
        steps = dict.fromkeys(("load", "index", "space"), took)
        steps |= {f"{name} of a day": {**took, "worked": 0.5} for name in ("load", "index", "space")}
        steps |= {name: {**took, "p50": search, "p99": 2 * search} for name in ("search", "similar")}
        return bench_archive._Size(records, steps, 2**20, 2**21, 2**22)

    ways = [Quality("words", 0.96, 0.98), Quality("space", own, 0.8, 0.8, 0.7)]
    monkeypatch.setattr(bench_archive, "measured", lambda: (50, ways))
    judged_by = [Relevance("words (BM25)", 0.51, 0.42, 0.63), Relevance("the learned space", 0.3, 0.2, 0.4)]
    monkeypatch.setattr(bench_archive, "judged", lambda: (400, 90, judged_by))
    told = bench_archive.told([size(10, 50, 0.02), size(20, mib, search)])
    assert "| 20 | 1 MiB | 2 MiB | 4 MiB |" in told
    assert "(it is 6.2%)" in told
    assert "By 50 of the sample's 50 papers" in told
    assert "By 90 tags of the 400 papers" in told
    assert "| words (BM25) | 0.510 | 0.420 | 0.630 |" in told
    assert [line[line.index("**Missed") :] for line in told.splitlines() if "**Missed" in line] == missed
