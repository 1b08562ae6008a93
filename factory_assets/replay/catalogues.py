"""GitHub's search, npm, PyPI and the papers' pages over recorded things, with the limits that the real ones have.

Learnt from their documentation: https://docs.github.com/en/rest/search/search,
https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md, https://docs.pypi.org/api/json/.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import parse_qsl, unquote, urlsplit

from packaging.utils import canonicalize_name
from pydantic import JsonValue

from factory_assets.replay.recordings_model import Existing, RecordedPackage, RecordedRepository

_MINUTE = 60.0
_SEARCHES, _SEARCHES_WITH_TOKEN = 10, 30
_LONGEST_QUERY, _MOST_OPERATORS, _MOST_PER_PAGE = 256, 5, 100
_SHORTEST_TEXT, _LONGEST_TEXT, _MOST_OBJECTS = 2, 64, 250
_WORD = re.compile(r"[a-z0-9]+")
_TERM = re.compile(r'"([^"]*)"|(\S+)')
_IN = {"name", "description", "readme", "topics"}
_NO_AGENT = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."
)
_TOO_FAST = "API rate limit exceeded for this machine; authenticated requests get a higher limit."
# Every index has it.
_PIP = RecordedPackage(name="pip", description="The PyPA recommended tool for installing Python packages.")


@dataclass(frozen=True)
class CatalogueAnswer:
    """An answer in JSON."""

    status: int
    body: JsonValue
    headers: Mapping[str, str] = field(default_factory=dict)


class Catalogues:
    """Plays all of them. `token` is the one that GitHub takes, None is any; whoever has none meets a lower limit.

    `out_of_order` names those (github, npm, pypi, papers) that answer 503, for tests.
    """

    def __init__(
        self, existing: Existing, *, token: str | None = None, searches_a_minute: int | None = None
    ) -> None:
        self._existing = existing
        self._token = token
        self._most = searches_a_minute
        self._searches: list[float] = []
        self._lock = Lock()
        self.out_of_order: set[str] = set()

    def answer(self, target: str, headers: Mapping[str, str]) -> CatalogueAnswer | None:
        """The answer to a GET; None where none of them has such an address. Header names are in lower case."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.path == "/search/repositories":
            return self._broken("github") or self._search(query, headers)
        if parts.path == "/-/v1/search":
            return self._broken("npm") or self._packages(query)
        if found := re.fullmatch(r"/pypi/([^/]+)/json", parts.path):
            return self._broken("pypi") or self._project(unquote(found[1]))
        if found := re.fullmatch(r"/api/papers/([^/]+(?:/\d{7})?)", parts.path):
            return self._broken("papers") or self._paper(unquote(found[1]))
        return None

    def _broken(self, name: str) -> CatalogueAnswer | None:
        return CatalogueAnswer(503, {"message": "Service Unavailable"}) if name in self.out_of_order else None

    def _search(self, query: Mapping[str, str], headers: Mapping[str, str]) -> CatalogueAnswer:
        if not headers.get("user-agent"):
            return CatalogueAnswer(403, {"message": _NO_AGENT})
        token = headers.get("authorization")
        if token is not None and self._token is not None and token != f"Bearer {self._token}":
            return CatalogueAnswer(401, {"message": "Bad credentials", "status": "401"})
        limit = self._most or (_SEARCHES if token is None else _SEARCHES_WITH_TOKEN)
        left = self._count(limit)
        reset = {"x-ratelimit-limit": str(limit), "x-ratelimit-resource": "search"} | {
            "x-ratelimit-remaining": str(max(left, 0)),
            "x-ratelimit-reset": str(int(time.time() + _MINUTE)),
        }
        if left < 0:
            return CatalogueAnswer(403, {"message": _TOO_FAST}, reset)
        search = query.get("q", "")
        per_page = query.get("per_page", "30")
        operators = len(re.findall(r"\b(?:AND|OR|NOT)\b", search))
        asked, inside = _read_search(search)
        if not asked or len(search) > _LONGEST_QUERY or operators > _MOST_OPERATORS or not inside <= _IN:
            errors: JsonValue = [{"resource": "Search", "field": "q", "code": "invalid"}]
            return CatalogueAnswer(422, {"message": "Validation Failed", "errors": errors}, reset)
        if not per_page.isdigit() or not 1 <= int(per_page) <= _MOST_PER_PAGE:
            return CatalogueAnswer(422, {"message": "Validation Failed", "errors": []}, reset)
        hits = [repo for repo in self._existing.github if _matches(repo, asked, inside)]
        body: JsonValue = {
            "total_count": len(hits),
            "incomplete_results": False,
            "items": [_repository(repo) for repo in hits[: int(per_page)]],
        }
        return CatalogueAnswer(200, body, reset)

    def _count(self, limit: int) -> int:
        with self._lock:
            now = time.monotonic()
            self._searches = [at for at in self._searches if now - at < _MINUTE]
            left = limit - len(self._searches) - 1
            if left >= 0:
                self._searches.append(now)
            return left

    def _packages(self, query: Mapping[str, str]) -> CatalogueAnswer:
        text, size = query.get("text", ""), query.get("size", "20")
        if not _SHORTEST_TEXT <= len(text) <= _LONGEST_TEXT:
            why = f"The 'text' parameter must be between {_SHORTEST_TEXT} and {_LONGEST_TEXT} characters"
            return CatalogueAnswer(400, {"error": why, "code": "ERR_TEXT_LENGTH"})
        if not size.isdigit():
            return CatalogueAnswer(400, {"error": "The 'size' parameter must be a number"})
        wanted = set(_WORD.findall(text.lower()))
        # It takes packages with any of the words, those with most of them first.
        scored = [(len(wanted & _words(package)), package) for package in self._existing.npm]
        hits = sorted((pair for pair in scored if pair[0]), key=lambda pair: -pair[0])
        body: JsonValue = {
            "objects": [_package(package, score) for score, package in hits[: min(int(size), _MOST_OBJECTS)]],
            "total": len(hits),
            "time": "2026-06-20T00:00:00.000Z",
        }
        return CatalogueAnswer(200, body)

    def _project(self, name: str) -> CatalogueAnswer:
        canonical = canonicalize_name(name)
        for package in (_PIP, *self._existing.pypi):
            if canonicalize_name(package.name) == canonical:
                return CatalogueAnswer(200, _project(package))
        return CatalogueAnswer(404, {"message": "Not Found"})

    def _paper(self, arxiv_id: str) -> CatalogueAnswer:
        if arxiv_id not in self._existing.papers:
            return CatalogueAnswer(404, {"error": "Paper not found"})
        page: dict[str, JsonValue] = {"id": arxiv_id, "upvotes": 3}
        if link := self._existing.papers[arxiv_id]:
            page["githubRepo"] = link
        return CatalogueAnswer(200, page)


