"""The archive over HTTP, read-only, with the paths and shapes that users of arxiv-archive know.

Wire forms: https://github.com/timholm/arxiv-archive (internal/api/server.go). Of full texts it tells which are kept,
and hands out none. An embedding is a paper's vector in the space of similar papers. Citations are those that are kept:
nothing is looked up for who asks. How often a paper is cited is what a source counted, or what is kept of it where that
is more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from factory_assets.archive.search import SearchIndex
from factory_assets.archive.space import Space
from factory_assets.archive.store import Archive
from factory_assets.archive.text_store import TextStore
from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.citations import KeptCitations, citation_key
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.domain.papers import split_arxiv_id
from factory_assets.domain.research import CitationDirection, CitedPaper

_MOST = 1000
# From the first paper on there are fewer.
_MOST_DAYS = 36_500
_SEARCH_LIMIT, _SIMILAR_LIMIT, _RECENT_LIMIT, _RECENT_DAYS = 20, 10, 50, 7
_MOST_STEPS = 2

Endpoint = Callable[[Request], Awaitable[Response]]


def archive_app(
    archive: Archive,
    citations: KeptCitations,
    space: Space,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Starlette:
    """The application over an archive, its space, and the citations that are kept."""
    answers = _Answers(archive, citations, SearchIndex(archive), space, TextStore(archive.folder), now)
    # An old id has a slash in it, so the paths with words come first.
    return Starlette(
        routes=[
            Route("/papers/search", _answering(answers.search)),
            Route("/papers/similar", _answering(answers.near)),
            Route("/papers/recent", _answering(answers.recent)),
            Route("/papers/{arxiv_id:path}", _answering(answers.paper)),
            Route("/similar/{arxiv_id:path}", _answering(answers.similar)),
            Route("/refs/{arxiv_id:path}", _answering(answers.refs)),
            Route("/cited-by/{arxiv_id:path}", _answering(answers.cited_by)),
            Route("/stats", _answering(answers.stats)),
            Route("/health", _answering(answers.health, fault=503)),
        ],
        exception_handlers={HTTPException: _refused},
    )


@dataclass(frozen=True)
class _Answers:
    archive: Archive
    citations: KeptCitations
    index: SearchIndex
    space: Space
    texts: TextStore
    now: Callable[[], datetime]

    def search(self, request: Request) -> dict[str, object]:
        query = _query(request)
        found = self.index.search(query, _number(request, "limit", _SEARCH_LIMIT))
        return {"query": query, **self._papers([hit.record for hit in found])}

    def near(self, request: Request) -> dict[str, object]:
        query = _query(request)
        found = self.space.near_text(query, _number(request, "limit", _SIMILAR_LIMIT))
        return {"query": query, **self._papers([hit.record for hit in found])}

    def similar(self, request: Request) -> dict[str, object]:
        arxiv_id = self._held(request).arxiv_id
        found = self.space.similar(arxiv_id, _number(request, "limit", _SIMILAR_LIMIT))
        return {"source": arxiv_id, **self._papers([hit.record for hit in found])}

    def recent(self, request: Request) -> dict[str, object]:
        category = request.query_params.get("cat", "")
        days = _number(request, "days", _RECENT_DAYS, _MOST_DAYS)
        papers = self.archive.recent(
            _number(request, "limit", _RECENT_LIMIT),
            category=category or None,
            since=self.now() - timedelta(days=days),
        )
        return {"category": category, "days": days, **self._papers(papers)}

    def paper(self, request: Request) -> dict[str, object]:
        record = self._held(request)
        key = citation_key(record.arxiv_id)
        kept, counted = self.citations.degrees(key), self.citations.counts([key])
        return {
            **self._paper(record),
            "ref_count": max([kept.references, *(counts.references or 0 for counts in counted)]),
            "cited_by_count": max([kept.cited_by, *(counts.cited_by or 0 for counts in counted)]),
        }

    def refs(self, request: Request) -> dict[str, object]:
        return self._linked(request, CitationDirection.REFERENCES, "refs")

    def cited_by(self, request: Request) -> dict[str, object]:
        return self._linked(request, CitationDirection.CITED_BY, "cited_by")

    def _linked(self, request: Request, direction: CitationDirection, name: str) -> dict[str, object]:
        arxiv_id = _arxiv_id(request)
        found = self.citations.related(
            citation_key(arxiv_id),
            direction,
            steps=_number(request, "steps", 1, _MOST_STEPS),
            count=_number(request, "limit", _MOST),
        )
        held = {record.arxiv_id: record for record in self.archive.read([paper.arxiv_id for paper in found])}
        papers = [self._cited(paper, held.get(paper.arxiv_id)) for paper in found]
        return {"source": arxiv_id, "count": len(papers), name: papers}

    def _cited(self, paper: CitedPaper, record: ArchiveRecord | None) -> dict[str, object]:
        """What is held of a paper; of one that is not held what its citation says."""
        told = {"arxiv_id": paper.arxiv_id, "title": paper.title, "has_full_text": False}
        return {**(told if record is None else self._paper(record)), "steps": paper.steps}

    def _papers(self, records: Sequence[ArchiveRecord]) -> dict[str, object]:
        return {"count": len(records), "papers": [self._paper(record) for record in records]}

    def _paper(self, record: ArchiveRecord) -> dict[str, object]:
        return _paper(record, has_full_text=self.texts.holds(record.arxiv_id))

    def stats(self, _: Request) -> dict[str, object]:
        held = self.archive.stats()
        return {
            "total_papers": held.records,
            "with_full_text": self.texts.count(),
            "with_embedding": self.space.papers(),
            "total_refs": self.citations.total(),
            "categories_count": len(held.by_category),
            "oldest_paper": _time(held.first_submitted),
            "newest_paper": _time(held.last_submitted),
            "last_sync": str(held.last_changed or ""),
            "papers_last_7_days": self.archive.count_since(self.now() - timedelta(days=7)),
            "papers_last_30_days": self.archive.count_since(self.now() - timedelta(days=30)),
        }

    def health(self, _: Request) -> dict[str, object]:
        self.archive.stats()
        return {"status": "ok"}

    def _held(self, request: Request) -> ArchiveRecord:
        arxiv_id = _arxiv_id(request)
        found = self.archive.read([arxiv_id])
        if not found:
            raise HTTPException(404, f"paper {arxiv_id} not found")
        return found[0]


def _answering(answer: Callable[[Request], dict[str, object]], *, fault: int = 500) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await run_in_threadpool(answer, request))
        except FactoryError as error:
            return JSONResponse({"error": str(error)}, fault)

    return endpoint


def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, error.status_code)


def _arxiv_id(request: Request) -> str:
    try:
        return split_arxiv_id(request.path_params["arxiv_id"])[0]
    except InputError as error:
        raise HTTPException(400, str(error)) from None


def _query(request: Request) -> str:
    query = request.query_params.get("q", "")
    if not query:
        raise HTTPException(400, "missing query parameter 'q'")
    return query


def _number(request: Request, name: str, usual: int, most: int = _MOST) -> int:
    """A count among the parameters, at most so many; what is none counts as not named."""
    text = request.query_params.get(name, "")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    return min(number, most) or usual


def _paper(record: ArchiveRecord, *, has_full_text: bool) -> dict[str, object]:
    told = {
        "arxiv_id": record.arxiv_id,
        "title": record.title,
        "abstract": record.abstract,
        "authors": ", ".join(record.authors),
        "categories": ",".join(record.categories),
        "published": _time(record.submitted),
        "updated": f"{record.changed}T00:00:00Z",
        "doi": record.doi,
        "journal_ref": record.journal_ref,
        "licence": record.licence,
        "has_full_text": has_full_text,
        "deleted": record.deleted or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _time(moment: datetime | None) -> str:
    return f"{moment or datetime(1970, 1, 1, tzinfo=UTC):%Y-%m-%dT%H:%M:%SZ}"
