"""Evidence, claims and answers for the tests of synthesis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from analyze_fakes import NOW, PROMPTS, FakeStore, proposal

from factory_assets.domain.agents import StructuredModel
from factory_assets.domain.analysis_report import AnalysisReport
from factory_assets.domain.evidence import CitedPiece, Claim, SpecEvidence
from factory_assets.domain.ideas import DayResearch
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import Candidate, Piece, PieceKind, ResearchContext
from factory_assets.ideas.synthesis import Synthesizer, synthesize

DAY = date(2026, 6, 3)
OWN, OTHER = "2606.00001", "2605.00009"
METHOD_TEXT = "Each step evicts the entry whose score is lowest.\nThe threshold is 0.25 of 1,000 entries."
ABSTRACT = "Caches that are “evicted” in arrival order lose 31% of their hits on long prompts."


def piece(name: str, kind: PieceKind, text: str, **fields: Any) -> Piece:
    values: dict[str, Any] = {
        "title": f"Title of {name}",
        "url": f"https://example.org/{name}",
        "relation": "similar",
        "weight": 0.9,
        "licence": None,
    }
    return Piece(id=name, kind=kind, text=text, **{**values, **fields})


def context(arxiv_id: str = OWN, **fields: Any) -> ResearchContext:
    pieces = (
        piece("C1", PieceKind.CANDIDATE, ABSTRACT, arxiv_id=arxiv_id),
        piece(
            "M1",
            PieceKind.METHOD,
            METHOD_TEXT,
            arxiv_id=arxiv_id,
            licence="http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
        ),
        piece("P1", PieceKind.PAPER, "We score entries by their last use.", arxiv_id=OTHER),
        piece(
            "R1",
            PieceKind.REPOSITORY,
            "# cache-watch\nShows which entries are evicted, and does not say why.",
            licence="MIT",
            stars=120,
            pushed=date(2026, 5, 2),
        ),
    )
    values: dict[str, Any] = {
        "arxiv_id": arxiv_id,
        "day": DAY,
        "pieces": pieces,
        "gaps": (),
        "made_at": datetime(2026, 6, 4, tzinfo=UTC),
    }
    return ResearchContext(**{**values, **fields})


def claim(kind: str, text: str, *pieces: str, quotes: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    told = [{"piece": name, "text": quoted} for name, quoted in quotes]
    return {"kind": kind, "text": text, "pieces": list(pieces), "quotes": told}


PROBLEM = claim("problem", "Arrival order loses 31% of the hits.", "C1")
STEP = claim("method step", "The lowest score is evicted.", "M1")


def answer_json(name: str = "cache-order", *claims: dict[str, Any], **fields: Any) -> str:
    spec = proposal(name, OWN, **fields)
    return json.dumps({"spec": spec, "why_none": "", "claims": list(claims) or [PROBLEM, STEP]})


def nothing_json(why: str = "It needs a trained model.") -> str:
    return json.dumps({"spec": None, "why_none": why, "claims": []})


def research(*contexts: ResearchContext, others: Sequence[str] = (), late: Sequence[str] = ()) -> DayResearch:
    """Contexts of chosen candidates in their order, `others` that were not chosen, and papers that came `late`."""
    chosen = [each.arxiv_id for each in contexts]
    return DayResearch(
        candidates=tuple(
            Candidate(
                arxiv_id=arxiv_id,
                day=DAY,
                score=100 - place,
                reasons=(),
                place=place,
                chosen=arxiv_id in chosen,
            )
            for place, arxiv_id in enumerate([*chosen, *others], start=1)
        ),
        contexts=contexts,
        unread=frozenset([*chosen, *others, *late]),
    )


def run_synthesis(
    found: DayResearch,
    model: StructuredModel,
    store: FakeStore,
    *,
    taken: Sequence[str] = (),
    most: int = 15,
    papers: Sequence[Paper] = (),
    notices: list[str] | None = None,
    day: date = DAY,
) -> AnalysisReport:
    known = {paper.arxiv_id: paper for paper in papers}
    synthesizer = Synthesizer(
        day=day,
        model=model,
        model_name="claude-haiku-5-5",
        prompts_dir=PROMPTS,
        answers=store,
        queue=store,
        ledger=store,
        papers=lambda ids: [known[each] for each in ids if each in known],
        most_specs=most,
        ranks=range(1, 31),
        late_ranks=range(31, 41),
        now=lambda: NOW,
        notify=(notices if notices is not None else []).append,
    )
    return synthesize(found, synthesizer, taken_names=taken)


def evidence_of(*claims: dict[str, Any], papers: Sequence[Paper] = ()) -> SpecEvidence:
    """What a spec rests on whose claims are these, over the pieces of `context`."""
    told = tuple(Claim.model_validate(each) for each in claims)
    cited = {name for each in told for name in each.pieces}
    return SpecEvidence(
        route="research",
        model="claude-haiku-5-5",
        claims=told,
        pieces=tuple(CitedPiece.of(each) for each in context().pieces if each.id in cited),
        papers=tuple(papers),
        gaps=("GitHub's search was cut short",),
    )
