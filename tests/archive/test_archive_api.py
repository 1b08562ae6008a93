"""The archive over HTTP: the paths and shapes that users of arxiv-archive know, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from memory_registry import memory_registry
from test_archive_search import CACHES, NAMES, TREES
from test_archive_store import OLD

from factory_assets.archive import Archive
from factory_assets.archive.api import archive_app
from factory_assets.archive.space import Space
from factory_assets.archive.text_store import KeptText, TextStore
from factory_assets.domain.citations import KeptCitations
from factory_assets.domain.research import Section

NOW = datetime(2026, 6, 6, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "archive")
    made.merge([CACHES, TREES, NAMES, OLD])
    return made


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def ask(
    archive: Archive, path: str, citations: KeptCitations | None = None, **asked: Any
) -> httpx.Response:
    kept = citations or memory_registry().citations
    transport = httpx.ASGITransport(archive_app(archive, kept, Space(archive), lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url="http://archive") as client:
        return await client.request(asked.pop("method", "GET"), path, **asked)


@pytest.mark.anyio
async def test_papers_are_found_by_words(archive: Archive) -> None:
    told = (await ask(archive, "/papers/search", params={"q": "evicting caches", "limit": "1"})).json()
    assert (told["query"], told["count"]) == ("evicting caches", 1)
    assert told["papers"] == [
        {
            "arxiv_id": "2606.00001",
            "title": "Evicting caches of keys and values",
            "abstract": "We replay logs of a server.",
            "authors": "A. Author, B. O'Brien",
            "categories": "cs.LG,stat.ML",
            "published": "2026-06-03T12:00:00Z",
            "updated": "2026-06-04T00:00:00Z",
            "licence": "http://creativecommons.org/licenses/by/4.0/",
            "has_full_text": False,
        }
    ]


@pytest.mark.anyio
@pytest.mark.parametrize("arxiv_id", ["hep-th/9901001", "hep-th/9901001v2", "hep-th%2F9901001"])
async def test_a_paper_is_read_by_its_id_with_a_slash_too(archive: Archive, arxiv_id: str) -> None:
    told = (await ask(archive, f"/papers/{arxiv_id}")).json()
    assert (told["arxiv_id"], told["ref_count"], told["cited_by_count"]) == ("hep-th/9901001", 0, 0)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["2606.00002", "2606.00001"]),
        ({"days": "11000", "cat": "hep-th"}, ["hep-th/9901001"]),
        ({"days": "11000", "limit": "1"}, ["2606.00002"]),
        ({"days": "x", "limit": "-1"}, ["2606.00002", "2606.00001"]),
        ({"cat": "nothing"}, []),
    ],
)
async def test_recent_papers_are_those_of_some_days_and_of_a_category(
    archive: Archive, params: dict[str, str], found: list[str]
) -> None:
    told = (await ask(archive, "/papers/recent", params=params)).json()
    assert [paper["arxiv_id"] for paper in told["papers"]] == found
    assert told["count"] == len(found)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("arxiv_id", "params", "found"),
    [
        ("2606.00001", {}, ["hep-th/9901001", "2606.00002"]),
        ("2606.00002v3", {"limit": "1"}, ["hep-th/9901001"]),
        ("hep-th%2F9901001", {}, ["2606.00001", "2606.00002"]),
        ("hep-th/9901001", {"limit": "x"}, ["2606.00001", "2606.00002"]),
    ],
)
async def test_papers_near_a_paper_are_found_by_its_id(
    archive: Archive, arxiv_id: str, params: dict[str, str], found: list[str]
) -> None:
    told = (await ask(archive, f"/similar/{arxiv_id}", params=params)).json()
    assert told["source"] == arxiv_id.replace("%2F", "/").removesuffix("v3")
    assert [paper["arxiv_id"] for paper in told["papers"]] == found
    assert told["count"] == len(found)


@pytest.mark.anyio
async def test_papers_near_a_text_are_found(archive: Archive) -> None:
    told = (await ask(archive, "/papers/similar", params={"q": "trees for decoding"})).json()
    assert (told["query"], told["count"]) == ("trees for decoding", 1)
    assert told["papers"][0]["arxiv_id"] == "2606.00002"


@pytest.mark.anyio
async def test_papers_have_an_embedding_once_somebody_asked_what_is_similar(archive: Archive) -> None:
    assert (await ask(archive, "/stats")).json()["with_embedding"] == 0
    await ask(archive, "/similar/2606.00001")
    assert (await ask(archive, "/stats")).json()["with_embedding"] == 4


@pytest.mark.anyio
async def test_full_texts_that_are_kept_are_told_of_and_not_handed_out(archive: Archive) -> None:
    kept = KeptText(
        arxiv_id="hep-th/9901001",
        known=1,
        version=1,
        asked_at=NOW,
        source="https://arxiv.org/html/hep-th/9901001",
        sections=(Section(heading="Method", text="The authors' own words."),),
    )
    TextStore(archive.folder).put(kept)
    TextStore(archive.folder).put(kept.model_copy(update={"arxiv_id": "2606.00001", "sections": ()}))
    has = {key: (await ask(archive, f"/papers/{key}")).json() for key in ("hep-th/9901001", "2606.00001")}
    assert [paper["has_full_text"] for paper in has.values()] == [True, False]
    assert "own words" not in str(has)
    assert (await ask(archive, "/stats")).json()["with_full_text"] == 1


@pytest.mark.anyio
async def test_what_is_held_is_counted(archive: Archive) -> None:
    told = (await ask(archive, "/stats")).json()
    assert (told["total_papers"], told["categories_count"], told["papers_last_7_days"]) == (4, 2, 2)
    assert (told["oldest_paper"], told["newest_paper"]) == ("1999-01-04T00:00:00Z", "2026-06-03T12:00:00Z")


@pytest.mark.anyio
async def test_an_empty_archive_answers_too(tmp_path: Path) -> None:
    empty = Archive(tmp_path / "none")
    assert (await ask(empty, "/health")).json() == {"status": "ok"}
    assert (await ask(empty, "/papers/search", params={"q": "x"})).json()["papers"] == []
    assert (await ask(empty, "/papers/similar", params={"q": "x"})).json()["papers"] == []
    assert (await ask(empty, "/similar/2606.00001")).status_code == 404
    assert (await ask(empty, "/stats")).json()["oldest_paper"] == "1970-01-01T00:00:00Z"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/papers/search", 400, "missing query parameter 'q'"),
        ("/papers/similar", 400, "missing query parameter 'q'"),
        ("/similar/2606.99999", 404, "paper 2606.99999 not found"),
        ("/similar/no-id", 400, "is not an arXiv id"),
        ("/papers/2606.99999", 404, "paper 2606.99999 not found"),
        ("/papers/../../etc/passwd", 404, "Not Found"),
        ("/papers/no-id", 400, "is not an arXiv id"),
        ("/nowhere", 404, "Not Found"),
    ],
)
async def test_what_is_wrong_is_told_as_an_error(archive: Archive, path: str, status: int, says: str) -> None:
    told = await ask(archive, path)
    assert told.status_code == status
    assert says in told.json()["error"]


@pytest.mark.anyio
async def test_nothing_can_be_written_by_it(archive: Archive) -> None:
    assert (await ask(archive, "/papers/2606.00001", method="POST")).status_code == 405


@pytest.mark.anyio
async def test_files_that_are_broken_are_an_error_and_no_health(archive: Archive) -> None:
    (archive.folder / "2026-06.parquet").write_bytes(b"no parquet")
    assert (await ask(archive, "/health")).status_code == 503
    broken = await ask(archive, "/papers/2606.00001")
    assert broken.status_code == 500
    assert "2026-06.parquet" in broken.json()["error"]
