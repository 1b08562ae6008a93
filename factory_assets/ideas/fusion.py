"""Fusion: several papers of one problem space whose techniques meet in one tool, over a week's candidates.

The papers of a space are chosen greedily, each for being near the space and far from those that are chosen already:
maximal marginal relevance (Carbonell and Goldstein 1998, https://doi.org/10.1145/290941.291025).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from factory_assets.domain.analysis_report import AnalysisReport
from factory_assets.domain.research import Piece, PieceKind, ResearchContext
from factory_assets.domain.stemming import GAP, stems
from factory_assets.ideas.asking import Material
from factory_assets.ideas.synthesis import Synthesizer, make_specs, queue_made

# Two abstracts of this sample on one matter share a tenth of their weight or more; above nine tenths one is the other.
_SAME_SPACE, _SAME_PAPER = 0.10, 0.90
_PAPERS_OF_A_SPACE = 3
# How much nearness to the space counts against difference from what is chosen.
_NEARNESS = 0.6
_PAPERS_OF_EACH, _REPOSITORIES_OF_EACH = 2, 2
_LETTERS = {
    PieceKind.CANDIDATE: "C",
    PieceKind.METHOD: "M",
    PieceKind.PAPER: "P",
    PieceKind.REPOSITORY: "R",
}

Vector = Mapping[str, float]


@dataclass(frozen=True)
class Space:
    """Papers that are to meet in one tool, the one that it is built around first."""

    contexts: tuple[ResearchContext, ...]

    @property
    def papers(self) -> frozenset[str]:
        """Their arXiv ids."""
        return frozenset(context.arxiv_id for context in self.contexts)


def fuse(
    contexts: Sequence[ResearchContext],
    synthesizer: Synthesizer,
    *,
    taken_names: Collection[str],
    fused: Collection[frozenset[str]],
) -> AnalysisReport:
    """Make specs of several papers each from a week's contexts, the best candidate's first.

    No paper is marked as analysed by it, and the specs take late ranks: each date's own come first. Spaces of which
    two papers have met in a spec of `fused` already are not asked about.

    Raises:
        FactoryError: as `synthesize`.
    """
    started = synthesizer.now()
    asker = synthesizer.asker()
    spaces = [
        space
        for space in find_spaces(contexts)
        if not any(len(space.papers & papers) > 1 for papers in fused)
    ]
    material = [material_of(space, str(synthesizer.day)) for space in spaces]
    done = make_specs(material, synthesizer, asker, taken_names=taken_names)
    return queue_made(
        done, synthesizer, asker, analysed=(), unread=done.unread, papers=done.asked, started=started
    )


def find_spaces(contexts: Sequence[ResearchContext]) -> list[Space]:
    """Problem spaces around the candidates in their order; each paper is in one of them, or in none."""
    vectors = _vectors({context.arxiv_id: _words(context) for context in contexts})
    left = {context.arxiv_id: context for context in contexts}
    spaces: list[Space] = []
    for context in contexts:
        if context.arxiv_id not in left:
            continue
        chosen = choose_diverse(
            context.arxiv_id, [each for each in left if each != context.arxiv_id], vectors
        )
        if len(chosen) > 1:
            spaces.append(Space(tuple(left.pop(arxiv_id) for arxiv_id in chosen)))
    return spaces


def choose_diverse(seed: str, others: Sequence[str], vectors: Mapping[str, Vector]) -> list[str]:
    """The seed, and of the others in its problem space those that differ most from what is chosen so far."""
    near = {
        each: likeness
        for each in others
        if _SAME_SPACE <= (likeness := cosine(vectors[seed], vectors[each])) < _SAME_PAPER
    }
    chosen = [seed]
    while near and len(chosen) < _PAPERS_OF_A_SPACE:
        best = max(
            near,
            key=lambda each: (
                _NEARNESS * near[each]
                - (1 - _NEARNESS) * max(cosine(vectors[each], vectors[one]) for one in chosen)
            ),
        )
        del near[best]
        chosen.append(best)
    return chosen


def material_of(space: Space, day: str) -> Material:
    """The pieces of all its papers under new ids: each paper and its method, and the best of what is around it."""
    most = {PieceKind.PAPER: _PAPERS_OF_EACH, PieceKind.REPOSITORY: _REPOSITORIES_OF_EACH}
    numbers = {letter: count(1) for letter in _LETTERS.values()}
    pieces: dict[tuple[str, PieceKind], Piece] = {}
    for context in space.contexts:
        taken: Counter[PieceKind] = Counter()
        for piece in sorted(context.pieces, key=lambda piece: -piece.weight):
            own = piece.kind is PieceKind.PAPER and piece.arxiv_id in space.papers
            if own or (piece.url, piece.kind) in pieces or taken[piece.kind] == most.get(piece.kind, 1):
                continue
            taken[piece.kind] += 1
            letter = _LETTERS[piece.kind]
            named = piece.model_copy(update={"id": f"{letter}{next(numbers[letter])}"})
            pieces[piece.url, piece.kind] = named
    gaps = tuple(f"{context.arxiv_id}: {gap}" for context in space.contexts for gap in context.gaps)
    candidates = tuple(context.arxiv_id for context in space.contexts)
    return Material("fuse", day, candidates, tuple(pieces.values()), gaps)


def cosine(one: Vector, other: Vector) -> float:
    """How alike two texts are by their weighted words, 0 to 1."""
    small, large = sorted((one, other), key=len)
    return sum(weight * large.get(word, 0.0) for word, weight in small.items())


def _vectors(texts: Mapping[str, Counter[str]]) -> dict[str, Vector]:
    """Term frequency, dampened, by inverse document frequency, of length 1."""
    found_in = Counter(word for words in texts.values() for word in words)
    vectors: dict[str, Vector] = {}
    for name, words in texts.items():
        raw = {
            word: (1 + math.log(times)) * math.log((1 + len(texts)) / found_in[word])
            for word, times in words.items()
        }
        length = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        vectors[name] = {word: weight / length for word, weight in raw.items()}
    return vectors


def _words(context: ResearchContext) -> Counter[str]:
    own = [piece for piece in context.pieces if piece.kind is PieceKind.CANDIDATE]
    text = "\n".join(f"{piece.title}\n{piece.text}" for piece in own)
    return Counter(stem for stem in stems(text) if stem != GAP and len(stem) > 1 and not stem.isdigit())
