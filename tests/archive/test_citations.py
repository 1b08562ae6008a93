"""The citation graph: what is kept is asked for once in thirty days, and a fault is never taken for no citations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from citation_world import CitationWorld
from json_server import Reply
from openalex_server import OpenAlexServer, Work

from factory_assets.domain.errors import InputError
from factory_assets.domain.research import CitationDirection, CitationGraph

KEY = "right-key-of-openalex"
OLD = "hep-th/9901001"
WORKS = (
    Work("W1", "2606.00001", title="Caches", names=("W3",), more=5),
    Work("W2", "2606.00002", title="Trees", names=("W1",)),
    Work("W3", OLD, title="Strings", names=("W4",)),
    Work("W4", "math/0309136", title="Knots"),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CitationWorld]:
    with OpenAlexServer(*WORKS, keys=(KEY,)) as server:
        yield CitationWorld(server, tmp_path, KEY)


def test_what_was_looked_up_is_not_asked_for_again_for_thirty_days(world: CitationWorld) -> None:
    first = world.graph().look_up(["2606.00001", OLD])
    assert (first["2606.00001"].cited_by, first["2606.00001"].references, first[OLD].cited_by) == (6, 1, 1)
    world.server.asked.clear()
    world.now += timedelta(days=30) - timedelta(seconds=1)
    assert world.graph().look_up(["2606.00001", OLD]) == first
    assert world.server.asked == []
    world.now += timedelta(seconds=1)
    world.server.works.append(Work("W5", "2606.00005", names=("W1",)))
    again = world.graph().look_up(["2606.00001"])
    assert (again["2606.00001"].cited_by, again["2606.00001"].fetched_at) == (7, world.now)
    assert [paper.arxiv_id for paper in world.graph().related("2606.00001", CitationDirection.CITED_BY)] == [
        "2606.00005",
        "2606.00002",
    ]


def test_two_steps_lead_to_the_papers_behind_and_old_ids_are_ids_like_others(world: CitationWorld) -> None:
    graph: CitationGraph = world.graph()
    graph.look_up(["2606.00001", f"https://arxiv.org/abs/{OLD}v2"])
    found = graph.related("2606.00001v3", CitationDirection.REFERENCES, steps=2)
    assert [(paper.arxiv_id, paper.title, paper.steps) for paper in found] == [
        (OLD, "Strings", 1),
        ("math/0309136", "Knots", 2),
    ]
    assert [
        paper.arxiv_id for paper in graph.related("math/0309136", CitationDirection.CITED_BY, steps=2)
    ] == [
        OLD,
        "2606.00001",
    ]


@pytest.mark.parametrize("asked", ["math.GT/0309136", "math/0309136v2", "https://arxiv.org/abs/math/0309136"])
def test_counts_come_back_under_the_id_that_was_asked_for_in_any_form(
    world: CitationWorld, asked: str
) -> None:
    graph = world.graph()
    assert {arxiv_id: told.arxiv_id for arxiv_id, told in graph.look_up([asked]).items()} == {asked: asked}
    assert [paper.arxiv_id for paper in graph.related(asked, CitationDirection.CITED_BY)] == [OLD]


def test_an_unknown_paper_is_missing_and_is_asked_for_again_the_next_day(world: CitationWorld) -> None:
    assert world.graph().look_up(["2606.99999"]) == {}
    world.server.asked.clear()
    assert world.graph().look_up(["2606.99999"]) == {}
    assert world.server.asked == []
    world.now += timedelta(days=1)
    world.server.works.append(Work("W9", "2606.99999"))
    assert world.graph().look_up(["2606.99999"])["2606.99999"].cited_by == 0


def test_a_fault_is_told_what_came_before_it_stays_and_the_rest_is_asked_for_the_next_time(
    world: CitationWorld,
) -> None:
    graph = world.graph()
    # By DOI, the works that are named, who cites the first, who cites the second.
    honest, count = world.server.answer, iter(range(10))
    world.server.answer = lambda asked: Reply({}, 500) if next(count) == 3 else honest(asked)  # type: ignore[method-assign]
    found = graph.look_up(["2606.00001", OLD])
    assert list(found) == ["2606.00001"]
    assert world.told == [
        "Citations of 1 paper could not be looked up: OpenAlex answered 500: {} Fix: It is looked up again."
    ]
    world.server.asked.clear()
    assert list(world.graph().look_up(["2606.00001", OLD])) == ["2606.00001", OLD]
    assert all("2606.00001" not in asked.target for asked in world.server.asked)


def test_a_fault_leaves_what_was_kept_although_it_is_old(world: CitationWorld) -> None:
    world.graph().look_up(["2606.00001"])
    world.now += timedelta(days=31)
    world.server.next.append(Reply({}, 500))
    graph = world.graph()
    assert graph.look_up(["2606.00001"]) == {}
    assert [paper.arxiv_id for paper in graph.related("2606.00001", CitationDirection.REFERENCES)] == [OLD]


def test_what_another_source_has_said_lately_serves(world: CitationWorld) -> None:
    world.graph().look_up(["2606.00001"])
    with OpenAlexServer() as nothing:
        another = CitationWorld(nothing, world.folder, None, registry=world.registry)
        assert another.graph().look_up(["2606.00001"])["2606.00001"].source == "openalex"
        assert nothing.asked == []


def test_nothing_is_asked_for_nothing_and_what_is_no_id_is_refused(world: CitationWorld) -> None:
    assert world.graph().look_up([]) == {}
    with pytest.raises(InputError, match="not an arXiv id"):
        world.graph().look_up(["../../etc/passwd"])
    assert world.server.asked == []