def _read_search(search: str) -> tuple[list[list[str]], set[str]]:
    """The terms, each as the words that follow on each other in it, and where they are looked for."""
    terms: list[list[str]] = []
    inside = {"name", "description", "topics"}
    for quoted, plain in _TERM.findall(search):
        if plain.startswith("in:"):
            inside = set(plain.removeprefix("in:").split(","))
        elif found := _WORD.findall((quoted or plain).lower()):
            terms.append(found)
    return terms, inside


def _matches(repo: RecordedRepository, asked: list[list[str]], inside: set[str]) -> bool:
    """Whether every term stands in one of these places; words are whole, as those of its index are."""
    texts = {
        "name": repo.full_name.partition("/")[2],
        "description": repo.description or "",
        "readme": repo.readme,
        "topics": " ".join(repo.topics),
    }
    places = [f" {' '.join(_WORD.findall(texts[place].lower()))} " for place in sorted(inside)]
    return all(any(f" {' '.join(term)} " in place for place in places) for term in asked)


def _words(package: RecordedPackage) -> set[str]:
    text = " ".join([package.name, package.description, *package.keywords])
    return set(_WORD.findall(text.lower()))


def _repository(repo: RecordedRepository) -> JsonValue:
    owner, _, name = repo.full_name.partition("/")
    return {
        "id": zlib.crc32(repo.full_name.encode()),
        "name": name,
        "full_name": repo.full_name,
        "private": False,
        "owner": {"login": owner, "type": "User"},
        "html_url": f"https://github.com/{repo.full_name}",
        "description": repo.description,
        "fork": False,
        "stargazers_count": repo.stars,
        "topics": list(repo.topics),
        "archived": False,
        "score": 1.0,
    }


def _package(package: RecordedPackage, score: int) -> JsonValue:
    described: dict[str, JsonValue] = {"description": package.description} if package.description else {}
    return {
        "package": {
            "name": package.name,
            "version": "1.0.0",
            "keywords": list(package.keywords),
            "date": "2026-05-01T00:00:00.000Z",
            "links": {"npm": f"https://www.npmjs.com/package/{package.name}"},
            **described,
        },
        "score": {"final": score, "detail": {"quality": 1, "popularity": 1, "maintenance": 1}},
        "searchScore": score,
    }


def _project(package: RecordedPackage) -> JsonValue:
    return {
        "info": {
            "name": package.name,
            "summary": package.description,
            "keywords": ",".join(package.keywords) or None,
            "package_url": f"https://pypi.org/project/{package.name}/",
            "version": "1.0.0",
        },
        "releases": {},
        "urls": [],
        "vulnerabilities": [],
    }
