"""Citations as they are kept: what a source said of a paper, and who keeps it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from factory_assets.domain.papers import StorableText, UtcDatetime, split_arxiv_id
from factory_assets.domain.research import CitationDirection, CitedPaper

_SUBJECT_CLASS = re.compile(r"\.[A-Za-z-]+/")


def citation_key(arxiv_id: str) -> str:
    """The id by which citations know a paper: without its version, and an old one without its subject class.

    Raises:
        InputError: it is no arXiv id.
    """
    return _SUBJECT_CLASS.sub("/", split_arxiv_id(arxiv_id)[0])


class LinkedPaper(BaseModel):
    """A paper of arXiv at one end of a citation. `title` is empty where none was told."""

    model_config = ConfigDict(frozen=True)

    arxiv_id: StorableText
    title: StorableText


class SourceCounts(BaseModel):
    """What `source` counted of a paper at `fetched_at`: None where it did not know the paper, or not its references."""

    model_config = ConfigDict(frozen=True)

    arxiv_id: StorableText
    source: str
    fetched_at: UtcDatetime
    cited_by: int | None = Field(ge=0, lt=2**31)
    references: int | None = Field(ge=0, lt=2**31)

    @property
    def is_known(self) -> bool:
        """Whether the source knows the paper."""
        return self.cited_by is not None


class PaperCitations(BaseModel):
    """What a source says of a paper, with those papers of arXiv that cite it and that it names."""

    model_config = ConfigDict(frozen=True)

    counts: SourceCounts
    title: StorableText = ""
    citing: tuple[LinkedPaper, ...] = ()
    cited: tuple[LinkedPaper, ...] = ()


class CitationDegrees(BaseModel):
    """How many citations of a paper are kept."""

    model_config = ConfigDict(frozen=True)

    cited_by: int
    references: int


class KeptCitations(Protocol):
    """The citations that are kept, whoever told them."""

    def related(
        self, arxiv_id: str, direction: CitationDirection, *, steps: int = 1, count: int = 100
    ) -> list[CitedPaper]:
        """Those that cite the paper or that it names, the nearest first, the newest of them first."""
        ...

    def counts(self, arxiv_ids: Sequence[str]) -> list[SourceCounts]:
        """What each source counted of these papers when it was asked last."""
        ...

    def degrees(self, arxiv_id: str) -> CitationDegrees:
        """How many citations of a paper are kept."""
        ...

    def total(self) -> int:
        """How many citations are kept, each once."""
        ...


class CitationStore(KeptCitations, Protocol):
    """The same for whoever brings more of them."""

    def keep(self, found: Sequence[PaperCitations]) -> None:
        """Put what a source says of each paper in the place of what it said before, all at once."""
        ...
