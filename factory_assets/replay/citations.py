"""Semantic Scholar's batches of papers over the sample's papers, with citations that are made up.

Who cites whom among papers of the same weeks is recorded nowhere yet. Here a paper names those papers before it whose
titles share most of its rarer words with it, so that what is shown looks as it will. Form:
https://api.semanticscholar.org/api-docs/graph#tag/Paper-Data/operation/post_graph_get_papers.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field, JsonValue, ValidationError

from factory_assets.replay.arxiv_papers import ArxivRecord, load_papers
from factory_assets.replay.catalogue_answer import CatalogueAnswer

PATH = "/graph/v1/paper/batch"
_MOST_IDS = 500
_PLAIN = {"paperId", "externalIds", "title", "citationCount", "referenceCount"}
_ENDS = ("citations", "references")
_WORD = re.compile(r"[a-z]{5,}")
# A word of more titles is one of the trade.
_MOST_TITLES = 12
_SHARED, _NAMED = 2, 4


class _Question(BaseModel):
    ids: tuple[str, ...] = Field(min_length=1, max_length=_MOST_IDS)


class PlayedCitations:
    """Plays them. Threads may share one; the papers are read when they are first asked for."""

    def __init__(self, papers: Callable[[], Sequence[ArxivRecord]] = load_papers) -> None:
        self._load = papers

    def answer(self, target: str, body: bytes) -> CatalogueAnswer:
        """The answer to a POST of that target."""
        fields = parse_qs(urlsplit(target).query).get("fields", ["paperId,title"])[0].split(",")
        nested = {f"{end}.{name}" for end in _ENDS for name in _PLAIN}
        if unknown := [name for name in fields if name not in _PLAIN | nested]:
            return _refused(f"Unrecognized or unsupported fields: [{', '.join(unknown)}]")
        try:
            ids = _Question.model_validate_json(body).ids
        except ValidationError:
            return _refused(f"Send the ids of 1 to {_MOST_IDS} papers.")
        found = [self._papers.get(paper_id.removeprefix("ARXIV:")) for paper_id in ids]
        if not any(found):
            return _refused("No valid paper ids given")
        return CatalogueAnswer(200, [self._told(paper, fields) if paper else None for paper in found])

    def _told(self, paper: ArxivRecord, fields: Iterable[str]) -> JsonValue:
        told = self._plain(paper, {name for name in fields if "." not in name})
        for end, links in (("citations", self._citing), ("references", self._named)):
            names = {name.partition(".")[2] for name in fields if name.startswith(f"{end}.")}
            if names:
                told[end] = [self._plain(self._papers[key], names) for key in links.get(paper.id, ())]
        return told

    def _plain(self, paper: ArxivRecord, names: set[str]) -> dict[str, JsonValue]:
        told: dict[str, JsonValue] = {
            "paperId": f"{zlib.crc32(paper.id.encode()):040x}",
            "externalIds": {"ArXiv": paper.id, "CorpusId": zlib.crc32(paper.id.encode())},
            "title": paper.title,
            "citationCount": len(self._citing.get(paper.id, ())),
            "referenceCount": len(self._named.get(paper.id, ())),
        }
        return {name: value for name, value in told.items() if name in {*names, "paperId"}}

    @cached_property
    def _papers(self) -> dict[str, ArxivRecord]:
        return {paper.id: paper for paper in self._load()}

    @cached_property
    def _named(self) -> Mapping[str, Sequence[str]]:
        """The papers that each one names."""
        words = {paper.id: set(_WORD.findall(paper.title.lower())) for paper in self._papers.values()}
        of_word: dict[str, list[str]] = defaultdict(list)
        for paper_id, found in words.items():
            for word in found:
                of_word[word].append(paper_id)
        named: dict[str, Sequence[str]] = {}
        for paper in self._papers.values():
            shared = Counter(
                other
                for word in words[paper.id]
                if len(of_word[word]) <= _MOST_TITLES
                for other in of_word[word]
                if self._papers[other].published < paper.published
            )
            near = sorted((-count, other) for other, count in shared.items() if count >= _SHARED)
            named[paper.id] = [other for _, other in near[:_NAMED]]
        return named

    @cached_property
    def _citing(self) -> Mapping[str, Sequence[str]]:
        citing: dict[str, list[str]] = defaultdict(list)
        for paper_id, named in self._named.items():
            for other in named:
                citing[other].append(paper_id)
        return citing


def _refused(error: str) -> CatalogueAnswer:
    return CatalogueAnswer(400, {"error": error})
