"""What Semantic Scholar says of papers: in batches that are told whole, with its odd answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from citation_world import CitationWorld, ends
from json_server import Reply
from semantic_scholar_server import TOO_MANY, Known, SemanticScholarServer

from factory_assets.domain.citations import LinkedPaper
from factory_assets.domain.errors import CredentialError, InfrastructureError, InputError, RateLimitedError

KEY = "right-key-of-s2"
OLD = "hep-th/9901001"
PAPERS = (
    Known("a", "2606.00001", "Evicting  caches\u200b", ("b", "c", "d", "gone")),
    Known("b", "2501.00002", "Trees"),
    Known("c", OLD, None),
    Known("d", None, "A book"),
    Known("e", "2606.00005", names=("a",)),
    Known("f", None, names=("a", "c")),
    Known("g", "2606.00007", names=None),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CitationWorld]:
    with SemanticScholarServer(*PAPERS, keys=(KEY,)) as server:
        yield CitationWorld(server, tmp_path, KEY)


def paths(world: CitationWorld) -> list[str]:
    return [asked.path.removeprefix("/graph/v1/paper/") for asked in world.server.asked]


def test_a_paper_comes_with_its_counts_and_both_ends_as_arxiv_ids(world: CitationWorld) -> None:
    (found,) = world.ask("2606.00001").values()
    assert (found.counts.cited_by, found.counts.references) == (2, 4)
    assert found.counts.source == "semantic scholar"
    assert found.title == "Evicting caches"
    assert ends(found) == (["2606.00005"], ["2501.00002", OLD])
    assert found.cited[1] == LinkedPaper(arxiv_id=OLD, title="")
    assert paths(world) == ["batch", "batch"]


def test_old_ids_are_ids_like_others(world: CitationWorld) -> None:
    assert ends(world.ask(OLD)[OLD]) == (["2606.00001"], [])


def test_null_in_a_batch_is_a_paper_that_it_does_not_know(world: CitationWorld) -> None:
    found = world.ask("2606.99999", "2606.00001")
    assert not found["2606.99999"].counts.is_known
    assert found["2606.00001"].counts.cited_by == 2


def test_a_batch_without_any_paper_that_it_knows_is_no_fault(world: CitationWorld) -> None:
    for asked in ("2606.99999", "2606.99998", "2606.99997"):
        assert not world.ask(asked)[asked].counts.is_known
    source = world.source()
    for _ in range(3):
        assert [found.counts.is_known for found in source.citations(["2606.99999"], lambda: world.now)] == [
            False
        ]


def test_references_that_a_publisher_withholds_are_counted_and_none_of_them_is_told(
    world: CitationWorld,
) -> None:
    found = world.ask("2606.00007")["2606.00007"]
    assert (found.counts.references, found.cited) == (3, ())


def test_papers_that_many_cite_are_asked_for_alone_and_no_batch_is_cut(tmp_path: Path) -> None:
    famous, known = (
        Known("x", "1706.00001"),
        [Known(f"y{number}", f"1801.{number:05}") for number in range(12)],
    )
    citing = [
        Known(f"z{number}", f"2606.{number:05}", names=("x", *(paper.key for paper in known)))
        for number in range(2500)
    ]
    few = [paper for paper in citing if paper.key.endswith("00")]
    names = {paper.key for paper in few}
    papers = [famous, *known] + [
        paper if paper.key in names else Known(paper.key, paper.arxiv, names=("x",)) for paper in citing
    ]
    with SemanticScholarServer(*papers, keys=(KEY,)) as server:
        world = CitationWorld(server, tmp_path, KEY)
        found = world.ask("1706.00001", *(paper.arxiv or "" for paper in known))
        assert (found["1706.00001"].counts.cited_by, len(found["1706.00001"].citing)) == (2500, 1000)
        assert {len(found[paper.arxiv or ""].citing) for paper in known} == {len(few)}
        assert paths(world) == ["batch", "batch", "ARXIV:1706.00001/citations"]


def test_an_empty_list_of_a_batch_beside_a_count_is_asked_for_again(world: CitationWorld) -> None:
    counted = {"externalIds": {"ArXiv": "2606.00001"}, "title": "T", "citationCount": 2, "referenceCount": 4}
    world.server.next += [Reply([counted]), Reply([{**counted, "citations": [], "references": []}])]
    assert ends(world.ask("2606.00001")["2606.00001"]) == (["2606.00005"], ["2501.00002", OLD])
    assert paths(world)[2:] == ["ARXIV:2606.00001/citations", "ARXIV:2606.00001/references"]


def test_five_hundred_papers_go_into_a_batch_and_fifty_with_their_citations(tmp_path: Path) -> None:
    papers = [Known(f"k{number}", f"2606.{number:05}") for number in range(501)]
    with SemanticScholarServer(*papers, keys=(KEY,)) as server:
        world = CitationWorld(server, tmp_path, KEY)
        assert len(world.ask(*(paper.arxiv or "" for paper in papers))) == 501
        sizes = [len(json.loads(asked.body)["ids"]) for asked in server.asked]
        assert sizes == [500, *[50] * 10, 1, 1]


def test_the_key_is_a_header_and_stands_in_no_address(world: CitationWorld) -> None:
    world.ask("2606.00001")
    assert all(asked.headers["x-api-key"] == KEY for asked in world.server.asked)
    assert not any(KEY in asked.target for asked in world.server.asked)


def test_a_key_that_has_expired_is_refused_and_is_not_shown(tmp_path: Path) -> None:
    with SemanticScholarServer(*PAPERS, keys=("another-key-of-s2",)) as server:
        with pytest.raises(CredentialError, match=r"403: .*Forbidden") as raised:
            CitationWorld(server, tmp_path, KEY).ask("2606.00001")
        assert KEY not in str(raised.value)


def test_a_429_without_a_time_is_waited_for_longer_and_longer_and_then_told(tmp_path: Path) -> None:
    with SemanticScholarServer(*PAPERS) as server:
        world = CitationWorld(server, tmp_path, None)
        server.next += [TOO_MANY, TOO_MANY]
        assert world.ask("2606.00001")["2606.00001"].counts.is_known
        assert world.slept == [6.0, 21.0]
        assert world.told == [
            "Semantic Scholar asks to wait for 5 s.",
            "Semantic Scholar asks to wait for 20 s.",
        ]
        server.next += [TOO_MANY, TOO_MANY, TOO_MANY]
        with pytest.raises(RateLimitedError, match="Too Many Requests"):
            world.ask("2606.00001")


def test_without_a_key_the_shared_limit_holds(tmp_path: Path) -> None:
    with SemanticScholarServer(*PAPERS, shared=2) as server:
        world = CitationWorld(server, tmp_path, None)
        world.ask("2606.00001")
        with pytest.raises(RateLimitedError):
            world.ask("2606.00001")


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (
            Reply([{"citationCount": 1, "referenceCount": 1}], cut=True),
            InfrastructureError,
            "cannot be reached",
        ),
        (Reply(b'[{"citationCount": 1'), InfrastructureError, "malformed"),
        (Reply([{"title": "T"}]), InfrastructureError, "malformed: 0.citationCount: Field required"),
        (Reply([None, None]), InfrastructureError, "answered 2 papers for 1"),
        (Reply({"message": "Missing Authentication Token"}, 404), InfrastructureError, "no such question"),
        (Reply({"error": "Internal Server Error"}, 500), InfrastructureError, "answered 500"),
        (Reply({"error": "Unrecognized or unsupported fields"}, 400), InputError, "answered 400"),
    ],
)
def test_an_answer_that_is_none_is_an_error_and_never_no_citations(
    world: CitationWorld, reply: Reply, kind: type[Exception], says: str
) -> None:
    world.server.next.append(reply)
    with pytest.raises(kind, match=says):
        world.ask("2606.00001")
