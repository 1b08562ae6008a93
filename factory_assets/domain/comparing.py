"""Researched specs against plain ones: which are compared, what a judge found in each, and what it comes to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.papers import Paper
from factory_assets.domain.readings import Severity
from factory_assets.domain.specs import QueuedSpec


class Side(StrEnum):
    """Which of a pair."""

    RESEARCHED = "researched"
    PLAIN = "plain"


class Offered(BaseModel):
    """A spec and the papers that it rests on."""

    model_config = ConfigDict(frozen=True)

    queued: QueuedSpec
    papers: tuple[Paper, ...]

    @property
    def name(self) -> str:
        """The spec's."""
        return self.queued.spec.name


class Pair(BaseModel):
    """Two specs to compare. `alike` says what they have in common: a paper, a date, or neither."""

    model_config = ConfigDict(frozen=True)

    researched: Offered
    plain: Offered
    alike: str


class SpecFinding(BaseModel):
    """One thing that is wrong with a spec, by the reader's kinds (domain.readings)."""

    model_config = ConfigDict(frozen=True)

    kind: str
    severity: Severity
    why: str


class Judgement(BaseModel):
    """What came of a pair. `better` is None where neither is."""

    model_config = ConfigDict(frozen=True)

    researched: str
    plain: str
    alike: str
    better: Side | None
    findings: dict[Side, tuple[SpecFinding, ...]]
    why: str


class Comparison(BaseModel):
    """All pairs that were judged. `unjudged` are those that gave no answer, and why."""

    model_config = ConfigDict(frozen=True)

    seed: int
    model: str
    judgements: tuple[Judgement, ...]
    unjudged: tuple[str, ...]
    dollars: float

    @property
    def wins(self) -> dict[str, int]:
        """How often each side was better, and neither."""
        counts = Counter(str(each.better or "neither") for each in self.judgements)
        return {side: counts[side] for side in (*map(str, Side), "neither")}

    @property
    def chance(self) -> float:
        """How probable so uneven a result would be if no side were better: a two-sided sign test, ties left out."""
        won, lost = self.wins[Side.RESEARCHED], self.wins[Side.PLAIN]
        if not won + lost:
            return 1.0
        rarer = sum(math.comb(won + lost, k) for k in range(min(won, lost) + 1))
        return min(1.0, 2 * rarer / float(1 << (won + lost)))

    def findings(self, side: Side) -> dict[Severity, int]:
        """How many findings of each severity, over all pairs."""
        counts = Counter(found.severity for each in self.judgements for found in each.findings[side])
        return {severity: counts[severity] for severity in Severity}


def pairs_of(researched: Sequence[Offered], plain: Iterable[Offered], *, most: int) -> list[Pair]:
    """Each researched spec with a plain one, no spec twice: first by a paper that both rest on, then by their date.

    At most so many, in the order of the researched ones; those that have a paper in common come before the others.
    """
    left = list(plain)
    pairs: list[Pair] = []
    waiting = list(researched)
    for alike, fits in (("a paper", _share_a_paper), ("a date", _share_a_date)):
        unpaired: list[Offered] = []
        for one in waiting:
            other = next((each for each in left if fits(one, each)), None)
            if other is None:
                unpaired.append(one)
                continue
            left.remove(other)
            pairs.append(Pair(researched=one, plain=other, alike=alike))
        waiting = unpaired
    pairs += [
        Pair(researched=one, plain=other, alike="neither") for one, other in zip(waiting, left, strict=False)
    ]
    return pairs[:most]


def _share_a_paper(one: Offered, other: Offered) -> bool:
    return bool(set(one.queued.spec.source_papers) & set(other.queued.spec.source_papers))


def _share_a_date(one: Offered, other: Offered) -> bool:
    return one.queued.day is not None and one.queued.day == other.queued.day
