"""Candidates and the research around them: kept by date, replaced as a whole, told in their order."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from registry_samples import DAY, NOW

from factory_assets.domain.research import Candidate, OpenDate, Piece, PieceKind, Reason, ResearchContext
from factory_assets.registry import IdeaCounts, Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def candidate(arxiv_id: str, place: int, *, chosen: bool = True) -> Candidate:
    reasons = (Reason(what="submitted 2 days ago", points=20), Reason(what="cs.SE", points=15.5))
    return Candidate(arxiv_id=arxiv_id, day=DAY, score=35.5, reasons=reasons, place=place, chosen=chosen)


def context(arxiv_id: str, *gaps: str, made_at: datetime = NOW) -> ResearchContext:
    pieces = (
        Piece(
            id="R1",
            kind=PieceKind.REPOSITORY,
            title="acme/cache",
            url="https://github.com/acme/cache",
            text="A cache.",
            relation='found by "cache"',
            weight=0.5,
            licence="MIT",
            stars=12,
            pushed=date(2026, 5, 1),
        ),
    )
    return ResearchContext(arxiv_id=arxiv_id, day=DAY, pieces=pieces, gaps=gaps, made_at=made_at)


def test_candidates_come_back_whole_the_best_one_first(registry: Registry) -> None:
    best, next_one = candidate("2606.00002", 1), candidate("hep-th/9901001", 2, chosen=False)
    registry.ideas.record_candidates(DAY, [next_one, best], now=NOW)
    assert registry.ideas.candidates(DAY) == [best, next_one]
    assert registry.ideas.candidates(DAY + timedelta(days=1)) == []


def test_candidates_take_the_place_of_those_kept_before_and_twice_is_once(registry: Registry) -> None:
    registry.ideas.record_candidates(DAY, [candidate("2606.00001", 1), candidate("2606.00002", 2)], now=NOW)
    later = [candidate("2606.00003", 1), candidate("2606.00001", 2, chosen=False)]
    for _ in range(2):
        registry.ideas.record_candidates(DAY, later, now=NOW)
    assert registry.ideas.candidates(DAY) == later
    registry.ideas.record_candidates(DAY, [], now=NOW)
    assert registry.ideas.candidates(DAY) == []


def test_contexts_come_in_the_order_of_their_candidates_and_the_latest_counts(registry: Registry) -> None:
    registry.ideas.record_candidates(DAY, [candidate("2606.00001", 1), candidate("2606.00002", 2)], now=NOW)
    registry.ideas.record_context(context("2606.00002", "GitHub: 403"))
    registry.ideas.record_context(context("2606.00001"))
    assert registry.ideas.contexts(DAY) == [context("2606.00001"), context("2606.00002", "GitHub: 403")]
    registry.ideas.record_context(context("2606.00002"))
    assert registry.ideas.contexts(DAY) == [context("2606.00001"), context("2606.00002")]


def test_the_context_of_a_candidate_that_is_not_chosen_any_more_waits_until_it_is_again(
    registry: Registry,
) -> None:
    registry.ideas.record_candidates(DAY, [candidate("2606.00001", 1)], now=NOW)
    registry.ideas.record_context(context("2606.00001"))
    registry.ideas.record_candidates(DAY, [candidate("2606.00001", 1, chosen=False)], now=NOW)
    assert registry.ideas.contexts(DAY) == []
    registry.ideas.record_candidates(DAY, [candidate("2606.00001", 1)], now=NOW)
    assert registry.ideas.contexts(DAY) == [context("2606.00001")]


def test_each_date_tells_how_far_its_ideas_have_come(registry: Registry) -> None:
    chosen = [candidate("2606.00001", 1), candidate("2606.00002", 2), candidate("2606.00003", 3)]
    registry.ideas.record_candidates(DAY, [*chosen, candidate("2606.00004", 4, chosen=False)], now=NOW)
    registry.ideas.record_context(context("2606.00001"))
    registry.ideas.record_context(context("2606.00002", "GitHub: 403"))
    registry.ideas.record_context(context("2606.00004"))
    assert registry.ideas.days() == [IdeaCounts(day=DAY, candidates=4, chosen=3, contexts=2, with_gaps=1)]


def test_a_date_is_open_from_the_first_gap_until_there_is_none(registry: Registry) -> None:
    later = NOW + timedelta(hours=5)
    registry.ideas.record_candidates(DAY, [candidate("2606.00001", 1), candidate("2606.00002", 2)], now=NOW)
    # Nobody has looked around it yet, so that nothing is missing.
    assert registry.ideas.open_dates(since=NOW) == []
    registry.ideas.record_context(context("2606.00001", "repositories: 403", "full text: x"))
    registry.ideas.record_context(context("2606.00002", "repositories: 403", made_at=later))
    told = ("repositories: 403", "full text: x")
    assert registry.ideas.open_dates(since=NOW) == [OpenDate(day=DAY, since=NOW, looked_at=later, gaps=told)]
    assert registry.ideas.open_dates(since=NOW + timedelta(seconds=1)) == []
    # It is not younger for having been looked around again.
    registry.ideas.record_context(context("2606.00001", "full text: x", made_at=later))
    registry.ideas.record_context(context("2606.00002", made_at=later))
    (found,) = registry.ideas.open_dates(since=NOW)
    assert (found.since, found.looked_at, found.gaps) == (NOW, later, ("full text: x",))
    registry.ideas.record_context(context("2606.00001", made_at=later))
    assert registry.ideas.open_dates(since=NOW) == []
    registry.ideas.record_context(context("2606.00001", "full text: y", made_at=later))
    (found,) = registry.ideas.open_dates(since=NOW)
    assert found.since == later


def test_a_date_whose_last_candidates_nobody_came_to_is_open(registry: Registry) -> None:
    chosen = [candidate("2606.00001", 1), candidate("2606.00002", 2)]
    registry.ideas.record_candidates(DAY, [*chosen, candidate("2606.00003", 3, chosen=False)], now=NOW)
    registry.ideas.record_context(context("2606.00001"))
    (found,) = registry.ideas.open_dates(since=NOW)
    assert (found.since, found.looked_at) == (NOW, NOW)
    assert "nobody has looked" in found.gaps[0]
    registry.ideas.record_context(context("2606.00002"))
    registry.ideas.record_context(context("2606.00003", "repositories: 403"))
    assert registry.ideas.open_dates(since=NOW) == []
