"""What is known around a paper: papers like it, its citations, its full text, repositories; and a spec's evidence.

All of it comes from outside and is untrusted: it reaches models as data only.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.papers import UtcDatetime


class SimilarPaper(BaseModel):
    """A paper near another one; `likeness` is the cosine between the two, at most 1."""

    model_config = ConfigDict(frozen=True)

    record: ArchiveRecord
    likeness: float = Field(ge=-1, le=1)


class CitationCounts(BaseModel):
    """How often a paper is cited and how many works it names, as `source` counted at `fetched_at`."""

    model_config = ConfigDict(frozen=True)

    arxiv_id: str
    cited_by: int = Field(ge=0)
    references: int = Field(ge=0)
    source: str
    fetched_at: UtcDatetime


class CitationDirection(StrEnum):
    """Which end of a citation is asked for."""

    CITED_BY = "cited by"
    REFERENCES = "references"


class CitedPaper(BaseModel):
    """A paper that cites another one or that it names; `steps` away from it (1 or 2)."""

    model_config = ConfigDict(frozen=True)

    arxiv_id: str
    title: str
    steps: int = Field(ge=1, le=2)


class Section(BaseModel):
    """A section of a full text, in plain text."""

    model_config = ConfigDict(frozen=True)

    heading: str
    text: str


class FullText(BaseModel):
    """A paper's own text by sections. It is kept on this machine and never published.

    `licence` is the address of the text's licence, where it is known; `quotable` whether that licence lets single
    sentences be passed on beyond what any text allows.
    """

    model_config = ConfigDict(frozen=True)

    arxiv_id: str
    source: str
    licence: str | None
    quotable: bool
    sections: tuple[Section, ...]


class PieceKind(StrEnum):
    """What a piece of evidence is."""

    CANDIDATE = "the paper itself"
    PAPER = "related paper"
    REPOSITORY = "repository"
    METHOD = "method section"


class Piece(BaseModel):
    """One piece of evidence. `id` is unique within its context, such as P1, R3 or M1; a spec's claims name it.

    `relation` says how it came in: similar, cited by, references, competes, found by "…"; `weight` by how much it was
    chosen. `licence` is an SPDX name or an address, None where none is known.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^[A-Z]\d{1,2}$")
    kind: PieceKind
    title: str
    url: str
    text: str
    relation: str
    weight: float
    licence: str | None
    arxiv_id: str | None = None
    stars: int | None = None
    pushed: date | None = None


class ResearchContext(BaseModel):
    """The evidence around one candidate. `gaps` says in words what could not be looked up."""

    model_config = ConfigDict(frozen=True)

    arxiv_id: str
    day: date
    pieces: tuple[Piece, ...]
    gaps: tuple[str, ...]
    made_at: UtcDatetime


NOT_HELD = "the archive does not hold this paper"
"""How a gap begins that the archive alone can close."""


class OpenDate(BaseModel):
    """A date around whose chosen candidates something could not be looked up, or was not yet.

    `since` is when that was first so, `looked_at` the last look (UTC); `gaps` are the words of all contexts.
    """

    model_config = ConfigDict(frozen=True)

    day: date
    since: UtcDatetime
    looked_at: UtcDatetime
    gaps: tuple[str, ...]


class Reason(BaseModel):
    """Why a candidate has some of its points."""

    model_config = ConfigDict(frozen=True)

    what: str
    points: float


class Candidate(BaseModel):
    """A paper of a date, scored from 0 to 100. `place` counts from 1; `chosen` are the best of the date."""

    model_config = ConfigDict(frozen=True)

    arxiv_id: str
    day: date
    score: float = Field(ge=0, le=100)
    reasons: tuple[Reason, ...]
    place: int = Field(ge=1)
    chosen: bool


class Neighbours(Protocol):
    """Papers near a paper."""

    def similar(self, arxiv_id: str, count: int) -> list[SimilarPaper]:
        """The nearest papers of the archive, the nearest one first; none where it does not hold the paper."""
        ...


class CitationGraph(Protocol):
    """Who cites whom."""

    def look_up(self, arxiv_ids: list[str]) -> dict[str, CitationCounts]:
        """The counts of these papers, asked for where what is kept is older than 30 days; with them, their citations.

        What could not be looked up is missing.
        """
        ...

    def related(
        self, arxiv_id: str, direction: CitationDirection, *, steps: int = 1, count: int = 100
    ) -> list[CitedPaper]:
        """The kept citations of a paper."""
        ...


class FullTexts(Protocol):
    """Papers' own texts."""

    def read(self, arxiv_id: str) -> FullText | None:
        """The text, fetched where it is not kept yet; None where arXiv has none that can be read.

        Raises:
            InfrastructureError: it cannot be fetched now.
        """
        ...
