"""Fusion: which papers meet, what is shown of them, and what becomes of the spec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from analyze_fakes import NOW, PROMPTS, FakeModel, proposal
from ideas_fakes import DAY, claim, context, piece
from registry_samples import labelled, spec

from factory_assets.domain.analysis_report import AnalysisReport
from factory_assets.domain.research import PieceKind, ResearchContext
from factory_assets.ideas.fusion import choose_diverse, find_spaces, fuse, material_of
from factory_assets.ideas.synthesis import Synthesizer
from factory_assets.registry import Registry

CACHE = "The cache of keys and values is evicted by the age of its entries in serving."
TEXTS = {
    "2606.00001": f"{CACHE} We score each entry.",
    "2606.00002": f"{CACHE} We score each entry again.",
    "2606.00003": "Evicted entries of a cache in serving are fetched from disk when keys return.",
    "2606.00004": "Protein folding by diffusion over torsion angles.",
    "2606.00005": "Speech of infants is transcribed by phoneme.",
}
RANKS, LATE_RANKS = range(1, 4), range(4, 6)


def contexts(*ids: str) -> list[ResearchContext]:
    found = []
    for number, arxiv_id in enumerate(ids or tuple(TEXTS), start=1):
        own = piece(
            "C1", PieceKind.CANDIDATE, TEXTS[arxiv_id], arxiv_id=arxiv_id, url=f"https://a/{arxiv_id}"
        )
        method = piece("M1", PieceKind.METHOD, "Step.", arxiv_id=arxiv_id, url=f"https://m/{arxiv_id}")
        shared = piece("R1", PieceKind.REPOSITORY, "Watches.", url="https://r/shared", weight=0.9)
        others = [
            piece(f"R{n}", PieceKind.REPOSITORY, "Other.", url=f"https://r/{number}/{n}", weight=0.5)
            for n in range(2, 5)
        ]
        related = piece("P1", PieceKind.PAPER, "Near.", arxiv_id="2606.00003", url="https://a/2606.00003")
        found.append(context(arxiv_id, pieces=(own, method, related, shared, *others)))
    return found


def test_papers_of_one_problem_meet_and_no_paper_is_in_two_spaces() -> None:
    (space,) = find_spaces(contexts())
    assert space.papers == {"2606.00001", "2606.00002", "2606.00003"}


def test_of_two_that_are_as_near_the_one_that_differs_from_what_is_chosen_comes_first() -> None:
    vectors = {
        "seed": {"a": 0.8, "b": 0.6},
        "same": {"a": 0.75, "b": 0.66},
        "twin": {"a": 0.6, "c": 0.8},
        "other": {"b": 0.6, "d": 0.8},
        "far": {"e": 1.0},
    }
    assert choose_diverse("seed", ["twin", "other", "far"], vectors) == ["seed", "twin", "other"]
    # What is the same paper in other words adds nothing.
    assert "same" not in choose_diverse("seed", ["same", "twin"], vectors)


def test_a_paper_that_is_near_none_is_in_no_space() -> None:
    assert find_spaces(contexts("2606.00001", "2606.00004", "2606.00005")) == []


def test_pieces_get_new_ids_and_each_comes_once() -> None:
    (space,) = find_spaces(contexts())
    pieces = material_of(space, "2026-06-07").pieces
    ids = [each.id for each in pieces]
    assert len(set(ids)) == len(ids)
    assert [each.url for each in pieces].count("https://r/shared") == 1
    assert {each.id[0] for each in pieces} == {"C", "M", "R"}, (
        "a related paper that is a candidate is one already"
    )
    per_kind = {kind: sum(each.kind is kind for each in pieces) for kind in PieceKind}
    assert (per_kind[PieceKind.CANDIDATE], per_kind[PieceKind.METHOD]) == (3, 3)
    assert per_kind[PieceKind.REPOSITORY] == 6


def answered(*about: str) -> str:
    told = proposal("cache-fusion")
    steps = [claim("method step", "A step.", each) for each in about]
    return json.dumps({"spec": told, "why_none": "", "claims": [claim("problem", "So.", "C1"), *steps]})


def run(registry: Registry, model: FakeModel, *, taken: frozenset[str] = frozenset()) -> AnalysisReport:
    synthesizer = Synthesizer(
        day=DAY,
        model=model,
        model_name="claude-haiku-5-5",
        prompts_dir=PROMPTS,
        answers=registry.answers,
        queue=registry.queue,
        ledger=registry.ledger,
        papers=registry.papers.by_id,
        most_specs=3,
        ranks=range(0),
        late_ranks=LATE_RANKS,
        now=lambda: NOW,
        notify=lambda _line: None,
    )
    return fuse(
        contexts(), synthesizer, taken_names=registry.queue.taken_names(), fused=registry.evidence.fused()
    )


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry(tmp_path / "registry.duckdb")
    made.papers.upsert([labelled(arxiv_id=each) for each in TEXTS], now=NOW)
    return made


def test_a_fused_spec_rests_on_each_paper_takes_a_late_rank_and_marks_no_paper(registry: Registry) -> None:
    model = FakeModel([answered("M1", "M2")])
    (queued,) = run(registry, model).queued
    assert (
        set(queued.spec.source_papers) == {"2606.00001", "2606.00002"} or len(queued.spec.source_papers) == 2
    )
    assert queued.rank == 4
    assert "Task: fuse" in model.questions[0].prompt.splitlines()
    assert len(registry.papers.unanalysed(DAY)) == len(TEXTS)
    evidence = registry.evidence.of(queued.id)
    assert evidence is not None
    assert evidence.route == "fusion"


def test_a_tool_of_one_paper_is_no_fusion(registry: Registry) -> None:
    alone = answered("M1")
    report = run(registry, FakeModel([alone, alone]))
    assert report.queued == ()
    assert "rest on 1 of the candidates" in report.dropped[0].reasons[0]


def test_papers_that_have_met_are_not_asked_about_again(registry: Registry) -> None:
    run(registry, FakeModel([answered("M1", "M2")]))
    assert run(registry, FakeModel([])).queued == ()


def test_the_dates_own_specs_keep_their_ranks_after_a_fusion(registry: Registry) -> None:
    run(registry, FakeModel([answered("M1", "M2")]))
    queued = registry.queue.add(
        DAY, [spec("plain-tool")], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW
    )
    assert [each.rank for each in queued] == [1]
