"""Whether something like a spec exists already: what was found where, the score, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from factory_assets.domain.text import single_line

# From this score on nothing speaks against a spec: the threshold of market-scanner, whose shares the score has too.
PROCEED_FROM = 0.6
# A paper's own code does what the paper does, and is seldom the tool: reason for a look, and never for a skip.
LIKENESS_OF_OWN_CODE = 0.7
_MOST_SHOWN = 300


class NoveltySource(StrEnum):
    """Where something like a spec is looked for."""

    PAPER = "the paper"
    PAPER_PAGE = "the paper's page"
    FACTORY = "this factory"
    GITHUB = "GitHub"
    NPM = "npm"
    PYPI = "PyPI"


class NoveltyVerdict(StrEnum):
    """What is to be done with a spec. It is only given where what was not looked up could not change it."""

    PROCEED = "proceed"
    CAUTION = "caution"
    SKIP = "skip"
    NOT_LOOKED_UP = "not looked up"


class NoveltyShares(NamedTuple):
    """How much of the score each group of sources can take away; together 1. The defaults are market-scanner's.

    The sources of a group tell of the same thing, so that the most alike speaks for all.
    """

    github: float = 0.60
    npm: float = 0.25
    pypi: float = 0.15


USUAL_SHARES = NoveltyShares()
# What this factory and the authors have made is on GitHub, or will be.
_ON_GITHUB = (NoveltySource.GITHUB, NoveltySource.FACTORY, NoveltySource.PAPER, NoveltySource.PAPER_PAGE)
_MOST_ALIKE = {NoveltySource.PAPER: LIKENESS_OF_OWN_CODE, NoveltySource.PAPER_PAGE: LIKENESS_OF_OWN_CODE}


def _shown(text: str) -> str:
    return single_line(text)[:_MOST_SHOWN]


Shown = Annotated[str, AfterValidator(_shown)]


class Found(BaseModel):
    """A repository or package that exists: its name, its page, and what its own description says."""

    model_config = ConfigDict(frozen=True)

    name: Shown
    url: str
    about: Shown = ""


class Hit(BaseModel):
    """Something that exists, and how alike it is: 0 for another matter, 1 for the same; see novelty/likeness.py."""

    model_config = ConfigDict(frozen=True)

    found: Found
    likeness: float = Field(ge=0, le=1)


class LookUp(BaseModel):
    """What one source has, the most alike first. Where `missing` says why it was not looked up, nothing is known."""

    model_config = ConfigDict(frozen=True)

    source: NoveltySource
    hits: tuple[Hit, ...] = ()
    missing: str = ""

    @property
    def likeness(self) -> float:
        """How alike the most alike is; 0 where nothing is."""
        return max((hit.likeness for hit in self.hits), default=0.0)


class Novelty(BaseModel):
    """What is known of a spec's novelty.

    `score` is 1 less the share of GitHub, the paper's own code and this factory's repos, that of npm and that of PyPI,
    each in the measure of its most alike hit; of what was looked up only. `shares` are those that it was reckoned with,
    `floor` the score below which specs were skipped then.
    """

    model_config = ConfigDict(frozen=True)

    score: float
    verdict: NoveltyVerdict
    floor: float
    shares: NoveltyShares = USUAL_SHARES
    lookups: tuple[LookUp, ...]
    looked_up_at: datetime

    def holds(self, *, since: datetime, floor: float, shares: NoveltyShares) -> bool:
        """Whether it is complete, no older, and judged by the same floor and shares."""
        is_same = (self.floor, self.shares) == (floor, shares)
        return not self.missing and self.looked_up_at >= since and is_same

    @property
    def missing(self) -> dict[NoveltySource, str]:
        """The sources that were not looked up, and why."""
        return {lookup.source: lookup.missing for lookup in self.lookups if lookup.missing}

    @property
    def evidence(self) -> tuple[tuple[NoveltySource, Hit], ...]:
        """What is alike, the most alike first."""
        hits = [(lookup.source, hit) for lookup in self.lookups for hit in lookup.hits]
        return tuple(sorted(hits, key=lambda pair: -pair[1].likeness))

    def __str__(self) -> str:
        looked = [lookup.source for lookup in self.lookups if not lookup.missing]
        of = "" if not self.missing else f" by {', '.join(looked)} alone" if looked else ""
        told = f"{self.verdict}, {self.score:.2f}{of}" if looked else str(NoveltyVerdict.NOT_LOOKED_UP)
        best = self.evidence[:1]
        alike = "".join(f"; most alike: {hit.found.name} ({hit.found.url})" for _, hit in best)
        without = f"; not looked up: {', '.join(self.missing)}" if self.missing and looked else ""
        return f"{told}{alike}{without}"


def judge(
    lookups: Sequence[LookUp], *, floor: float, now: datetime, shares: NoveltyShares = USUAL_SHARES
) -> Novelty:
    """The score and the verdict. Below `floor` a spec is skipped; 0 skips none.

    What was not looked up can only lower the score: a spec is skipped without it where the rest is enough, and
    proceeds only where it would with the worst of it. The paper's own code does not count for a skip.
    """
    likeness = {lookup.source: lookup.likeness for lookup in lookups}
    score = _score(likeness, shares)
    worst = _score({lookup.source: _most_alike(lookup) for lookup in lookups}, shares)
    others = {source: likeness[source] for source in likeness.keys() - _MOST_ALIKE.keys()}
    if _score(others, shares) < floor:
        verdict = NoveltyVerdict.SKIP
    elif score < max(PROCEED_FROM, floor):
        verdict = NoveltyVerdict.CAUTION
    elif worst < max(PROCEED_FROM, floor):
        verdict = NoveltyVerdict.NOT_LOOKED_UP
    else:
        verdict = NoveltyVerdict.PROCEED
    return Novelty(
        score=score,
        verdict=verdict,
        floor=floor,
        shares=shares,
        lookups=tuple(lookups),
        looked_up_at=now,
    )


def _score(likeness: Mapping[NoveltySource, float], shares: NoveltyShares) -> float:
    on_github = max(likeness.get(source, 0.0) for source in _ON_GITHUB)
    on_npm, on_pypi = (likeness.get(source, 0.0) for source in (NoveltySource.NPM, NoveltySource.PYPI))
    return round(1.0 - shares.github * on_github - shares.npm * on_npm - shares.pypi * on_pypi, 2)


def _most_alike(lookup: LookUp) -> float:
    return _MOST_ALIKE.get(lookup.source, 1.0) if lookup.missing else lookup.likeness
