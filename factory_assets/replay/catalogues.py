"""GitHub, npm, PyPI and the papers' pages over recorded things, with the limits that the real ones have.

Learnt from their documentation: https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md, https://docs.pypi.org/api/json/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from packaging.utils import canonicalize_name
from pydantic import JsonValue

from factory_assets.replay.catalogue_answer import CatalogueAnswer
from factory_assets.replay.github import PlayedGitHub
from factory_assets.replay.recordings_model import Existing, RecordedPackage

_SHORTEST_TEXT, _LONGEST_TEXT, _MOST_OBJECTS = 2, 64, 250
_WORD = re.compile(r"[a-z0-9]+")
# Every index has it.
_PIP = RecordedPackage(name="pip", description="The PyPA recommended tool for installing Python packages.")


class Catalogues:
    """Plays all of them. `token` is the one that GitHub takes, None is any; whoever has none meets a lower limit.

    `out_of_order` names those (github, npm, pypi, papers) that answer 503, for tests.
    """

    def __init__(
        self, existing: Existing, *, token: str | None = None, searches_a_minute: int | None = None
    ) -> None:
        self._existing = existing
        self.github = PlayedGitHub(existing.github, token=token, searches_a_minute=searches_a_minute)
        self.out_of_order: set[str] = set()

    def answer(self, target: str, headers: Mapping[str, str]) -> CatalogueAnswer | None:
        """The answer to a GET; None where none of them has such an address. Header names are in lower case."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.path == "/search/repositories" or parts.path.startswith("/repos/"):
            return self._broken("github") or self.github.answer(parts.path, query, headers)
        if parts.path == "/-/v1/search":
            return self._broken("npm") or self._packages(query)
        if found := re.fullmatch(r"/pypi/([^/]+)/json", parts.path):
            return self._broken("pypi") or self._project(unquote(found[1]))
        if found := re.fullmatch(r"/api/papers/([^/]+(?:/\d{7})?)", parts.path):
            return self._broken("papers") or self._paper(unquote(found[1]))
        return None

    def _broken(self, name: str) -> CatalogueAnswer | None:
        return CatalogueAnswer(503, {"message": "Service Unavailable"}) if name in self.out_of_order else None

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


def _words(package: RecordedPackage) -> set[str]:
    text = " ".join([package.name, package.description, *package.keywords])
    return set(_WORD.findall(text.lower()))


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
