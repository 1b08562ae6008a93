"""GitHub's REST API over recorded repositories: search, READMEs and trees, with the limits that the real one has.

Learnt from its documentation: https://docs.github.com/en/rest/search/search,
https://docs.github.com/en/search-github/searching-on-github/searching-for-repositories,
https://docs.github.com/en/rest/repos/contents#get-a-repository-readme, https://docs.github.com/en/rest/git/trees,
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from urllib.parse import unquote

from pydantic import JsonValue

from factory_assets.replay.catalogue_answer import CatalogueAnswer
from factory_assets.replay.recordings_model import RecordedRepository

_MINUTE, _HOUR = 60.0, 3600.0
_SEARCHES, _SEARCHES_WITH_TOKEN = 10, 30
_REQUESTS, _REQUESTS_WITH_TOKEN = 60, 5_000
_LONGEST_QUERY, _MOST_OPERATORS, _MOST_PER_PAGE = 256, 5, 100
_LARGEST_CONTENT = 1024 * 1024
_WORD = re.compile(r"[a-z0-9]+")
_TERM = re.compile(r'"([^"]*)"|(\S+)')
_IN = {"name", "description", "readme", "topics"}
_COMPARED = re.compile(r"^(>=|<=|>|<|)(.+)$")
_NO_AGENT = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."
)
_TOO_FAST = "API rate limit exceeded for this machine; authenticated requests get a higher limit."
_README = re.compile(r"^/repos/([^/]+/[^/]+)/readme$")
_TREE = re.compile(r"^/repos/([^/]+/[^/]+)/git/trees/([^/]+)$")
_BRANCH = "main"


@dataclass
class _Window:
    """The requests of the last minute or hour, counted as one kind."""

    seconds: float
    resource: str
    _times: list[float] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def left(self, limit: int) -> int:
        """How many there are left with this one; below 0 it is one too many."""
        with self._lock:
            now = time.monotonic()
            self._times = [at for at in self._times if now - at < self.seconds]
            left = limit - len(self._times) - 1
            if left >= 0:
                self._times.append(now)
            return left


@dataclass(frozen=True)
class _Wanted:
    """What a search asks for: terms, each as the words that follow on each other in it, where, and what else holds."""

    terms: Sequence[Sequence[str]]
    inside: frozenset[str]
    conditions: Mapping[str, str]


class PlayedGitHub:
    """Plays it. `token` is the one that is taken, None is any; whoever has none meets lower limits.

    `cut` are words: a search in which one of them stands runs out of time, and tells only the first that it found.
    """

    def __init__(
        self,
        repositories: Sequence[RecordedRepository],
        *,
        token: str | None,
        searches_a_minute: int | None,
        requests_an_hour: int | None = None,
    ) -> None:
        self._repositories = repositories
        self._token = token
        self._most_searches = searches_a_minute
        self.requests_an_hour = requests_an_hour
        self._searches = _Window(_MINUTE, "search")
        self._requests = _Window(_HOUR, "core")
        self.cut: set[str] = set()

    def answer(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> CatalogueAnswer | None:
        """The answer to a GET; None where it has no such address."""
        if path != "/search/repositories" and not path.startswith("/repos/"):
            return None
        if not headers.get("user-agent"):
            return CatalogueAnswer(403, {"message": _NO_AGENT})
        token = headers.get("authorization")
        if token is not None and self._token is not None and token != f"Bearer {self._token}":
            return CatalogueAnswer(401, {"message": "Bad credentials", "status": "401"})
        if path == "/search/repositories":
            limit = self._most_searches or (_SEARCHES_WITH_TOKEN if token else _SEARCHES)
            window = self._searches
        else:
            limit = self.requests_an_hour or (_REQUESTS_WITH_TOKEN if token else _REQUESTS)
            window = self._requests
        left = window.left(limit)
        reset = {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-resource": window.resource,
            "x-ratelimit-remaining": str(max(left, 0)),
            "x-ratelimit-reset": str(int(time.time() + window.seconds)),
        }
        if left < 0:
            return CatalogueAnswer(403, {"message": _TOO_FAST}, reset)
        if path == "/search/repositories":
            return self._search(query, reset)
        return self._read(path, query, reset)

    def _search(self, query: Mapping[str, str], reset: Mapping[str, str]) -> CatalogueAnswer:
        search = query.get("q", "")
        per_page = query.get("per_page", "30")
        operators = len(re.findall(r"\b(?:AND|OR|NOT)\b", search))
        wanted = _read_search(search)
        if wanted is None or len(search) > _LONGEST_QUERY or operators > _MOST_OPERATORS:
            errors: JsonValue = [{"resource": "Search", "field": "q", "code": "invalid"}]
            return CatalogueAnswer(422, {"message": "Validation Failed", "errors": errors}, reset)
        if not per_page.isdigit() or not 1 <= int(per_page) <= _MOST_PER_PAGE:
            return CatalogueAnswer(422, {"message": "Validation Failed", "errors": []}, reset)
        hits = [repo for repo in self._repositories if _matches(repo, wanted)]
        is_cut = any(word in search for word in self.cut)
        body: JsonValue = {
            "total_count": len(hits),
            "incomplete_results": is_cut,
            "items": [_repository(repo) for repo in hits[: 1 if is_cut else int(per_page)]],
        }
        return CatalogueAnswer(200, body, reset)

    def _read(self, path: str, query: Mapping[str, str], reset: Mapping[str, str]) -> CatalogueAnswer:
        readme, tree = _README.match(path), _TREE.match(path)
        named = unquote((readme or tree or [""])[1]) if readme or tree else ""
        repo = next((one for one in self._repositories if one.full_name.lower() == named.lower()), None)
        missing = CatalogueAnswer(404, {"message": "Not Found", "status": "404"}, reset)
        if repo is None:
            return missing
        if readme:
            return CatalogueAnswer(200, _readme(repo), reset) if repo.readme else missing
        if not repo.files:
            return CatalogueAnswer(409, {"message": "Git Repository is empty.", "status": "409"}, reset)
        if tree and unquote(tree[2]) in {_BRANCH, "HEAD"} and "recursive" not in query:
            return CatalogueAnswer(200, _tree(repo), reset)
        return missing


def _read_search(search: str) -> _Wanted | None:
    """A search taken apart; None where the real one would refuse it."""
    terms: list[list[str]] = []
    inside = {"name", "description", "topics"}
    conditions: dict[str, str] = {}
    for quoted, plain in _TERM.findall(search):
        name, colon, value = plain.partition(":")
        if name == "in" and colon:
            inside = set(value.split(","))
        elif colon and name in {"stars", "pushed", "archived"}:
            conditions[name] = value
        elif found := _WORD.findall((quoted or plain).lower()):
            terms.append(found)
    is_legal = inside <= _IN and all(map(_is_condition, conditions.items()))
    return _Wanted(terms, frozenset(inside), conditions) if terms and is_legal else None


def _is_condition(condition: tuple[str, str]) -> bool:
    name, value = condition
    if name == "archived":
        return value in {"true", "false"}
    compared = _COMPARED.match(value)
    form = r"\d+" if name == "stars" else r"\d{4}-\d\d-\d\d"
    return compared is not None and re.fullmatch(form, compared[2]) is not None


def _matches(repo: RecordedRepository, wanted: _Wanted) -> bool:
    """Whether every term stands in one of these places; words are whole, as those of its index are."""
    texts = {
        "name": repo.full_name.partition("/")[2],
        "description": repo.description or "",
        "readme": repo.readme,
        "topics": " ".join(repo.topics),
    }
    places = [f" {' '.join(_WORD.findall(texts[place].lower()))} " for place in sorted(wanted.inside)]
    says = all(any(f" {' '.join(term)} " in place for place in places) for term in wanted.terms)
    return says and all(_holds(repo, name, value) for name, value in wanted.conditions.items())


def _holds(repo: RecordedRepository, name: str, value: str) -> bool:
    if name == "archived":
        return repo.archived is (value == "true")
    compared = _COMPARED.match(value)
    if compared is None:
        return False
    if name == "stars":
        difference = repo.stars - int(compared[2])
    else:
        difference = (_pushed(repo) - date.fromisoformat(compared[2])).days
    return {
        ">=": difference >= 0,
        "<=": difference <= 0,
        ">": difference > 0,
        "<": difference < 0,
        "": difference == 0,
    }[compared[1]]


def _pushed(repo: RecordedRepository) -> date:
    return repo.pushed or datetime.now(UTC).date() - timedelta(days=1)


def _repository(repo: RecordedRepository) -> JsonValue:
    owner, _, name = repo.full_name.partition("/")
    licence: JsonValue = None
    if repo.licence:
        licence = {"key": repo.licence.lower(), "name": repo.licence, "spdx_id": repo.licence}
    return {
        "id": zlib.crc32(repo.full_name.encode()),
        "name": name,
        "full_name": repo.full_name,
        "private": False,
        "owner": {"login": owner, "type": "User"},
        "html_url": f"https://github.com/{repo.full_name}",
        "description": repo.description,
        "fork": False,
        "pushed_at": f"{_pushed(repo)}T09:30:00Z",
        "stargazers_count": repo.stars,
        "topics": list(repo.topics),
        "archived": repo.archived,
        "license": licence,
        "default_branch": _BRANCH,
        "score": 1.0,
    }


def _readme(repo: RecordedRepository) -> JsonValue:
    content = repo.readme.encode()
    # "Between 1-100 MB: only the raw media type"; in JSON the content is empty and the encoding none.
    is_large = len(content) > _LARGEST_CONTENT
    return {
        "type": "file",
        "name": "README.md",
        "path": "README.md",
        "size": len(content),
        "encoding": "none" if is_large else "base64",
        "content": "" if is_large else base64.encodebytes(content).decode(),
    }


def _tree(repo: RecordedRepository) -> JsonValue:
    entries: list[JsonValue] = [
        {
            "path": name.removesuffix("/"),
            "mode": "040000" if name.endswith("/") else "100644",
            "type": "tree" if name.endswith("/") else "blob",
            "sha": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
        }
        for name in repo.files
    ]
    sha = hashlib.sha1(repo.full_name.encode(), usedforsecurity=False).hexdigest()
    return {"sha": sha, "tree": entries, "truncated": False}
