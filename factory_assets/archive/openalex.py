"""OpenAlex as a source of citations.

Forms, limits and the three places in which a work names its arXiv id: https://help.openalex.org/api/authentication/,
/api/filtering/, /api/paging/, /data/works/attributes/ and /data/locations/. A list costs a ten-thousandth of the free
dollar of a day; a hundred values may stand in a filter, and a page has at most a hundred works.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, Field, TypeAdapter

from factory_assets.archive.citation_source import (
    clean_title,
    in_parts,
    key_of,
    linked,
    not_known,
    read_answer,
)
from factory_assets.domain.citations import LinkedPaper, PaperCitations, SourceCounts
from factory_assets.network.service import Service

_VALUES = 100
# A work that is found by its pages is asked for by three addresses.
_BY_PAGES = 30
# Of a paper that many cite the newest are kept.
_PAGES_OF_CITING = 2
# arXiv is two sources: as its own interface tells it, and as DataCite does.
_ARXIV = "S4306400194|S4393918464"
_WORK_ID = re.compile(r"^https://openalex\.org/(W\d{1,15})$")
_ARXIV_PLACES = (
    re.compile(r"^https?://(?:www\.)?arxiv\.org/abs/(\S+?)(?:v\d+)?$", re.IGNORECASE),
    re.compile(r"^https?://(?:dx\.)?doi\.org/10\.48550/arxiv\.(\S+)$", re.IGNORECASE),
    re.compile(r"^pmh:oai:arxiv\.org:(\S+)$", re.IGNORECASE),
    re.compile(r"^doi:10\.48550/arxiv\.(\S+)$", re.IGNORECASE),
)

_FIELDS, _COUNTS = "id,doi,title,locations", "cited_by_count,referenced_works,referenced_works_count"


class _Location(BaseModel):
    id: str | None = None
    landing_page_url: str | None = None


class _Work(BaseModel):
    id: str = Field(pattern=_WORK_ID.pattern)
    doi: str | None
    title: str | None
    locations: tuple[_Location, ...] | None

    @property
    def key(self) -> str:
        """Its id as filters take it."""
        return self.id.rpartition("/")[2]

    def arxiv_ids(self) -> list[str]:
        """The papers of arXiv that it is; mostly one, or none."""
        places = [self.doi]
        for location in self.locations or ():
            places += [location.id, location.landing_page_url]
        matches = (form.match(place) for place in places if place for form in _ARXIV_PLACES)
        return list(dict.fromkeys(key for match in matches if match and (key := key_of(match[1]))))


class _Counted(_Work):
    cited_by_count: int = Field(ge=0, lt=2**31)
    referenced_works_count: int = Field(ge=0, lt=2**31)
    referenced_works: tuple[str, ...]


class _Meta(BaseModel):
    count: int
    next_cursor: str | None = None


_Found = TypeVar("_Found", bound=_Work)


class _Page(BaseModel, Generic[_Found]):
    meta: _Meta
    results: tuple[_Found, ...]


_PLAIN, _COUNTED = TypeAdapter(_Page[_Work]), TypeAdapter(_Page[_Counted])


@dataclass(frozen=True)
class OpenAlex:
    """`url` is where its API begins."""

    service: Service
    url: str
    name = "openalex"

    def citations(self, arxiv_ids: Sequence[str], now: Callable[[], datetime]) -> Iterator[PaperCitations]:
        """See CitationSource."""
        for part in in_parts(dict.fromkeys(arxiv_ids), _VALUES):
            works = self._works_of(part)
            yield from (not_known(arxiv_id, self.name, now()) for arxiv_id in part if arxiv_id not in works)
            named = self._linked_works(works)
            for arxiv_id, work in works.items():
                citing = self._citing(work) if work.cited_by_count else []
                counts = SourceCounts(
                    arxiv_id=arxiv_id,
                    source=self.name,
                    fetched_at=now(),
                    cited_by=work.cited_by_count,
                    references=work.referenced_works_count,
                )
                yield PaperCitations(
                    counts=counts,
                    title=clean_title(work.title),
                    citing=_ends(citing, arxiv_id),
                    cited=_ends([named[key] for key in work.referenced_works if key in named], arxiv_id),
                )

    def _works_of(self, arxiv_ids: Sequence[str]) -> dict[str, _Counted]:
        """Their works: by the DOI that arXiv gives each; where a journal's has taken its place, by their pages."""
        dois = [f"10.48550/arxiv.{arxiv_id}" for arxiv_id in arxiv_ids]
        found = _by_arxiv_id(self._list(_COUNTED, "doi", dois), arxiv_ids)
        missing = [arxiv_id for arxiv_id in arxiv_ids if arxiv_id not in found]
        for part in in_parts(missing, _BY_PAGES):
            pages = [
                f"{begin}{arxiv_id}"
                for arxiv_id in part
                for begin in (
                    "http://arxiv.org/abs/",
                    "https://arxiv.org/abs/",
                    "https://doi.org/10.48550/arxiv.",
                )
            ]
            found |= _by_arxiv_id(self._list(_COUNTED, "locations.landing_page_url", pages), part)
        return found

    def _linked_works(self, works: dict[str, _Counted]) -> dict[str, _Work]:
        """The works that these name, by the address that they name them by."""
        keys = dict.fromkeys(
            match[1]
            for work in works.values()
            for key in work.referenced_works
            if (match := _WORK_ID.match(key))
        )
        return {
            work.id: work for part in in_parts(keys, _VALUES) for work in self._list(_PLAIN, "openalex", part)
        }

    def _citing(self, work: _Work) -> list[_Work]:
        return self._found(
            _PLAIN,
            _PAGES_OF_CITING,
            filter=f"cites:{work.key},locations.source.id:{_ARXIV}",
            sort="publication_date:desc",
        )

    def _list(self, form: TypeAdapter[_Page[_Found]], name: str, values: Sequence[str]) -> list[_Found]:
        # There are few works more than values: a paper may have two.
        return self._found(form, 3, filter=f"{name}:{'|'.join(values)}")

    def _found(self, form: TypeAdapter[_Page[_Found]], pages: int, **params: str) -> list[_Found]:
        """What a filter finds, at most so many pages of it."""
        select = _FIELDS if form is _PLAIN else f"{_FIELDS},{_COUNTS}"
        found: list[_Found] = []
        cursor: str | None = "*"
        while cursor is not None and pages:
            given = {**params, "select": select, "per_page": _VALUES, "cursor": cursor}
            body = self.service.get(f"{self.url.rstrip('/')}/works?{urlencode(given, safe=':/,*')}")
            page = read_answer(form, body, name=self.service.name, fix=self.service.fix)
            found += page.results
            cursor = page.meta.next_cursor if page.results and len(found) < page.meta.count else None
            pages -= 1
        return found


def _by_arxiv_id(works: Sequence[_Counted], asked: Sequence[str]) -> dict[str, _Counted]:
    """The works of the papers that were asked for, in their order; of two of one paper the one that is cited more."""
    by_cited = sorted(works, key=lambda work: work.cited_by_count)
    found = {arxiv_id: work for work in by_cited for arxiv_id in work.arxiv_ids()}
    return {arxiv_id: found[arxiv_id] for arxiv_id in asked if arxiv_id in found}


def _ends(works: Sequence[_Work], about: str) -> tuple[LinkedPaper, ...]:
    return linked(((next(iter(work.arxiv_ids()), None), work.title) for work in works), about=about)
