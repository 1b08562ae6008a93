"""The score of each paper of a date, with the reason for each of its points, and the best of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from factory_assets.domain.errors import FactoryError
from factory_assets.domain.links import repositories_in
from factory_assets.domain.novelty import Found
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import Candidate, CitationCounts, Reason
from factory_assets.domain.text import counted, single_line
from factory_assets.ideas.scoring_file import Scoring, WordPoints, expression

# How alike a text is to each of others, at most 1; None where that cannot be told now.
Likeness = Callable[[str, Sequence[str]], Sequence[float] | None]
# Where the page of a paper names code; it may raise FactoryError.
PaperPage = Callable[[Paper], Found | None]
_MOST = 100.0
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Built:
    """Something that the factory has built, or is to build: its name, and what it says of itself."""

    name: str
    text: str


@dataclass(frozen=True)
class Surroundings:
    """What papers are held against.

    `citations` are by arXiv id, None where they could not be looked up at all.
    """

    citations: Mapping[str, CitationCounts] | None
    built: Sequence[Built]
    likeness: Likeness
    page: PaperPage


def choose(
    papers: Sequence[Paper], day: date, around: Surroundings, *, scoring: Scoring, most: int, now: datetime
) -> list[Candidate]:
    """Score the papers of a date; the best `most` of them are chosen, of equal ones the lower arXiv id.

    Points off for what was built and for published code are only looked for with papers that would be chosen without:
    both take time, and can only lower a score.
    """
    reasons = {paper.arxiv_id: _own_reasons(paper, around.citations, scoring, now) for paper in papers}
    by_id = {paper.arxiv_id: paper for paper in papers}
    looked_at = set[str]()
    while True:
        ranked = sorted(reasons, key=lambda key: (-_total(reasons[key]), key))
        further = [key for key in ranked[:most] if key not in looked_at]
        if not further:
            break
        for key in further:
            reasons[key] += _points_off(by_id[key], around, scoring)
        looked_at.update(further)
    return [
        Candidate(
            arxiv_id=key,
            day=day,
            score=_total(reasons[key]),
            reasons=_bounded(reasons[key]),
            place=place,
            chosen=place <= most,
        )
        for place, key in enumerate(ranked, start=1)
    ]


def _total(reasons: Sequence[Reason]) -> float:
    return round(min(_MOST, max(0.0, sum(reason.points for reason in reasons))), 2)


def _bounded(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """The reasons, with one more where there would be more points than there are, or less than none."""
    rest = round(_total(reasons) - sum(reason.points for reason in reasons), 2)
    if not rest:
        return tuple(reasons)
    return (*reasons, Reason(what=f"a score lies between 0 and {_MOST:.0f}", points=rest))


def _own_reasons(
    paper: Paper, citations: Mapping[str, CitationCounts] | None, scoring: Scoring, now: datetime
) -> list[Reason]:
    return [
        *_cited(paper, citations, scoring, now),
        *_recent(paper, scoring, now),
        *(
            Reason(what=f"in the category {category}", points=scoring.categories[category])
            for category in dict.fromkeys(paper.categories)
            if category in scoring.categories
        ),
        *_words(paper, scoring.novelty, "a word of novelty"),
        *_words(paper, scoring.product, "a word of products"),
    ]


def _cited(
    paper: Paper, citations: Mapping[str, CitationCounts] | None, scoring: Scoring, now: datetime
) -> list[Reason]:
    counts = None if citations is None else citations.get(paper.arxiv_id)
    if counts is None:
        return [Reason(what="its citations could not be looked up", points=0)]
    if not counts.cited_by:
        return []
    days = max(1.0, (now - paper.published) / _DAY)
    points = min(scoring.citations.most, scoring.citations.a_day * counts.cited_by / days)
    cited = counted(counts.cited_by, "citation", "citations")
    return [Reason(what=f"{cited} in {counted(round(days), 'day', 'days')}", points=round(points, 2))]


def _recent(paper: Paper, scoring: Scoring, now: datetime) -> list[Reason]:
    age = (now - paper.published) / _DAY
    for days in sorted(scoring.recency):
        if age <= days:
            return [Reason(what=f"submitted in the last {days} days", points=scoring.recency[days])]
    return []


def _words(paper: Paper, wanted: WordPoints, what: str) -> list[Reason]:
    return [
        Reason(what=f"{what} in its title: {word}", points=wanted.points)
        for word in dict.fromkeys(wanted.words)
        if re.search(expression(word), paper.title, re.IGNORECASE)
    ]


def _points_off(paper: Paper, around: Surroundings, scoring: Scoring) -> list[Reason]:
    return [*_like_built(paper, around, scoring), *_published(paper, around.page, scoring)]


def _like_built(paper: Paper, around: Surroundings, scoring: Scoring) -> list[Reason]:
    if not around.built:
        return []
    text = f"{paper.title}. {paper.abstract}"
    likeness = around.likeness(text, [one.text for one in around.built])
    if likeness is None:
        return [Reason(what="how like it is to what was built could not be told", points=0)]
    most, name = max(zip(likeness, (one.name for one in around.built), strict=True))
    share = max(0.0, min(1.0, most) - scoring.built.start) / (1 - scoring.built.start)
    if not share:
        return []
    return [Reason(what=f"like {name} ({most:.2f})", points=round(scoring.built.points * share, 2))]


def _published(paper: Paper, page: PaperPage, scoring: Scoring) -> list[Reason]:
    if named := repositories_in(f"{paper.abstract}\n{paper.comment or ''}"):
        return [
            Reason(
                what=f"its authors have published code: {next(iter(named))}", points=scoring.published_code
            )
        ]
    try:
        found = page(paper)
    except FactoryError as error:
        why = single_line(error.what)
        return [Reason(what=f"whether its page names code could not be looked up: {why}", points=0)]
    if found is None:
        return []
    return [Reason(what=f"its page names code: {found.name}", points=scoring.published_code)]
