"""Citations in the registry: replaced at once by source, walked in both directions, on DuckDB and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from memory_registry import rows

from factory_assets.domain.citations import (
    CitationDegrees,
    CitationStore,
    LinkedPaper,
    PaperCitations,
    SourceCounts,
)
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.research import CitationDirection, CitedPaper
from factory_assets.registry import Registry

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)
OLD = "hep-th/9901001"
CITED_BY, REFERENCES = CitationDirection.CITED_BY, CitationDirection.REFERENCES


def told(
    about: str,
    *,
    by: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    source: str = "openalex",
    known: bool = True,
) -> PaperCitations:
    """What a source says of a paper: who cites it, and what it names."""
    counts = SourceCounts(
        arxiv_id=about,
        source=source,
        fetched_at=NOW,
        cited_by=len(by) + 7 if known else None,
        references=len(names) if known else None,
    )
    return PaperCitations(
        counts=counts,
        title=f"Of {about}" if known else "",
        citing=tuple(LinkedPaper(arxiv_id=paper, title=f"Of {paper}") for paper in by),
        cited=tuple(LinkedPaper(arxiv_id=paper, title="") for paper in names),
    )


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


@pytest.fixture
def kept(registry: Registry) -> CitationStore:
    return registry.citations


def ids(papers: list[CitedPaper]) -> list[str]:
    return [paper.arxiv_id for paper in papers]


def test_both_directions_are_found_from_either_end_with_titles_and_the_newest_first(
    kept: CitationStore,
) -> None:
    kept.keep([told("2606.00001", by=("2606.00007", "2607.00002"), names=(OLD, "2501.00001"))])
    assert kept.related("2606.00001", CITED_BY) == [
        CitedPaper(arxiv_id="2607.00002", title="Of 2607.00002", steps=1),
        CitedPaper(arxiv_id="2606.00007", title="Of 2606.00007", steps=1),
    ]
    assert kept.related("2606.00001", REFERENCES) == [
        CitedPaper(arxiv_id="2501.00001", title="", steps=1),
        CitedPaper(arxiv_id=OLD, title="", steps=1),
    ]
    assert kept.related(OLD, CITED_BY) == [CitedPaper(arxiv_id="2606.00001", title="Of 2606.00001", steps=1)]
    assert ids(kept.related("2607.00002", REFERENCES)) == ["2606.00001"]
    assert kept.related("2606.00001", CITED_BY, count=1)[0].arxiv_id == "2607.00002"
    assert kept.related("2606.99999", CITED_BY) == []


def test_two_steps_go_on_from_the_first_and_each_paper_counts_by_its_shortest_way(
    kept: CitationStore,
) -> None:
    kept.keep([told("2606.00001", names=("2605.00001", "2604.00001"))])
    kept.keep([told("2605.00001", names=("2604.00001", "2603.00001", "2606.00001"))])
    kept.keep([told("2603.00001", names=("2602.00001",))])
    found = kept.related("2606.00001", REFERENCES, steps=2)
    assert [(paper.arxiv_id, paper.steps) for paper in found] == [
        ("2605.00001", 1),
        ("2604.00001", 1),
        ("2603.00001", 2),
    ]
    assert [(paper.arxiv_id, paper.steps) for paper in kept.related("2603.00001", CITED_BY, steps=2)] == [
        ("2605.00001", 1),
        ("2606.00001", 2),
    ]


def test_asking_again_replaces_what_that_source_said_of_that_paper_and_nothing_else(
    kept: CitationStore,
) -> None:
    kept.keep([told("2606.00001", by=("2607.00001", "2607.00002"), names=("2501.00001",))])
    kept.keep([told("2606.00001", by=("2607.00003",), source="semanticscholar")])
    kept.keep([told("2607.00009", names=("2606.00001",))])
    kept.keep([told("2606.00001", by=("2607.00002",))])
    assert ids(kept.related("2606.00001", CITED_BY)) == ["2607.00009", "2607.00003", "2607.00002"]
    assert kept.related("2606.00001", REFERENCES) == []
    assert kept.degrees("2606.00001") == CitationDegrees(cited_by=3, references=0)


def test_a_citation_that_is_told_from_both_ends_and_by_two_sources_counts_once(kept: CitationStore) -> None:
    kept.keep([told("2606.00001", by=("2607.00001", "2607.00001"))])
    kept.keep([told("2607.00001", names=("2606.00001",), source="semanticscholar")])
    kept.keep([told("2607.00001", names=("2606.00001",))])
    assert ids(kept.related("2606.00001", CITED_BY)) == ["2607.00001"]
    assert (kept.total(), kept.degrees("2607.00001")) == (1, CitationDegrees(cited_by=0, references=1))


def test_counts_come_back_by_source_and_a_paper_that_is_not_known_has_none_rather_than_zero(
    kept: CitationStore,
) -> None:
    kept.keep([told(OLD, by=("2607.00001",))])
    kept.keep([told(OLD, source="semanticscholar", known=False)])
    found = {counts.source: counts for counts in kept.counts([OLD, "2606.99999"])}
    assert (found["openalex"].cited_by, found["openalex"].fetched_at) == (8, NOW)
    assert (found["semanticscholar"].cited_by, found["semanticscholar"].references) == (None, None)
    assert not found["semanticscholar"].is_known
    assert len(found) == 2


def test_what_was_told_long_ago_is_forgotten_and_nothing_that_came_later(registry: Registry) -> None:
    kept = registry.citations
    kept.keep([told("2606.00001", by=("2607.00001",)), told("2606.00002", by=("2607.00001", "2607.00002"))])
    later = told("2606.00002", names=("2501.00001",), source="semantic scholar")
    moved = later.counts.model_copy(update={"fetched_at": NOW + timedelta(days=1)})
    kept.keep([later.model_copy(update={"counts": moved})])
    kept.forget(NOW)
    assert kept.total() == 4
    kept.forget(NOW + timedelta(hours=1))
    assert kept.total() == 1
    assert kept.counts(["2606.00001", "2606.00002"]) == [moved]
    assert ids(kept.related("2606.00002", REFERENCES)) == ["2501.00001"]
    titles = rows(registry, "SELECT arxiv_id FROM citation_titles ORDER BY arxiv_id")
    assert [row["arxiv_id"] for row in titles] == ["2606.00002"]


def test_an_empty_store_has_nothing(kept: CitationStore) -> None:
    assert (kept.total(), kept.counts([OLD]), kept.related(OLD, CITED_BY)) == (0, [], [])
    assert kept.degrees(OLD) == CitationDegrees(cited_by=0, references=0)


def test_what_breaks_half_way_leaves_what_was_kept_before(kept: CitationStore) -> None:
    kept.keep([told("2606.00001", by=("2607.00001",))])
    end = LinkedPaper(arxiv_id="2607.00002", title="").model_copy(update={"title": "half a pair: \ud800"})
    broken = told("2606.00001").model_copy(update={"citing": (end,)})
    with pytest.raises((duckdb.Error, UnicodeEncodeError)):
        kept.keep([told("2606.00002", by=("2607.00001",)), broken])
    assert kept.counts(["2606.00002"]) == []
    assert ids(kept.related("2606.00001", CITED_BY)) == ["2607.00001"]


def test_it_is_there_for_whoever_only_reads(registry: Registry) -> None:
    registry.citations.keep([told("2606.00001", by=("2607.00001",))])
    assert registry.reading().citations.total() == 1
    with pytest.raises(InfrastructureError):
        registry.reading().citations.keep([told("2606.00001")])
