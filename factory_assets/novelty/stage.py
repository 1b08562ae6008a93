"""Looking a spec up in every source. One that is out of reach is named in the result, and asked again later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from factory_assets.domain.errors import FactoryError
from factory_assets.domain.links import repositories_in
from factory_assets.domain.novelty import (
    LIKENESS_OF_OWN_CODE,
    USUAL_SHARES,
    Found,
    Hit,
    LookUp,
    Novelty,
    NoveltyShares,
    NoveltySource,
    judge,
)
from factory_assets.domain.papers import Paper
from factory_assets.domain.ports import KeptAnswers
from factory_assets.domain.specs import Spec
from factory_assets.domain.text import single_line
from factory_assets.novelty.catalogues import Catalogue
from factory_assets.novelty.likeness import most_alike, words_of

# So long an answer holds: what exists changes slowly, and a limit that was run into helps nobody.
KEPT_FOR = timedelta(days=7)
_SHOWN = 5


@dataclass(frozen=True)
class Wanted:
    """A spec to look up, its stored papers, and the factory's own repos, built or to be built before it."""

    spec: Spec
    papers: tuple[Paper, ...]
    own: Sequence[Found] = ()

    @property
    def words(self) -> frozenset[str]:
        """What the spec says, to compare with."""
        return words_of(self.spec.name, self.spec.problem, self.spec.solution)


def look_up(
    wanted: Wanted,
    catalogues: Iterable[Catalogue],
    kept: KeptAnswers,
    *,
    floor: float,
    now: Callable[[], datetime],
    clean: Callable[[str], str],
    shares: NoveltyShares = USUAL_SHARES,
) -> Novelty:
    """Look a spec up. A source that cannot be asked is named in the result; what it answers is kept for a week.

    `clean` takes the secrets out of what an error says.
    """
    lookups = [
        *([LookUp(source=NoveltySource.PAPER, hits=_own_code(wanted.papers))] if wanted.papers else []),
        LookUp(source=NoveltySource.FACTORY, hits=most_alike(wanted.words, wanted.own, most=_SHOWN)),
        *(
            _asked(catalogue, wanted, kept, now, clean)
            for catalogue in catalogues
            if wanted.papers or catalogue.source is not NoveltySource.PAPER_PAGE
        ),
    ]
    return judge(lookups, floor=floor, shares=shares, now=now())


def _asked(
    catalogue: Catalogue,
    wanted: Wanted,
    kept: KeptAnswers,
    now: Callable[[], datetime],
    clean: Callable[[str], str],
) -> LookUp:
    found: list[Found] = []
    missing = ""
    try:
        questions = catalogue.questions(wanted.spec, wanted.papers)
        known = kept.kept_answers(questions, since=now() - KEPT_FOR)
        for question in questions:
            if question not in known:
                known[question] = catalogue.answer(question)
                kept.keep_answer(question, known[question], now=now())
            found += known[question]
    except FactoryError as error:
        # What was found all the same counts: it can only speak against the spec.
        missing = single_line(clean(str(error)))
    if catalogue.source is NoveltySource.PAPER_PAGE:
        hits = tuple(Hit(found=one, likeness=LIKENESS_OF_OWN_CODE) for one in dict.fromkeys(found))
    else:
        hits = most_alike(wanted.words, found, most=_SHOWN)
    return LookUp(source=catalogue.source, hits=hits, missing=missing)


def _own_code(papers: Iterable[Paper]) -> tuple[Hit, ...]:
    """The repositories that the papers' abstracts and comments name."""
    pages = repositories_in("\n".join(f"{paper.abstract} {paper.comment or ''}" for paper in papers))
    return tuple(
        Hit(found=Found(name=name, url=url), likeness=LIKENESS_OF_OWN_CODE) for name, url in pages.items()
    )
