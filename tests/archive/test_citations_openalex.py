"""What OpenAlex says of papers: found by DOI or page, its ids made arXiv's, within its limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from citation_world import CitationWorld, ends
from json_server import Reply
from openalex_server import OpenAlexServer, Work

from factory_assets.domain.citations import LinkedPaper
from factory_assets.domain.errors import CredentialError, InfrastructureError, InputError, RateLimitedError

KEY = "right-key-of-openalex"
OLD = "hep-th/9901001"
WORKS = (
    Work("W1", "2606.00001", title="Evicting  caches\u200b", names=("W2", "W3", "W4", "W9"), more=5),
    Work("W2", "2501.00002", title="Trees"),
    Work("W3", OLD, title=None),
    Work("W4", doi="10.1145/1", title="A book, of no arXiv paper"),
    Work("W5", "2606.00005", names=("W1",), published="2026-06-05"),
    Work("W6", "2606.00006", doi="10.1145/6", names=("W1", "W3"), published="2026-06-06"),
    Work("W7", doi="10.1145/7", names=("W1",), published="2026-06-07"),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CitationWorld]:
    with OpenAlexServer(*WORKS, keys=(KEY,)) as server:
        yield CitationWorld(server, tmp_path, KEY)


def test_a_paper_comes_with_its_counts_and_both_ends_as_arxiv_ids(world: CitationWorld) -> None:
    (found,) = world.ask("2606.00001").values()
    assert (found.counts.cited_by, found.counts.references, found.counts.source) == (8, 4, "openalex")
    assert found.counts.fetched_at == world.now
    assert found.title == "Evicting caches"
    assert ends(found) == (["2606.00006", "2606.00005"], ["2501.00002", OLD])
    assert found.cited == (
        LinkedPaper(arxiv_id="2501.00002", title="Trees"),
        LinkedPaper(arxiv_id=OLD, title=""),
    )


@pytest.mark.parametrize("asked", ["2606.00006", "2606.00001"])
def test_a_work_is_found_although_a_journals_doi_has_taken_the_place_of_arxivs(
    world: CitationWorld, asked: str
) -> None:
    assert world.ask(asked)[asked].counts.is_known


def test_old_ids_are_ids_like_others(world: CitationWorld) -> None:
    assert ends(world.ask(OLD)[OLD]) == (["2606.00006", "2606.00001"], [])


def test_a_work_that_is_known_by_its_page_alone_is_found(tmp_path: Path) -> None:
    plain = Work("W1", "2606.00001", doi="10.1/x", by_datacite=False)
    with OpenAlexServer(plain, keys=(KEY,)) as server:
        assert CitationWorld(server, tmp_path, KEY).ask("2606.00001")["2606.00001"].counts.is_known


def test_a_paper_that_it_does_not_know_has_no_counts_rather_than_zero(world: CitationWorld) -> None:
    found = world.ask("2606.00001", "2606.99999")
    assert not found["2606.99999"].counts.is_known
    assert found["2606.00001"].counts.is_known


def test_the_key_is_a_header_and_stands_in_no_address(world: CitationWorld) -> None:
    world.ask("2606.00001")
    assert all(asked.headers["authorization"] == f"Bearer {KEY}" for asked in world.server.asked)
    assert not any(KEY in asked.target for asked in world.server.asked)


def test_many_papers_are_asked_for_by_the_hundred_and_those_that_many_cite_by_some_pages(
    tmp_path: Path,
) -> None:
    cited = [Work(f"W{number}", f"2501.{number:05}") for number in range(1, 251)]
    citing = [
        Work(
            f"W{number}",
            f"2606.{number:05}",
            names=(*(work.key for work in cited), "W1"),
            published="2026-06-02",
        )
        for number in range(1001, 1231)
    ]
    with OpenAlexServer(*cited, *citing, keys=(KEY,)) as server:
        world = CitationWorld(server, tmp_path, KEY)
        found = world.ask(*(work.arxiv or "" for work in citing))
        assert len(found) == 230
        assert all(len(told.cited) == 250 for told in found.values())
        # 3 by DOI, and for each of them 3 for the 250 works that they all name.
        assert len(server.asked) == 3 + 3 * 3
        server.asked.clear()
        told = world.ask("2501.00001")["2501.00001"]
        assert (told.counts.cited_by, len(told.citing)) == (230, 200)
        assert len(server.asked) == 3


def test_a_daily_limit_that_is_spent_is_told_with_its_end_and_nothing_more_is_asked(tmp_path: Path) -> None:
    with OpenAlexServer(*WORKS, keys=(KEY,), lists=3) as server:
        world = CitationWorld(server, tmp_path, KEY)
        with pytest.raises(RateLimitedError, match="Insufficient budget") as raised:
            world.ask("2606.00001", "2606.00006")
        assert raised.value.until is not None
        assert world.slept == []
        assert len(server.asked) == 4


def test_a_key_that_has_expired_is_refused_and_is_not_shown(tmp_path: Path) -> None:
    with OpenAlexServer(*WORKS, keys=("another-key-of-openalex",)) as server:
        with pytest.raises(CredentialError, match="API key not found") as raised:
            CitationWorld(server, tmp_path, KEY).ask("2606.00001")
        assert KEY not in str(raised.value)
        assert "Check OpenAlex" in str(raised.value)


def test_without_a_key_a_tenth_of_the_limit_serves(tmp_path: Path) -> None:
    with OpenAlexServer(*WORKS, lists=100) as server:
        world = CitationWorld(server, tmp_path, None)
        assert world.ask("2606.00001")["2606.00001"].counts.cited_by == 8
        assert "authorization" not in server.asked[0].headers


WHOLE = WORKS[0].as_json(8)
WITHOUT_COUNT = {name: value for name, value in WHOLE.items() if name != "cited_by_count"}
PAGE = {"meta": {"count": 1, "next_cursor": None}, "results": [WHOLE]}


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (Reply(PAGE, cut=True), InfrastructureError, "cannot be reached"),
        (Reply(b'{"meta": {"count": 1}, "resu'), InfrastructureError, "malformed"),
        (
            Reply({"meta": {"count": 1}, "results": [{"id": "W1"}]}),
            InfrastructureError,
            "malformed: results.0.id",
        ),
        (
            Reply({"meta": {"count": 1}, "results": [WITHOUT_COUNT]}),
            InfrastructureError,
            "malformed: results.0.cited_by_count: Field required",
        ),
        (Reply({"results": []}), InfrastructureError, "malformed: meta: Field required"),
        (Reply({"error": "no such thing"}, 404), InfrastructureError, "no such question"),
        (Reply({"error": "oops"}, 500), InfrastructureError, "answered 500"),
        (Reply({"error": "Invalid query parameters error."}, 400), InputError, "answered 400"),
        (Reply({}, 302, {"Location": "/works"}), InputError, "answered 302"),
    ],
)
def test_an_answer_that_is_none_is_an_error_and_never_no_citations(
    world: CitationWorld, reply: Reply, kind: type[Exception], says: str
) -> None:
    world.server.next.append(reply)
    with pytest.raises(kind, match=says):
        world.ask("2606.00001")
    assert len(world.server.asked) == 1


def test_a_redirect_is_not_followed_with_the_key(world: CitationWorld, tmp_path: Path) -> None:
    with OpenAlexServer(*WORKS) as elsewhere:
        world.server.next.append(Reply({}, 301, {"Location": f"{elsewhere.url}/works"}))
        with pytest.raises(InputError, match="answered 301"):
            world.ask("2606.00001")
        assert elsewhere.asked == []
