"""Ideas by hand for the tests of the Dagster layer: no network, the real registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from factory_assets.domain.errors import FactoryError
from factory_assets.domain.research import Candidate, Piece, PieceKind, Reason, ResearchContext
from factory_assets.registry import Registry

NOW = datetime(2026, 6, 22, 6, tzinfo=UTC)


@dataclass
class FakeIdeas:
    """Chooses the first two papers of a date, and finds a paper and what is in `gaps` around each."""

    registry: Registry
    gaps: tuple[str, ...] = ()
    error: FactoryError | None = None
    now: datetime = NOW
    asked: list[tuple[str, date]] = field(default_factory=list)

    def discover(self, day: date, notify: Callable[[str], None]) -> list[Candidate]:
        del notify
        self._ask("discover", day)
        found = [
            Candidate(
                arxiv_id=labelled.paper.arxiv_id,
                day=day,
                score=40 - place,
                reasons=(Reason(what="in the category cs.SE", points=40 - place),),
                place=place,
                chosen=place <= 2,
            )
            for place, labelled in enumerate(self.registry.papers.of_day(day), start=1)
        ]
        self.registry.ideas.record_candidates(day, found, now=NOW)
        return found

    def research(self, day: date, notify: Callable[[str], None]) -> list[ResearchContext]:
        del notify
        self._ask("research", day)
        for candidate in self.registry.ideas.candidates(day):
            if candidate.chosen:
                self.registry.ideas.record_context(self._context(candidate.arxiv_id, day))
        return self.registry.ideas.contexts(day)

    def _ask(self, what: str, day: date) -> None:
        self.asked.append((what, day))
        if self.error is not None:
            raise self.error

    def _context(self, arxiv_id: str, day: date) -> ResearchContext:
        piece = Piece(
            id="P1",
            kind=PieceKind.PAPER,
            title="Another",
            url="https://arxiv.org/abs/2606.00009",
            text="It fails.",
            relation='similar (0.90), competes: says "fails"',
            weight=1,
            licence="CC0-1.0",
        )
        return ResearchContext(arxiv_id=arxiv_id, day=day, pieces=(piece,), gaps=self.gaps, made_at=self.now)
