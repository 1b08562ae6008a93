"""arXiv's query API over a set of papers: parameters in, Atom out, refusals included.

Learnt from arXiv's own program (arXiv/arxiv-search, `search/controllers/classic_api`) and its user manual.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from threading import Lock
from typing import Self

from arxiv_grammar import BadQueryError, fixed, parsed
from arxiv_index import PaperIndex
from arxiv_words import SearchError

from factory_assets.replay.arxiv_atom import Asked, AtomAnswer, error_page, page
from factory_assets.replay.arxiv_papers import ArxivRecord, load_papers

PAGE_LIMIT, QUERY_LIMIT, DEPTH_LIMIT = 2_000, 30_000, 10_000
"""Papers in a page and in a query (the user manual), and how deep the index pages (its MAX_RESULTS)."""

_ERRORS = "https://arxiv.org/api/errors"
_SORT_HELP = "https://arxiv.org/help/api/user-manual#sort"
_BROKEN = (
    "The server encountered an internal error and was unable to complete your request."
    " Either the server is overloaded or there is an error in the application."
)
_ID = re.compile(r"(?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?")
_REMEMBERED = 8


class SortBy(StrEnum):
    """What results are sorted by."""

    RELEVANCE = "relevance"
    UPDATED = "lastUpdatedDate"
    SUBMITTED = "submittedDate"


class SortOrder(StrEnum):
    """Which way."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True)
class _Search:
    """What is looked for and in which order: the same for all pages."""

    text: str | None
    ids: tuple[str, ...]
    sort_by: SortBy
    order: SortOrder


class _RefusalError(Exception):
    """An error entry."""

    def __init__(self, status: HTTPStatus, message: str, link: str = _ERRORS) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.link = link


class ArxivApi:
    """Plays `GET /api/query`. Threads may share one; the index is built at the first search."""

    def __init__(self, papers: Sequence[ArxivRecord]) -> None:
        self._papers = papers
        self._index: PaperIndex | None = None
        self._results: dict[_Search, list[ArxivRecord]] = {}
        self._lock = Lock()

    @classmethod
    def sample(cls) -> Self:
        """A player of the papers that come with the package."""
        return cls(load_papers())

    def answer(self, params: Mapping[str, str]) -> AtomAnswer:
        """The answer to one request, by its decoded parameters."""
        try:
            return AtomAnswer(HTTPStatus.OK, self._page(params))
        except _RefusalError as refusal:
            return AtomAnswer(refusal.status, error_page(refusal.message, link=refusal.link))

    def _page(self, params: Mapping[str, str]) -> bytes:
        ids = _ids(params.get("id_list", ""))
        size = _whole_number(params, "max_results", default=10)
        start = _whole_number(params, "start", default=0)
        sort_by, order = _sorting(params)
        raw = params.get("search_query", "")
        text = raw if params.get("raw") == "1" and "search_query" in params else fixed(raw)
        if text is None and not ids:
            raise _RefusalError(
                HTTPStatus.BAD_REQUEST,
                "Either a search_query or id_list must be specified for the classic API.",
            )
        _check_depth(start, size)
        found = self._found(_Search(text, ids, sort_by, order))
        asked = Asked(search_query=text or "", id_list=",".join(ids), start=start, max_results=size)
        return page(asked, total=len(found), papers=found[start : start + size])

    def _found(self, search: _Search) -> list[ArxivRecord]:
        with self._lock:
            if search not in self._results:
                while len(self._results) >= _REMEMBERED:
                    self._results.pop(next(iter(self._results)))
                self._results[search] = self._sorted(search)
            return self._results[search]

    def _sorted(self, search: _Search) -> list[ArxivRecord]:
        if self._index is None:
            self._index = PaperIndex(self._papers)
        try:
            query = None if search.text is None else parsed(search.text)
        except BadQueryError as error:
            raise _RefusalError(HTTPStatus.BAD_REQUEST, str(error)) from None
        try:
            numbers = self._index.with_ids(search.ids) if search.ids else None
            if query is not None:
                found = self._index.find(query)
                numbers = found if numbers is None else numbers & found
        except SearchError:
            raise _RefusalError(HTTPStatus.INTERNAL_SERVER_ERROR, _BROKEN) from None
        return sorted(
            (self._papers[number] for number in numbers or ()),
            key=_KEYS[search.sort_by],
            reverse=search.order is SortOrder.DESCENDING,
        )


def _shuffled(paper: ArxivRecord) -> tuple[object, ...]:
    """Relevance is not played; this is an order that nobody takes for one by date."""
    return (zlib.crc32(paper.id.encode()), paper.id)


_KEYS: Mapping[SortBy, Callable[[ArxivRecord], tuple[object, ...]]] = {
    SortBy.RELEVANCE: _shuffled,
    SortBy.UPDATED: lambda paper: (paper.changed, paper.id),
    SortBy.SUBMITTED: lambda paper: (paper.published, paper.id),
}


def _ids(id_list: str) -> tuple[str, ...]:
    ids = tuple(id_list.split(",")) if id_list else ()
    for arxiv_id in ids:
        if _ID.fullmatch(arxiv_id) is None:
            raise _RefusalError(
                HTTPStatus.BAD_REQUEST,
                f"incorrect id format for {arxiv_id}",
                f"{_ERRORS}#incorrect_id_format_for_{arxiv_id}",
            )
    return ids


def _whole_number(params: Mapping[str, str], name: str, *, default: int) -> int:
    try:
        number = int(params.get(name, default))
    except ValueError:
        raise _invalid(f"{name} must be an integer") from None
    if number < 0:
        raise _invalid(f"{name} must be non-negative")
    return number


def _sorting(params: Mapping[str, str]) -> tuple[SortBy, SortOrder]:
    sort_by, order = params.get("sortBy", SortBy.RELEVANCE), params.get("sortOrder", SortOrder.DESCENDING)
    for name, value, allowed in (("sortBy", sort_by, SortBy), ("sortOrder", order, SortOrder)):
        if value not in set(allowed):
            raise _RefusalError(
                HTTPStatus.BAD_REQUEST, f"{name} must be in: {', '.join(allowed)}", _SORT_HELP
            )
    return SortBy(sort_by), SortOrder(order)


def _check_depth(start: int, size: int) -> None:
    if size > PAGE_LIMIT:
        raise _invalid(f"max_results must not be above {PAGE_LIMIT}")
    if start + size > QUERY_LIMIT:
        raise _invalid(f"start and max_results together must not be above {QUERY_LIMIT}")
    if size == 0 or 1 + round(start / size) > DEPTH_LIMIT // size:
        raise _RefusalError(HTTPStatus.INTERNAL_SERVER_ERROR, _BROKEN)


def _invalid(message: str) -> _RefusalError:
    return _RefusalError(HTTPStatus.BAD_REQUEST, message, f"{_ERRORS}#{message.replace(' ', '_')}")
