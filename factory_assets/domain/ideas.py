"""What ideas are made from: the evidence of a date, or of a week, as a stage takes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import Candidate, ResearchContext
from factory_assets.domain.specs import QueuedSpec, Spec


class DayResearch(BaseModel):
    """What is known of a date's papers that no analysis has read: its candidates by place, and their contexts.

    `unread` are the arXiv ids of all of them.
    """

    model_config = ConfigDict(frozen=True)

    candidates: tuple[Candidate, ...]
    contexts: tuple[ResearchContext, ...]
    unread: frozenset[str]

    @property
    def ready(self) -> tuple[ResearchContext, ...]:
        """The contexts of unread chosen candidates, by their place."""
        place = {each.arxiv_id: each.place for each in self.candidates if each.chosen}
        found = [each for each in self.contexts if each.arxiv_id in place and each.arxiv_id in self.unread]
        return tuple(sorted(found, key=lambda context: place[context.arxiv_id]))

    @property
    def waiting(self) -> tuple[str, ...]:
        """Unread chosen candidates without a context."""
        known = {context.arxiv_id for context in self.contexts}
        return tuple(
            each.arxiv_id
            for each in sorted(self.candidates, key=lambda each: each.place)
            if each.chosen and each.arxiv_id in self.unread and each.arxiv_id not in known
        )

    @property
    def passed_over(self) -> frozenset[str]:
        """Unread papers that were scored with the others and not chosen."""
        scored = {each.arxiv_id for each in self.candidates if not each.chosen}
        return frozenset(scored & self.unread)

    @property
    def unscored(self) -> frozenset[str]:
        """Unread papers that came after the candidates were chosen."""
        return self.unread - {each.arxiv_id for each in self.candidates}


class EvidenceQueue(Protocol):
    """Where specs are queued with what they rest on."""

    def add(
        self,
        day: date,
        specs: Sequence[Spec],
        analysed: Collection[str],
        *,
        dropped: int,
        ranks: range,
        late_ranks: range,
        now: datetime,
        evidence: Mapping[str, SpecEvidence],
    ) -> list[QueuedSpec]:
        """As SpecQueue.add; `evidence` is kept by the specs' names, in the same transaction."""
        ...


class KnownPapers(Protocol):
    """Papers by id, wherever the factory has them."""

    def __call__(self, arxiv_ids: Sequence[str]) -> list[Paper]:
        """Those that are known, in the order asked for."""
        ...
