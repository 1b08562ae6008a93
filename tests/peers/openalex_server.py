"""OpenAlex on loopback: its lists of works, as strict as the real one.

Learnt from https://help.openalex.org/api/ (authentication, filtering, paging, selecting-fields, errors) and from the
sources of what answers there: github.com/ourresearch/openalex-api-proxy (src/index.ts: keys, budgets, headers, the
longest request) and github.com/ourresearch/openalex-elastic-api (core/filter.py, core/validate.py, core/fields.py).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from json_server import Asked, JsonServer, Reply

_PARAMS = {
    "filter",
    "select",
    "sort",
    "per_page",
    "per-page",
    "page",
    "cursor",
    "search",
    "api_key",
    "mailto",
}
_FIELDS = {
    "id", "doi", "ids", "title", "display_name", "type", "language", "publication_date", "publication_year", "biblio",
    "authorships", "primary_location", "locations", "locations_count", "best_oa_location", "open_access",
    "cited_by_count", "counts_by_year", "referenced_works", "referenced_works_count", "related_works", "indexed_in",
    "is_retracted", "created_date", "updated_date", "abstract_inverted_index",
}  # fmt: skip
_MOST_VALUES, _MOST_PER_PAGE, _LONGEST_TARGET = 100, 100, 8192
_SECONDS_TO_MIDNIGHT = 43_200
ARXIV, DATACITE_ARXIV = "S4306400194", "S4393918464"


@dataclass(frozen=True)
class Work:
    """A work. `arxiv` is its id there, `doi` what took the place of arXiv's; `more` citations are of other works."""

    key: str
    arxiv: str | None = None
    doi: str | None = None
    title: str | None = "A work"
    names: tuple[str, ...] = ()
    published: str = "2026-06-01"
    more: int = 0
    by_datacite: bool = True

    def as_json(self, cited_by: int) -> dict[str, Any]:
        doi = self.doi or (f"10.48550/arxiv.{self.arxiv.lower()}" if self.arxiv else None)
        return {
            "id": f"https://openalex.org/{self.key}",
            "doi": f"https://doi.org/{doi}" if doi else None,
            "title": self.title,
            "publication_date": self.published,
            "locations": self.locations(),
            "cited_by_count": cited_by + self.more,
            "referenced_works": [f"https://openalex.org/{key}" for key in self.names],
            "referenced_works_count": len(self.names),
        }

    def locations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if self.doi:
            found.append(
                {"id": f"doi:{self.doi}", "landing_page_url": f"https://doi.org/{self.doi}", "source": None}
            )
        if self.arxiv and self.by_datacite:
            place = f"https://doi.org/10.48550/arxiv.{self.arxiv.lower()}"
            found.append({"id": None, "landing_page_url": place, "source": _source(DATACITE_ARXIV)})
        if self.arxiv:
            page = f"http://arxiv.org/abs/{self.arxiv}"
            named = f"pmh:oai:arXiv.org:{self.arxiv}"
            found.append({"id": named, "landing_page_url": page, "source": _source(ARXIV)})
        return found


def _source(key: str) -> dict[str, str]:
    return {"id": f"https://openalex.org/{key}", "display_name": "arXiv"}


