"""Citations as they are told: over HTTP, where only what is kept is told, and by `factory archive`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from citation_world import NOW
from defs_commands import Commands
from memory_registry import memory_registry
from openalex_server import OpenAlexServer, Work
from semantic_scholar_server import Known, SemanticScholarServer
from test_archive_api import ask
from test_archive_search import CACHES, NAMES, TREES
from test_archive_snapshot import LINE, written
from test_archive_store import OLD

from factory_assets.archive import Archive
from factory_assets.domain.citations import CitationStore, LinkedPaper, PaperCitations, SourceCounts

KEY = "right-key-of-openalex"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "archive")
    made.merge([CACHES, TREES, NAMES, OLD])
    return made


@pytest.fixture
def kept() -> CitationStore:
    store = memory_registry().citations
    counts = SourceCounts(
        arxiv_id=CACHES.arxiv_id, source="openalex", fetched_at=NOW, cited_by=12, references=31
    )
    cited = (
        LinkedPaper(arxiv_id=OLD.arxiv_id, title="As the source has it"),
        LinkedPaper(arxiv_id="2501.99999", title="Elsewhere"),
    )
    citing = (LinkedPaper(arxiv_id=TREES.arxiv_id, title=""),)
    store.keep([PaperCitations(counts=counts, citing=citing, cited=cited)])
    return store


@pytest.mark.anyio
async def test_references_are_told_with_what_the_archive_holds_of_them(
    archive: Archive, kept: CitationStore
) -> None:
    told = (await ask(archive, "/refs/2606.00001", kept)).json()
    assert (told["source"], told["count"]) == ("2606.00001", 2)
    elsewhere, old = told["refs"]
    assert elsewhere == {"arxiv_id": "2501.99999", "title": "Elsewhere", "has_full_text": False, "steps": 1}
    assert (old["arxiv_id"], old["title"]) == (OLD.arxiv_id, OLD.title)
    assert old["abstract"] == OLD.abstract


@pytest.mark.anyio
@pytest.mark.parametrize("arxiv_id", ["hep-th/9901001", "hep-th/9901001v2", "hep-th%2F9901001"])
async def test_who_cites_a_paper_is_told_by_its_id_with_a_slash_too(
    archive: Archive, kept: CitationStore, arxiv_id: str
) -> None:
    told = (await ask(archive, f"/cited-by/{arxiv_id}", kept, params={"steps": "2"})).json()
    assert [(paper["arxiv_id"], paper["steps"]) for paper in told["cited_by"]] == [
        ("2606.00001", 1),
        ("2606.00002", 2),
    ]
    one = (await ask(archive, f"/cited-by/{arxiv_id}", kept, params={"steps": "2", "limit": "1"})).json()
    assert (one["count"], one["source"]) == (1, "hep-th/9901001")


@pytest.mark.anyio
async def test_a_paper_is_told_with_what_a_source_counted_or_what_is_kept(
    archive: Archive, kept: CitationStore
) -> None:
    told = [
        (await ask(archive, f"/papers/{arxiv_id}", kept)).json() for arxiv_id in ("2606.00001", "2606.00002")
    ]
    assert [(paper["ref_count"], paper["cited_by_count"]) for paper in told] == [(31, 12), (1, 0)]
    assert (await ask(archive, "/stats", kept)).json()["total_refs"] == 3


@pytest.mark.anyio
async def test_nothing_is_kept_of_a_paper_and_what_is_no_id_is_an_error(archive: Archive) -> None:
    assert (await ask(archive, "/refs/2606.77777")).json() == {"source": "2606.77777", "count": 0, "refs": []}
    wrong = await ask(archive, "/cited-by/no-id")
    assert (wrong.status_code, "is not an arXiv id" in wrong.json()["error"]) == (400, True)
    assert (await ask(archive, "/refs/2606.00001", method="POST")).status_code == 405


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def openalex() -> Iterator[OpenAlexServer]:
    works = (
        Work("W1", "2606.00001", title="Caches", names=("W2",), more=3),
        Work("W2", "0704.0001", title="Not the title that arXiv has", names=("W3",)),
        Work("W3", "hep-th/9901001", title=None),
    )
    with OpenAlexServer(*works, keys=(KEY,)) as server:
        yield server


def live(server: OpenAlexServer) -> dict[str, str]:
    return {"FACTORY_MODE": "live", "OPENALEX_API_KEY": KEY, "FACTORY_OPENALEX_URL": server.url}


def test_references_are_looked_up_once_and_told(
    commands: Commands, openalex: OpenAlexServer, tmp_path: Path
) -> None:
    commands("archive", "load", str(written(tmp_path, LINE)), **live(openalex))
    told = commands("archive", "refs", "2606.00001v2", **live(openalex))
    assert told.code == 0, told.err
    assert "2606.00001: 3 citations, 1 reference (openalex, " in told.out
    assert "0704.0001 Calculation of prompt diphoton" in told.out
    openalex.asked.clear()
    again = json.loads(commands("archive", "refs", "2606.00001", "--json", **live(openalex)).out)
    assert (again["counts"]["cited_by"], again["papers"][0]["arxiv_id"]) == (3, "0704.0001")
    assert openalex.asked == []


def test_two_steps_and_an_old_id(commands: Commands, openalex: OpenAlexServer) -> None:
    commands("archive", "refs", "0704.0001", **live(openalex))
    told: dict[str, Any] = json.loads(
        commands("archive", "cited-by", "hep-th/9901001", "--steps", "2", "--json", **live(openalex)).out
    )
    assert [(paper["arxiv_id"], paper["steps"]) for paper in told["papers"]] == [
        ("0704.0001", 1),
        ("2606.00001", 2),
    ]
    cut = commands("archive", "cited-by", "hep-th/9901001", "--steps", "2", "--count", "1", **live(openalex))
    assert "2606.00001" not in cut.out


def test_a_source_that_fails_is_told_without_the_key_and_what_is_kept_is_listed(
    commands: Commands, openalex: OpenAlexServer
) -> None:
    commands("archive", "refs", "2606.00001", **live(openalex))
    refused = commands(
        "archive", "refs", "0704.0001", **{**live(openalex), "OPENALEX_API_KEY": "expired-key-0001"}
    )
    assert refused.code == 0
    assert "could not be looked up: OpenAlex answered 401" in refused.err
    assert "expired-key-0001" not in refused.err + refused.out
    assert "How often 0704.0001 is cited is not known" in refused.out


def test_without_a_key_of_openalex_semantic_scholar_is_asked(commands: Commands) -> None:
    papers = (Known("a", "2606.00001", names=("b",)), Known("b", "2501.00002", "Trees"))
    with SemanticScholarServer(*papers, keys=("s2-key-0001",)) as server:
        where = {"FACTORY_MODE": "live", "FACTORY_SEMANTIC_SCHOLAR_URL": server.url}
        told = commands("archive", "refs", "2606.00001", **where, SEMANTIC_SCHOLAR_API_KEY="s2-key-0001")
        assert "1 reference (semantic scholar, " in told.out
        assert {asked.headers["x-api-key"] for asked in server.asked} == {"s2-key-0001"}


def test_what_is_no_id_is_one_clear_error(commands: Commands) -> None:
    ended = commands("archive", "refs", "x", FACTORY_MODE="live")
    assert (ended.code, "'x' is not an arXiv id." in ended.err) == (1, True)
