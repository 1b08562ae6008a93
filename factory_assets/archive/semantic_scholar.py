"""Semantic Scholar as a source of citations.

Forms and limits: https://api.semanticscholar.org/api-docs/graph. A batch has at most 500 papers and tells 9,999
citations in all: what is beyond them comes as an empty list, as if nobody cited the paper
(https://github.com/allenai/s2-folks/issues/199), so that no batch asks for as much. A batch in which it knows no paper
is refused as a whole. What a publisher withholds is null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from factory_assets.archive.citation_source import (
    clean_title,
    in_parts,
    linked,
    not_known,
    read_answer,
)
from factory_assets.domain.citations import LinkedPaper, PaperCitations, SourceCounts
from factory_assets.domain.errors import InfrastructureError
from factory_assets.network.service import Service

# What the service says of a batch in which it knows no paper.
NOTHING = "No valid paper ids given"
_SHORT = 200
_BATCH = 500
# So many papers and citations are told in some seconds, and well within what it tells at all.
_PAPERS, _LINKS = 50, 1000
_MOST_OF_ONE = 1000


class _ExternalIds(BaseModel):
    arxiv: str | None = Field(None, alias="ArXiv")


class _Paper(BaseModel):
    external: _ExternalIds | None = Field(None, alias="externalIds")
    title: str | None = None


class _Counted(_Paper):
    cited_by: int | None = Field(alias="citationCount", ge=0, lt=2**31)
    named: int | None = Field(alias="referenceCount", ge=0, lt=2**31)


class _Linked(_Counted):
    citing: tuple[_Paper, ...] | None = Field(None, alias="citations")
    cited: tuple[_Paper, ...] | None = Field(None, alias="references")


class _Link(BaseModel):
    citing: _Paper | None = Field(None, alias="citingPaper")
    cited: _Paper | None = Field(None, alias="citedPaper")


class _Links(BaseModel):
    data: tuple[_Link, ...] | None


_COUNTS = TypeAdapter(tuple[_Counted | None, ...])
_WITH_LINKS = TypeAdapter(tuple[_Linked | None, ...])
_LINKS_OF_ONE = TypeAdapter(_Links)
_PLAIN = "externalIds,title"
_COUNT_FIELDS = f"{_PLAIN},citationCount,referenceCount"
_LINK_FIELDS = ",".join(
    [_COUNT_FIELDS, *(f"{link}.{name}" for link in ("citations", "references") for name in _PLAIN.split(","))]
)


_Told = TypeVar("_Told", bound=_Counted)


@dataclass(frozen=True)
class SemanticScholar:
    """`url` is where its APIs begin, before /graph/v1."""

    service: Service
    url: str
    name = "semantic scholar"

    def citations(self, arxiv_ids: Sequence[str], now: Callable[[], datetime]) -> Iterator[PaperCitations]:
        """See CitationSource."""
        for part in in_parts(dict.fromkeys(arxiv_ids), _BATCH):
            known: dict[str, _Counted] = {}
            for arxiv_id, counted in zip(part, self._batch(_COUNTS, part, _COUNT_FIELDS), strict=True):
                if counted is None:
                    yield not_known(arxiv_id, self.name, now())
                else:
                    known[arxiv_id] = counted
            yield from self._with_links(known, now)

    def _with_links(
        self, known: dict[str, _Counted], now: Callable[[], datetime]
    ) -> Iterator[PaperCitations]:
        apart = {arxiv_id: counted for arxiv_id, counted in known.items() if _links(counted) > _LINKS}
        for group in _groups({key: counted for key, counted in known.items() if key not in apart}):
            answer = self._batch(_WITH_LINKS, group, _LINK_FIELDS)
            for arxiv_id, paper in zip(group, answer, strict=True):
                if paper is None or _is_cut(paper):
                    apart[arxiv_id] = known[arxiv_id]
                else:
                    yield self._told(arxiv_id, paper, paper.citing or (), paper.cited or (), now())
        for arxiv_id, counted in apart.items():
            citing = self._of_one(arxiv_id, "citations") if counted.cited_by else []
            cited = self._of_one(arxiv_id, "references") if counted.named else []
            yield self._told(arxiv_id, counted, citing, cited, now())

    def _told(
        self,
        arxiv_id: str,
        paper: _Counted,
        citing: Sequence[_Paper],
        cited: Sequence[_Paper],
        at: datetime,
    ) -> PaperCitations:
        counts = SourceCounts(
            arxiv_id=arxiv_id,
            source=self.name,
            fetched_at=at,
            cited_by=paper.cited_by,
            references=paper.named,
        )
        return PaperCitations(
            counts=counts,
            title=clean_title(paper.title),
            citing=_ends(citing, arxiv_id),
            cited=_ends(cited, arxiv_id),
        )

    def _batch(
        self, form: TypeAdapter[tuple[_Told | None, ...]], ids: Sequence[str], fields: str
    ) -> tuple[_Told | None, ...]:
        """What it says of each of these papers, in their order."""
        name, fix = self.service.name, self.service.fix
        question: JsonValue = {"ids": [f"ARXIV:{arxiv_id}" for arxiv_id in ids]}
        body = self.service.post(f"{self._papers}/batch?fields={fields}", question)
        if body is not None and NOTHING.encode() in body[:_SHORT]:
            return (None,) * len(ids)
        answer = read_answer(form, body, name=name, fix=fix)
        if len(answer) != len(ids):
            raise InfrastructureError(f"{name} answered {len(answer)} papers for {len(ids)}.", fix=fix)
        return answer

    def _of_one(self, arxiv_id: str, end: str) -> list[_Paper]:
        """The papers at that end of its citations, a thousand at most; none where they are withheld."""
        place = f"{self._papers}/ARXIV:{quote(arxiv_id, safe='/')}/{end}"
        body = self.service.get(f"{place}?fields={_PLAIN}&limit={_MOST_OF_ONE}")
        answer = read_answer(_LINKS_OF_ONE, body, name=self.service.name, fix=self.service.fix)
        ends = (link.citing if end == "citations" else link.cited for link in answer.data or ())
        return [paper for paper in ends if paper is not None]

    @property
    def _papers(self) -> str:
        return f"{self.url.rstrip('/')}/graph/v1/paper"


def _links(counted: _Counted) -> int:
    return (counted.cited_by or 0) + (counted.named or 0)


def _groups(known: dict[str, _Counted]) -> Iterator[list[str]]:
    """The papers in batches that may be told whole."""
    group: list[str] = []
    links = 0
    for arxiv_id, counted in known.items():
        if group and (len(group) == _PAPERS or links + _links(counted) > _LINKS):
            yield group
            group, links = [], 0
        group.append(arxiv_id)
        links += _links(counted)
    if group:
        yield group


def _is_cut(paper: _Linked) -> bool:
    """Whether it is counted, but not told, who cites it or what it names."""
    return bool(paper.cited_by and not paper.citing) or bool(paper.named and paper.cited == ())


def _ends(papers: Sequence[_Paper], about: str) -> tuple[LinkedPaper, ...]:
    return linked(
        ((paper.external.arxiv if paper.external else None, paper.title) for paper in papers), about=about
    )