class OpenAlexServer(JsonServer):
    """Holds works. `keys` may ask for `lists` lists a day each; whoever shows none may ask for a tenth."""

    def __init__(
        self, *works: Work, keys: tuple[str, ...] = ("right-key-of-openalex",), lists: int = 10_000
    ) -> None:
        super().__init__()
        self.works = list(works)
        self.keys = keys
        self.lists = lists
        self._used: dict[str, int] = {}

    def answer(self, asked: Asked) -> Reply:
        if len(asked.target) > _LONGEST_TARGET:
            return Reply({"error": "Request URL too long", "message": "Split it."}, 400)
        key = _key_of(asked)
        if key and key not in self.keys:
            return Reply({"error": "Invalid or missing API key", "message": "API key not found"}, 401)
        if asked.method == "GET" and asked.path == "/rate-limit":
            return self._rate_limit(key)
        if asked.method == "GET" and asked.path == "/works":
            return self._list(asked, key)
        return Reply({"error": "Not Found", "message": "The requested URL was not found."}, 404)

    def _list(self, asked: Asked, key: str) -> Reply:
        used, most = self._used.get(key, 0), self.lists if key else self.lists // 10
        headers = {"X-RateLimit-Limit": str(most), "X-RateLimit-Reset": str(_SECONDS_TO_MIDNIGHT)}
        if used >= most:
            message = "Insufficient budget. This request costs $0.0001 but you only have $0 remaining."
            body = {"error": "Rate limit exceeded", "message": message, "retryAfter": _SECONDS_TO_MIDNIGHT}
            spent = {**headers, "X-RateLimit-Remaining": "0", "Retry-After": str(_SECONDS_TO_MIDNIGHT)}
            return Reply(body, 429, spent)
        self._used[key] = used + 1
        try:
            body = self._works(asked.params)
        except ValueError as error:
            return Reply({"error": "Invalid query parameters error.", "message": str(error)}, 400, headers)
        return Reply(body, headers={**headers, "X-RateLimit-Remaining": str(most - used - 1)})

    def _rate_limit(self, key: str) -> Reply:
        if not key:
            return Reply({"error": "API key required", "message": "Provide a valid API key"}, 401)
        left = (self.lists - self._used.get(key, 0)) / 10_000
        told = {"daily_budget_usd": 1, "daily_remaining_usd": left, "resets_in_seconds": _SECONDS_TO_MIDNIGHT}
        return Reply({"api_key": f"{key[:3]}...{key[-3:]}", "rate_limit": told})

    def _works(self, params: dict[str, list[str]]) -> dict[str, Any]:
        if unknown := set(params) - _PARAMS:
            raise ValueError(f"{min(unknown)} is not a valid parameter.")
        if any(len(values) > 1 for values in params.values()):
            raise ValueError("Only one filter parameter is allowed.")
        given = {name: values[0] for name, values in params.items()}
        select = given.get("select", "").split(",") if given.get("select") else sorted(_FIELDS)
        if unknown := set(select) - _FIELDS:
            raise ValueError(f"{min(unknown)} is not a valid select field.")
        per_page = int(given.get("per_page", given.get("per-page", "25")))
        if not 1 <= per_page <= _MOST_PER_PAGE:
            raise ValueError(f"per-page parameter must be between 1 and {_MOST_PER_PAGE}.")
        found = [work for work in self.works if all(test(work) for test in _filters(given.get("filter", "")))]
        match given.get("sort", "cited_by_count:desc"):
            case "publication_date:desc":
                found.sort(key=lambda work: work.published, reverse=True)
            case "cited_by_count:desc":
                found.sort(key=self._cited_by, reverse=True)
            case other:
                raise ValueError(f"Sort param {other} is not valid.")
        start, after = 0, None
        if cursor := given.get("cursor"):
            if "page" in given:
                raise ValueError("Cannot use page parameter with cursor parameter.")
            start = 0 if cursor == "*" else _read_cursor(cursor)
            after = _cursor(start + per_page) if found[start : start + per_page] else None
        meta = {"count": len(found), "db_response_time_ms": 19, "page": None, "per_page": per_page}
        meta |= {"groups_count": None, "cost_usd": 0.0001} | ({"next_cursor": after} if cursor else {})
        page = [work.as_json(self._cited_by(work)) for work in found[start : start + per_page]]
        told = [{name: work[name] for name in select if name in work} for work in page]
        return {"meta": meta, "results": told, "group_by": []}

    def _cited_by(self, work: Work) -> int:
        return sum(work.key in other.names for other in self.works)


def _filters(text: str) -> list[Callable[[Work], bool]]:
    tests: list[Callable[[Work], bool]] = []
    for part in filter(None, text.split(",")):
        name, colon, value = part.partition(":")
        if not colon:
            raise ValueError("Invalid filter format.")
        values = value.split("|")
        if len(values) > _MOST_VALUES:
            raise ValueError(f"Maximum number of values exceeded for {name}.")
        tests.append(_filter(name, set(values)))
    return tests


def _filter(name: str, values: set[str]) -> Callable[[Work], bool]:
    lower = {value.lower().removeprefix("https://doi.org/") for value in values}
    match name:
        case "doi":
            return lambda work: (work.as_json(0)["doi"] or "").removeprefix("https://doi.org/") in lower
        case "openalex":
            return lambda work: work.key in values
        case "cites":
            return lambda work: bool(values & set(work.names))
        case "locations.landing_page_url":
            return lambda work: any(place["landing_page_url"] in values for place in work.locations())
        case "locations.source.id":
            return lambda work: any(
                place["source"] and place["source"]["id"].rpartition("/")[2] in values
                for place in work.locations()
            )
    raise ValueError(f"{name} is not a valid field. Did you mean: doi?")


def _key_of(asked: Asked) -> str:
    kind, _, key = asked.headers.get("authorization", "").partition(" ")
    return key if kind.lower() == "bearer" and key else asked.params.get("api_key", [""])[0]


def _cursor(start: int) -> str:
    return base64.urlsafe_b64encode(f"[{start}]".encode()).decode()


def _read_cursor(text: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(text).decode().strip("[]"))
    except ValueError:
        raise ValueError("Invalid cursor value") from None
