"""The replay's OAI-PMH: the sample's papers, read back by the client as they are."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from factory_assets.archive.oai import ListRequest, OaiClient
from factory_assets.archive.oai_page import ExpiredTokenError, RefusedListError
from factory_assets.domain.archive import ArchiveRecord
from factory_assets.network.politeness import Politeness
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import ReplayServer


def client_of(url: str, folder: Path) -> OaiClient:
    return OaiClient(
        url=f"{url}/oai",
        politeness=Politeness(folder / "arxiv.lock", interval=0),
        user_agent="tests",
        notify=print,
        sleep=lambda _: None,
    )


def test_the_samples_papers_are_listed_page_by_page_as_they_are(tmp_path: Path) -> None:
    with ReplayServer(recordings=Recordings.demo()) as server:
        client = client_of(server.url, tmp_path)
        page = client.first_page(ListRequest("cs", date(2026, 1, 1), date(2026, 12, 31)))
        words = list(page.words)
        while page.token:
            page = client.next_page(page.token)
            words += page.words
            assert not page.unread
    papers = {
        one.id: one.paper for one in load_papers() if any(name.startswith("cs.") for name in one.categories)
    }
    read = [word.paper for word in words if isinstance(word, ArchiveRecord)]
    assert client.requests > 1
    assert {paper.arxiv_id for paper in read} == set(papers)
    assert len(read) == len(papers)
    for paper in read:
        assert paper.published == papers[paper.arxiv_id].published
        assert paper.categories == papers[paper.arxiv_id].categories


def test_what_arxiv_would_refuse_is_refused(tmp_path: Path) -> None:
    with ReplayServer(recordings=Recordings.demo()) as server:
        client = client_of(server.url, tmp_path)
        with pytest.raises(ExpiredTokenError):
            client.next_page("nonsense")
        assert client.first_page(ListRequest("cs", date(2020, 1, 1), date(2020, 1, 1))).words == ()
        with pytest.raises(RefusedListError):
            client._page(
                {"verb": "ListRecords", "metadataPrefix": "arXivRaw", "from": "1 June", "until": "x"}
            )
