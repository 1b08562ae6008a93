"""The research around a candidate: repositories on GitHub as strict as the real one, texts, gaps and their healing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from registry_samples import DAY, paper
from research_world import (
    NOW,
    PAPER,
    KilledError,
    World,
    cited,
    record,
    repository,
    research_world,
    similar,
    text_of,
)

from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import CitationDirection, Piece, PieceKind, ResearchContext
from factory_assets.ideas.repositories import README_CHARS, searches
from factory_assets.network.github import is_legal

SCOPE = repository(
    "lab/cachescope", "CacheScope, the code of our paper", readme="See arXiv:2606.01234.", stars=300
)
PROBE = repository(
    "acme/prefix-probe", "Prefix caches of servers, probed", licence="Apache-2.0", pushed=date(2026, 1, 2)
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with research_world(tmp_path, SCOPE, PROBE) as made:
        yield made


def of(context: ResearchContext, kind: PieceKind) -> list[Piece]:
    return [piece for piece in context.pieces if piece.kind is kind]


def repositories(world: World, one: Paper = PAPER) -> list[str]:
    (context,) = world.look(one)
    return [piece.title for piece in of(context, PieceKind.REPOSITORY)]


def asked(world: World) -> list[str]:
    return [parse_qs(urlsplit(path).query)["q"][0] for path in world.requests() if "/search/" in path]


def test_all_that_there_is_comes_together_with_ids_sources_and_licences(world: World) -> None:
    world.similar = similar(record("2606.10000"))
    world.cited = {CitationDirection.REFERENCES: cited("2606.30001")}
    world.text = text_of(PAPER.arxiv_id)
    (context,) = world.look()
    assert (context.gaps, context.made_at, context.day) == ((), NOW, DAY)
    assert [piece.id for piece in context.pieces] == ["C1", "P1", "P2", "R1", "R2", "M1"]
    found, other = of(context, PieceKind.REPOSITORY)
    assert (found.title, found.url, found.licence, found.stars, found.pushed) == (
        "lab/cachescope",
        "https://github.com/lab/cachescope",
        "MIT",
        300,
        date(2026, 6, 10),
    )
    assert found.relation == "found by its arXiv id"
    assert found.text == (
        "CacheScope, the code of our paper\n\nFiles: src/, README.md\n\nREADME:\nSee arXiv:2606.01234."
    )
    assert (other.title, other.licence) == ("acme/prefix-probe", "Apache-2.0")
    assert found.weight > other.weight
    (method,) = of(context, PieceKind.METHOD)
    assert (method.title, method.url) == ("3 Our Method", "https://arxiv.org/html/2606.01234")
    assert method.licence == "http://creativecommons.org/licenses/by/4.0/"
    assert world.registry.ideas.contexts(DAY) == [context]


@pytest.mark.parametrize(
    "changes",
    [{"stars": 9}, {"pushed": date(2025, 6, 19)}, {"archived": True}, {"description": None}],
)
def test_repositories_without_stars_or_upkeep_are_left_out(tmp_path: Path, changes: dict[str, Any]) -> None:
    kept = repository("acme/kept", "Prefix caches probed", stars=10, pushed=date(2025, 6, 20))
    dropped = repository("acme/dropped", "Prefix caches probed").model_copy(update=changes)
    with research_world(tmp_path, dropped, kept) as world:
        assert repositories(world) == ["acme/kept"]


def test_who_does_not_hold_to_the_search_is_left_out_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory_assets.replay.github._holds", lambda *_: True)
    monkeypatch.setattr(
        world.server.catalogues.github,
        "_repositories",
        (
            repository("acme/old", "Prefix caches", pushed=date(2020, 1, 1)),
            repository("a/b", "Prefix caches", stars=1),
        ),
    )
    assert repositories(world) == []


@pytest.mark.parametrize(
    "one",
    [
        PAPER,
        paper(title="日本語", abstract="…"),
        paper(title=" ".join(["Extraordinarily"] * 60)),
        paper("hep-th/9901001", title='"Quoted" AND OR NOT (AND) OR: NOT AND OR AND OR NOT'),
        paper(title="A of the"),
        paper(title=f"X1{'y' * 400}: z"),
    ],
)
def test_every_search_is_one_that_github_takes(world: World, one: Paper) -> None:
    assert all(is_legal(search.asked) for search in searches(one, NOW.date()))
    (context,) = world.look(one)
    assert not [gap for gap in context.gaps if gap.startswith("repositories")]


def test_searches_go_from_the_paper_itself_to_what_it_is_about() -> None:
    asked_for = [search.asked.partition(" stars:")[0] for search in searches(PAPER, NOW.date())]
    assert asked_for == [
        '"2606.01234" in:readme,description',
        '"CacheScope"',
        '"prefix caches"',
        "caches prefix probing",
        "caches prefix",
    ]
    (search, *_) = searches(PAPER, NOW.date())
    assert search.asked.endswith("stars:>=10 pushed:>=2025-06-20 archived:false")


def test_no_more_is_asked_once_seven_are_found_and_seven_are_the_most(tmp_path: Path) -> None:
    plenty = [repository(f"acme/cache-{number}", "CacheScope", stars=20 + number) for number in range(9)]
    with research_world(tmp_path, *plenty) as world:
        assert repositories(world) == [f"acme/cache-{number}" for number in range(8, 1, -1)]
        assert len(asked(world)) == 2


def test_a_repository_is_read_once_for_all_candidates(world: World) -> None:
    world.look(PAPER, PAPER.model_copy(update={"arxiv_id": "2606.05555"}))
    read = [path for path in world.requests() if path.startswith("/repos/")]
    assert len(read) == len(set(read)) == 4


def test_long_readmes_are_cut_hidden_characters_taken_out_and_empty_repositories_told_of(
    tmp_path: Path,
) -> None:
    long = repository(
        "acme/long", "Prefix caches", readme="a\u202eb" + "c" * 5_000, files=("x" * 300, *map(str, range(99)))
    )
    empty = repository("acme/empty", "Prefix caches", readme="", files=())
    huge = repository("acme/huge", "Prefix caches", readme="r" * (2 << 20))
    with research_world(tmp_path, long, empty, huge) as world:
        (context,) = world.look()
        texts = {piece.title: piece.text for piece in of(context, PieceKind.REPOSITORY)}
        assert context.gaps == ()
        assert texts["acme/empty"] == "Prefix caches"
        assert texts["acme/huge"] == "Prefix caches\n\nFiles: src/, README.md"
        assert "README:\nabccc" in texts["acme/long"]
        assert len(texts["acme/long"]) < README_CHARS + 600
        assert texts["acme/long"].count("x") <= 101


def test_a_search_that_github_broke_off_is_told_and_looked_up_again(world: World) -> None:
    world.server.catalogues.github.cut.add("2606.01234")
    (context,) = world.look()
    assert context.gaps == (
        "repositories: the search for its arXiv id: GitHub broke it off; there may be more",
    )
    assert [piece.title for piece in of(context, PieceKind.REPOSITORY)] == [
        "lab/cachescope",
        "acme/prefix-probe",
    ]
    world.server.catalogues.github.cut.clear()
    (healed,) = world.look()
    assert healed.gaps == ()


def test_a_limit_that_was_run_into_is_waited_for_once_and_then_a_gap(tmp_path: Path) -> None:
    with research_world(tmp_path, SCOPE, PROBE, searches=2) as world:
        (context,) = world.look()
        assert len(world.slept) == 1
        assert all(gap.startswith("repositories: the search for ") for gap in context.gaps)
        assert "API rate limit exceeded" in context.gaps[0]
        assert len(context.gaps) == 3
        # What was found before it is there.
        assert [piece.title for piece in of(context, PieceKind.REPOSITORY)] == ["lab/cachescope"]


def test_a_limit_on_reading_leaves_the_repository_and_a_gap_that_the_next_look_closes(world: World) -> None:
    world.server.catalogues.github.requests_an_hour = 3
    (context,) = world.look()
    assert [piece.text for piece in of(context, PieceKind.REPOSITORY)][
        1
    ] == "Prefix caches of servers, probed"
    assert context.gaps[0].startswith(
        "repositories: README and files of acme/prefix-probe: GitHub answered 403"
    )
    world.server.catalogues.github.requests_an_hour = None
    before = len(world.requests())
    (healed,) = world.look()
    assert healed.gaps == ()
    # The one that was read before is not read again.
    assert not [path for path in world.requests()[before:] if path.startswith("/repos/lab/cachescope")]


@pytest.mark.parametrize("broken", ["similar", "citations", "held", "text"])
def test_what_cannot_be_reached_is_a_gap_without_secrets_and_the_rest_is_there(
    world: World, broken: str
) -> None:
    world.similar, world.text = similar(record("2606.10000")), text_of(PAPER.arxiv_id)
    world.broken[broken] = InfrastructureError("No network to\nhttps://SECRET@host.")
    (context,) = world.look()
    assert len(context.gaps) == 1
    assert "No network to https://[redacted]@host." in context.gaps[0]
    kinds = {piece.kind for piece in context.pieces}
    assert PieceKind.REPOSITORY in kinds
    assert (PieceKind.METHOD in kinds) is (broken != "text")
    assert (PieceKind.PAPER in kinds) is (broken not in {"similar", "held"})


def test_github_out_of_order_is_a_gap_and_not_no_repository(world: World) -> None:
    world.server.catalogues.out_of_order.add("github")
    (context,) = world.look()
    assert of(context, PieceKind.REPOSITORY) == []
    assert "GitHub's search answered 503" in context.gaps[0]
    # It is left alone after two failures.
    assert len(world.requests()) == 2


def test_only_parts_with_gaps_are_looked_up_again_and_found_pieces_stay(world: World) -> None:
    world.similar = similar(record("2606.10000"), record("2606.10001"))
    world.counts_missing = True
    (first,) = world.look()
    assert first.gaps == (
        "related papers: its citations could not be looked up, or no source knows them yet",
    )
    requests = len(world.requests())
    world.broken["similar"] = InfrastructureError("The disk is gone.")
    world.asked.clear()
    (second,) = world.look()
    assert of(second, PieceKind.PAPER) == of(first, PieceKind.PAPER)
    assert len(second.gaps) == 2
    assert len(world.requests()) == requests
    assert "text" not in world.asked
    world.broken.clear()
    world.counts_missing = False
    (third,) = world.look()
    assert third.gaps == ()
    assert third.pieces == first.pieces


def test_a_context_without_gaps_is_not_looked_up_again(world: World) -> None:
    (first,) = world.look()
    requests, world.now = len(world.requests()), NOW.replace(hour=9)
    assert world.look() == [first]
    assert len(world.requests()) == requests


def test_an_archive_that_does_not_hold_the_paper_is_a_gap(world: World) -> None:
    world.records.clear()
    (context,) = world.look()
    assert context.gaps == (
        "related papers: the archive does not hold this paper, so that none like it was looked for",
    )


@pytest.mark.parametrize("text", [None, text_of(PAPER.arxiv_id, "2 Related Work")])
def test_a_paper_without_a_text_or_a_method_section_has_no_gap_for_that(world: World, text: Any) -> None:
    world.text = text
    (context,) = world.look()
    assert (context.gaps, of(context, PieceKind.METHOD)) == ((), [])


def test_each_context_is_kept_as_soon_as_it_is_made(world: World) -> None:
    second = paper("2606.09999", title="Another matter", abstract="")
    with pytest.raises(KilledError):
        world.look(PAPER, second, dies_at=1)
    assert [context.arxiv_id for context in world.registry.ideas.contexts(DAY)] == [PAPER.arxiv_id]


def test_without_a_token_the_lower_limit_is_met_and_told(world: World) -> None:
    world.token = None
    (context,) = world.look()
    assert context.gaps == ()
    world.token = "wrong"
    (other,) = world.look(PAPER.model_copy(update={"arxiv_id": "2606.07777"}))
    assert any("401" in gap for gap in other.gaps)
