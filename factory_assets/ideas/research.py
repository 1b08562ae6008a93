"""The research around the chosen candidates of a date: each context is kept as soon as it is made.

What could not be looked up is a gap: it is told in words and looked up again the next time, and what had been found
before is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.full_text import excerpt, method_section
from factory_assets.domain.papers import Paper
from factory_assets.domain.ports import IdeaStore
from factory_assets.domain.research import (
    NOT_HELD,
    CitationDirection,
    CitationGraph,
    CitedPaper,
    FullTexts,
    Neighbours,
    Piece,
    PieceKind,
    ResearchContext,
    SimilarPaper,
)
from factory_assets.domain.text import counted, single_line, strip_hidden
from factory_assets.ideas.related import own_piece, related_pieces
from factory_assets.ideas.repositories import Repositories

_SIMILAR = 20
_CITED = 30


class Part(StrEnum):
    """What is looked for around a candidate; each gap begins with one of them."""

    PAPERS = "related papers"
    REPOSITORIES = "repositories"
    TEXT = "full text"


_KINDS = {
    Part.PAPERS: PieceKind.PAPER,
    Part.REPOSITORIES: PieceKind.REPOSITORY,
    Part.TEXT: PieceKind.METHOD,
}
_Found = tuple[tuple[Piece, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Sources:
    """Where it is looked.

    `held` reads records of the archive by arXiv id; `disagreeing` finds words of disagreement.
    """

    neighbours: Neighbours
    citations: CitationGraph
    texts: FullTexts
    repositories: Repositories
    held: Callable[[Sequence[str]], Sequence[ArchiveRecord]]
    disagreeing: re.Pattern[str]


def research(
    day: date,
    papers: Sequence[Paper],
    sources: Sources,
    store: IdeaStore,
    *,
    now: Callable[[], datetime],
    notify: Callable[[str], None],
    clean: Callable[[str], str],
) -> list[ResearchContext]:
    """The contexts of a date's chosen candidates, whose `papers` these are, in their order.

    One that has no gap stays as it is. `clean` takes the secrets out of what an error says.
    """
    known = {context.arxiv_id: context for context in store.contexts(day)}
    for place, paper in enumerate(papers, start=1):
        before = known.get(paper.arxiv_id)
        if before is not None and not before.gaps:
            continue
        context = look_around(paper, day, sources, before, now=now, clean=clean)
        store.record_context(context)
        known[paper.arxiv_id] = context
        gaps = f", {counted(len(context.gaps), 'gap', 'gaps')}" if context.gaps else ""
        pieces = counted(len(context.pieces), "piece", "pieces")
        notify(f"{place} of {len(papers)}: {paper.arxiv_id}: {pieces}{gaps}")
    return [known[paper.arxiv_id] for paper in papers]


def has_nothing(context: ResearchContext) -> bool:
    """Whether there is nothing in it but the candidate, because nothing could be looked up."""
    return len(context.pieces) == 1 and all(
        any(gap.startswith(part) for gap in context.gaps) for part in Part
    )


def look_around(
    paper: Paper,
    day: date,
    sources: Sources,
    before: ResearchContext | None,
    *,
    now: Callable[[], datetime],
    clean: Callable[[str], str],
) -> ResearchContext:
    """What there is around a paper. Of what was found `before`, only what has gaps is looked up again."""
    looks: dict[Part, Callable[[], _Found]] = {
        Part.PAPERS: lambda: _papers(paper, sources),
        Part.REPOSITORIES: lambda: sources.repositories.around(paper, _whole_repositories(before)),
        Part.TEXT: lambda: _method(paper, sources.texts),
    }
    pieces, gaps = [own_piece(paper)], list[str]()
    for part, look in looks.items():
        had = tuple(piece for piece in before.pieces if piece.kind is _KINDS[part]) if before else ()
        if before is not None and not any(gap.startswith(part) for gap in before.gaps):
            pieces += had
            continue
        found, missing = look()
        # A fault must not take away what was found without it.
        pieces += had if missing and len(had) > len(found) else found
        gaps += [f"{part}: {single_line(clean(why))}" for why in missing]
    return ResearchContext(
        arxiv_id=paper.arxiv_id, day=day, pieces=tuple(pieces), gaps=tuple(gaps), made_at=now()
    )


def _papers(paper: Paper, sources: Sources) -> _Found:
    gaps: list[str] = []
    similar: list[SimilarPaper] = []
    cited: dict[CitationDirection, list[CitedPaper]] = {}
    records: dict[str, ArchiveRecord] = {}
    try:
        if sources.held([paper.arxiv_id]):
            similar = sources.neighbours.similar(paper.arxiv_id, _SIMILAR)
        else:
            gaps.append(f"{NOT_HELD}, so that none like it was looked for")
    except FactoryError as error:
        gaps.append(f"papers like it: {error.what}")
    try:
        if paper.arxiv_id in sources.citations.look_up([paper.arxiv_id]):
            cited = {
                direction: sources.citations.related(paper.arxiv_id, direction, count=_CITED)
                for direction in CitationDirection
            }
        else:
            gaps.append("its citations could not be looked up, or no source knows them yet")
    except FactoryError as error:
        gaps.append(f"its citations: {error.what}")
    try:
        named = [one.arxiv_id for papers in cited.values() for one in papers]
        held = sources.held(named) if named else ()
        records = {record.arxiv_id: record for record in held if not record.deleted}
    except FactoryError as error:
        gaps.append(f"the abstracts of cited papers: {error.what}")
    return related_pieces(paper, similar, cited, records, sources.disagreeing), tuple(gaps)


def _whole_repositories(before: ResearchContext | None) -> tuple[Piece, ...]:
    """The repositories whose README and files were read before."""
    if before is None:
        return ()
    return tuple(
        piece
        for piece in before.pieces
        if piece.kind is PieceKind.REPOSITORY
        and not any(f" of {piece.title}: " in gap for gap in before.gaps)
    )


def _method(paper: Paper, texts: FullTexts) -> _Found:
    try:
        text = texts.read(paper.arxiv_id)
    except FactoryError as error:
        return (), (error.what,)
    section = method_section(text) if text else None
    if text is None or section is None:
        return (), ()
    piece = Piece(
        id="M1",
        kind=PieceKind.METHOD,
        title=single_line(section.heading) or "Method",
        url=text.source,
        text=excerpt(strip_hidden(section.text)),
        relation="its own text",
        weight=1.0,
        licence=text.licence,
        arxiv_id=paper.arxiv_id,
    )
    return (piece,), ()
