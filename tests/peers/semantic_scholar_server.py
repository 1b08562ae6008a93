"""Semantic Scholar's graph API on loopback, as strict as the real one, with its odd answers.

Learnt from https://api.semanticscholar.org/api-docs/graph (fields, limits, null for what is not known) and from what is
reported of it: a batch tells 9,999 citations in all and then empty lists (github.com/allenai/s2-folks/issues/199), a
batch without any paper that it knows is a 400, references that a publisher withholds are null, a refused key is a 403,
and a 429 names no time (github.com/allenai/s2-folks/issues/84 and 218).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from json_server import Asked, JsonServer, Reply

_FIELDS = {
    "paperId", "corpusId", "externalIds", "url", "title", "abstract", "venue", "year", "referenceCount",
    "citationCount", "influentialCitationCount", "isOpenAccess", "publicationDate", "authors",
}  # fmt: skip
_NESTED = {f"{link}.{name}" for link in ("citations", "references") for name in _FIELDS}
_MOST_IDS, _MOST_TOLD, _MOST_LIMIT, _WINDOW = 500, 9_999, 1000, 10_000
_BATCH, _LINKS, _ONE = (
    "/graph/v1/paper/batch",
    re.compile(r"^/graph/v1/paper/ARXIV:(.+)/(citations|references)$"),
    re.compile(r"^/graph/v1/paper/(ARXIV:.+)$"),
)
_WITHHELD = ("counted", "but", "withheld")
TOO_MANY = Reply(
    {
        "message": "Too Many Requests. Please wait and try again or apply for a key for higher rate limits."
        " https://www.semanticscholar.org/product/api#api-key-form",
        "code": "429",
    },
    429,
)


@dataclass(frozen=True)
class Known:
    """A paper: its arXiv id, if it has one, and the keys of those that it names; `names` None is withheld."""

    key: str
    arxiv: str | None = None
    title: str | None = "A paper"
    names: tuple[str, ...] | None = ()


class SemanticScholarServer(JsonServer):
    """Holds papers. Without a key whoever asks shares a limit: `shared` requests are answered, then each is a 429."""

    def __init__(
        self, *papers: Known, keys: tuple[str, ...] = ("right-key-of-s2",), shared: int = 100
    ) -> None:
        super().__init__()
        self.papers = list(papers)
        self.keys = keys
        self.shared = shared
        self._without_key = 0

    def answer(self, asked: Asked) -> Reply:
        if (key := asked.headers.get("x-api-key")) is None:
            self._without_key += 1
            if self._without_key > self.shared:
                return TOO_MANY
        elif key not in self.keys:
            return Reply({"message": "Forbidden"}, 403)
        if asked.method == "POST" and asked.path == _BATCH:
            return self._batch(asked)
        if asked.method == "GET" and (match := _LINKS.match(asked.path)):
            return self._links(asked, match[1], match[2])
        if asked.method == "GET" and (match := _ONE.match(asked.path)):
            return self._one(asked, match[1])
        return Reply({"message": "Missing Authentication Token"}, 404)

    def _batch(self, asked: Asked) -> Reply:
        fields = asked.params.get("fields", ["paperId,title"])[0].split(",")
        if unknown := [name for name in fields if name not in _FIELDS | _NESTED]:
            return _refused(f"Unrecognized or unsupported fields: [{', '.join(unknown)}]")
        ids = json.loads(asked.body)["ids"]
        if not ids or len(ids) > _MOST_IDS:
            return _refused(f"Can only process {_MOST_IDS} paper ids at a time.")
        found = [self._by_id(given) for given in ids]
        if not any(found):
            return _refused("No valid paper ids given")
        left = {"citations": _MOST_TOLD, "references": _MOST_TOLD}
        return Reply([paper and self._told(paper, fields, left) for paper in found])

    def _one(self, asked: Asked, given: str) -> Reply:
        fields = asked.params.get("fields", ["paperId,title"])[0].split(",")
        if unknown := [name for name in fields if name not in _FIELDS | _NESTED]:
            return _refused(f"Unrecognized or unsupported fields: [{', '.join(unknown)}]")
        if (paper := self._by_id(given)) is None:
            return Reply({"error": f"Paper with id {given} not found"}, 404)
        return Reply(self._told(paper, fields, {"citations": _MOST_TOLD, "references": _MOST_TOLD}))

    def _told(self, paper: Known, fields: list[str], left: dict[str, int]) -> dict[str, Any]:
        told = self._plain(paper, {name for name in fields if "." not in name})
        for link in ("citations", "references"):
            names = {name.partition(".")[2] for name in fields if name.startswith(f"{link}.")}
            if names:
                ends = self._ends(paper, link)
                told[link] = None if ends is None else [self._plain(end, names) for end in ends[: left[link]]]
                left[link] -= len(told[link] or ())
        return told

    def _links(self, asked: Asked, arxiv_id: str, link: str) -> Reply:
        given = {name: values[0] for name, values in asked.params.items()}
        names = set(given.get("fields", "paperId,title").split(","))
        offset, limit = int(given.get("offset", "0")), int(given.get("limit", "100"))
        if names - _FIELDS:
            return _refused(f"Unrecognized or unsupported fields: {sorted(names - _FIELDS)}")
        if limit > _MOST_LIMIT or offset + limit >= _WINDOW:
            return _refused(
                "limit must be <= 1000" if limit > _MOST_LIMIT else "offset + limit must be < 10000"
            )
        if (paper := self._by_id(f"ARXIV:{arxiv_id}")) is None:
            return Reply({"error": f"Paper with id ARXIV:{arxiv_id} not found"}, 404)
        ends = self._ends(paper, link)
        if ends is None:
            notice = "Notice: The following paper fields have been elided by the publisher: {'references'}."
            return Reply({"data": None, "citingPaperInfo": {"openAccessPdf": {"disclaimer": notice}}})
        name = "citingPaper" if link == "citations" else "citedPaper"
        data = [{name: self._plain(end, names)} for end in ends[offset : offset + limit]]
        more = {"next": offset + limit} if len(ends) > offset + limit else {}
        return Reply({"offset": offset, **more, "data": data})

    def _plain(self, paper: Known, names: set[str]) -> dict[str, Any]:
        external = {"CorpusId": 1, **({"ArXiv": paper.arxiv} if paper.arxiv else {})}
        named = _WITHHELD if paper.names is None else paper.names
        all_of_it = {
            "paperId": paper.key,
            "externalIds": external,
            "title": paper.title,
            "citationCount": len(self._ends(paper, "citations") or ()),
            "referenceCount": len(named),
        }
        return {name: value for name, value in all_of_it.items() if name in names | {"paperId"}}

    def _ends(self, paper: Known, link: str) -> list[Known] | None:
        if link == "citations":
            return [other for other in self.papers if paper.key in (other.names or ())]
        if paper.names is None:
            return None
        by_key = {other.key: other for other in self.papers}
        return [by_key.get(key, Known(key)) for key in paper.names]

    def _by_id(self, given: str) -> Known | None:
        kind, _, value = given.partition(":")
        return next((paper for paper in self.papers if kind == "ARXIV" and paper.arxiv == value), None)


def _refused(error: str) -> Reply:
    return Reply({"error": error}, 400)
