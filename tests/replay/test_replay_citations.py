"""The replay's citations: made up among the sample's papers, told as Semantic Scholar tells them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from factory_assets.archive.semantic_scholar import SemanticScholar
from factory_assets.domain.research import CitationDirection
from factory_assets.instance import Instance
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Existing
from factory_assets.replay.server import ReplayServer
from factory_assets.settings import Settings

FIELDS = "title,citationCount,referenceCount,citations.externalIds,references.externalIds,references.title"


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with ReplayServer(recordings=Recordings.of(Existing())) as server:
        yield server


def ask(server: ReplayServer, *ids: str, fields: str = FIELDS) -> Any:
    return httpx.post(
        f"{server.url}/graph/v1/paper/batch", params={"fields": fields}, json={"ids": list(ids)}
    ).json()


def test_each_citation_is_told_from_both_ends_and_leads_to_an_earlier_paper(server: ReplayServer) -> None:
    published = {paper.id: paper.published for paper in load_papers()}
    ids = list(published)[:500]
    told = dict(zip(ids, ask(server, *(f"ARXIV:{paper}" for paper in ids)), strict=True))
    named = {paper: [end["externalIds"]["ArXiv"] for end in told[paper]["references"]] for paper in ids}
    citing = {paper: [end["externalIds"]["ArXiv"] for end in told[paper]["citations"]] for paper in ids}
    assert sum(map(len, named.values())) > 20
    for paper in ids:
        assert told[paper]["referenceCount"] == len(named[paper])
        assert told[paper]["citationCount"] == len(citing[paper])
        assert all(published[other] < published[paper] for other in named[paper])
        assert all(paper in named[other] for other in citing[paper] if other in named)


def test_a_paper_of_none_is_null_and_a_batch_of_none_is_refused(server: ReplayServer) -> None:
    known = load_papers()[0].id
    assert [paper and paper["title"] for paper in ask(server, "ARXIV:2001.00001", f"ARXIV:{known}")] == [
        None,
        load_papers()[0].title,
    ]
    assert ask(server, "ARXIV:2001.00001") == {"error": "No valid paper ids given"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"ids": []}', b'{"ids": [1]}', json.dumps({"ids": ["a"] * 501}).encode()]
)
def test_what_is_no_question_is_refused(server: ReplayServer, body: bytes) -> None:
    answer = httpx.post(f"{server.url}/graph/v1/paper/batch", content=body)
    assert (answer.status_code, "error" in answer.json()) == (400, True)


def test_a_field_that_it_does_not_tell_is_refused_and_other_paths_are_not_found(server: ReplayServer) -> None:
    assert "unsupported fields: [abstract]" in ask(server, "ARXIV:2001.00001", fields="abstract")["error"]
    assert httpx.get(f"{server.url}/graph/v1/paper/ARXIV:2001.00001/citations").status_code == 404


def test_a_replay_instance_looks_citations_up_there_and_shows_no_key(replay_settings: Settings) -> None:
    keys = {"openalex_api_key": "real-key-of-openalex", "semantic_scholar_api_key": "real-key-of-s2"}
    instance = Instance(replay_settings.model_copy(update=keys))
    said: list[str] = []
    try:
        ids = [paper.id for paper in load_papers()]
        graph = instance.citing.graph(said.append)
        assert isinstance(graph.source, SemanticScholar)
        assert graph.source.service.credential == {}
        counts = graph.look_up(ids)
        cited = next(paper for paper in ids if counts[paper].cited_by)
        (near, *_) = graph.related(cited, CitationDirection.CITED_BY)
        assert (near.steps, bool(near.title)) == (1, True)
        assert len(counts) == len(ids)
        requests = instance.replay.server.requests
        assert {(request.method, request.status) for request in requests} == {("POST", 200)}
        requests.clear()
        assert instance.citing.graph(said.append).look_up(ids) == counts
        assert (requests, said) == ([], [])
    finally:
        instance.close()
