"""The papers around a candidate: like it, citing it, named by it; the best seven, one that competes among them.

A paper competes where a word of disagreement stands in its title or abstract (scoring.yaml lists them: "outperforms",
"limitations of", "fails", …), or else where its title has three words in common with the candidate's: others at the
same task. Only papers that are like the candidate are looked at for it, and none that shares an author with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.papers import Paper, paper_url
from factory_assets.domain.research import CitationDirection, CitedPaper, Piece, PieceKind, SimilarPaper
from factory_assets.domain.stemming import GAP, stems
from factory_assets.domain.text import single_line, strip_hidden
from factory_assets.ideas.title_words import EMPTY_WORDS

MOST = 7
# The weights that idea-engine gives.
_SIMILAR, _SIMILAR_STEP = 1.0, 0.05
_CITED = {CitationDirection.CITED_BY: 0.9, CitationDirection.REFERENCES: 0.8}
# A title alone is little to rest a claim on.
_WITHOUT_ABSTRACT = 0.5
_SAME_TASK_WORDS = 3
_LONGEST_TEXT = 4_000
# arXiv's metadata, abstracts among it: https://info.arxiv.org/help/license/index.html
METADATA_LICENCE = "CC0-1.0"


@dataclass(frozen=True)
class _Related:
    arxiv_id: str
    title: str
    abstract: str
    weight: float
    relations: tuple[str, ...]
    authors: frozenset[str] = field(default_factory=frozenset)
    competes: str = ""


def related_pieces(
    paper: Paper,
    similar: Sequence[SimilarPaper],
    cited: Mapping[CitationDirection, Sequence[CitedPaper]],
    records: Mapping[str, ArchiveRecord],
    disagreeing: re.Pattern[str],
) -> tuple[Piece, ...]:
    """The best seven as P1 to P7, the one with the most weight first.

    `records` are those that the archive holds of the cited papers, by arXiv id. Where none of the seven competes, the
    best one that does takes the place of the last.
    """
    known: dict[str, _Related] = {}
    for one in (*_similar(paper, similar, disagreeing), *_cited(cited, records)):
        if one.arxiv_id != paper.arxiv_id:
            known[one.arxiv_id] = _joined(known[one.arxiv_id], one) if one.arxiv_id in known else one
    ranked = sorted(known.values(), key=lambda one: (-one.weight, one.arxiv_id))
    best, rest = ranked[:MOST], ranked[MOST:]
    if not any(one.competes for one in best) and (other := next((one for one in rest if one.competes), None)):
        best[-1] = other
    return tuple(_piece(number, one) for number, one in enumerate(best, start=1))


def own_piece(paper: Paper) -> Piece:
    """The candidate itself, as C1."""
    return Piece(
        id="C1",
        kind=PieceKind.CANDIDATE,
        title=single_line(paper.title),
        url=paper.url,
        text=_shown(paper.abstract),
        relation="the candidate",
        weight=1.0,
        licence=METADATA_LICENCE,
        arxiv_id=paper.arxiv_id,
    )


def _similar(
    paper: Paper, similar: Sequence[SimilarPaper], disagreeing: re.Pattern[str]
) -> Iterator[_Related]:
    own_authors, own_words = _names(paper.authors), _title_words(paper.title)
    for place, one in enumerate(similar):
        record, authors = one.record, _names(one.record.authors)
        if (weight := _SIMILAR - _SIMILAR_STEP * place) <= 0:
            return
        if record.deleted:
            continue
        competes = ""
        if not authors & own_authors:
            said = disagreeing.search(f"{record.title}\n{record.abstract}")
            shared = own_words.keys() & _title_words(record.title).keys()
            if said is not None:
                competes = f'says "{single_line(said[0])}"'
            elif len(shared) >= _SAME_TASK_WORDS:
                competes = f"others at the same task: {', '.join(own_words[word] for word in sorted(shared))}"
        yield _Related(
            record.arxiv_id,
            record.title,
            record.abstract,
            round(weight, 2),
            (f"similar ({one.likeness:.2f})",),
            authors,
            competes,
        )


def _cited(
    cited: Mapping[CitationDirection, Sequence[CitedPaper]], records: Mapping[str, ArchiveRecord]
) -> Iterator[_Related]:
    for direction, papers in cited.items():
        # "cited by" is what the candidate is by this paper; "references" are what it names.
        for one in papers:
            record = records.get(one.arxiv_id)
            weight = _CITED[direction] * (1 if record else _WITHOUT_ABSTRACT)
            title, abstract = (record.title, record.abstract) if record else (one.title, "")
            yield _Related(one.arxiv_id, title, abstract, round(weight, 2), (str(direction),))


def _joined(one: _Related, other: _Related) -> _Related:
    """The same paper, found twice."""
    best = max(one, other, key=lambda found: found.weight)
    return replace(
        best,
        abstract=one.abstract or other.abstract,
        relations=tuple(dict.fromkeys((*one.relations, *other.relations))),
        competes=one.competes or other.competes,
    )


def _piece(number: int, one: _Related) -> Piece:
    relations = [*one.relations, *([f"competes: {one.competes}"] if one.competes else [])]
    return Piece(
        id=f"P{number}",
        kind=PieceKind.PAPER,
        title=single_line(one.title),
        url=paper_url(one.arxiv_id),
        text=_shown(one.abstract),
        relation=", ".join(relations),
        weight=one.weight,
        licence=METADATA_LICENCE,
        arxiv_id=one.arxiv_id,
    )


def _names(authors: Sequence[str]) -> frozenset[str]:
    return frozenset(single_line(author).casefold() for author in authors)


def _title_words(title: str) -> dict[str, str]:
    """The words of a title that count, by stem."""
    words = [word for word in re.findall(r"[^\W\d_]{3,}", title.lower()) if word not in EMPTY_WORDS]
    return {stemmed: word for word in words for stemmed in stems(word) if stemmed != GAP}


def _shown(text: str) -> str:
    return strip_hidden(text)[:_LONGEST_TEXT].strip()
