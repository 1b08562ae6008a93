"""Candidates and contexts of the demo's dates, through the real instance over its replay server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from registry_samples import NOW, labelled

from factory_assets.archive import Archive
from factory_assets.domain.archive import ArchiveRecord
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.papers import Paper
from factory_assets.domain.research import PieceKind
from factory_assets.instance import Instance
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.settings import Settings

DAY = date(2026, 6, 18)


SAMPLE = [one.paper for one in load_papers()]
# Those about what the replay has repositories of.
PAPERS = [
    paper
    for paper in SAMPLE
    if paper.day == DAY and {"agent", "agents", "memory", "cache"} & set(paper.title.lower().split())
][:10]
BEFORE = [paper for paper in SAMPLE if paper.day == DAY - timedelta(days=1)][:60]


def record(found: Paper) -> ArchiveRecord:
    return ArchiveRecord(
        **found.model_dump(exclude={"published", "updated"}),
        journal_ref=None,
        doi=None,
        licence=None,
        submitted=found.published,
        changed=found.published.date(),
    )


@pytest.fixture
def make(replay_settings: Settings) -> Iterator[Callable[..., Instance]]:
    """Instances with the papers of a date; the archive holds them and those of the day before."""
    made: list[Instance] = []

    def instance(**changes: object) -> Instance:
        one = Instance(replay_settings.model_copy(update={"factory_candidates": 3, **changes}))
        made.append(one)
        one.registry.papers.upsert(
            [labelled(arxiv_id=paper.arxiv_id, **paper.model_dump(exclude={"arxiv_id"})) for paper in PAPERS],
            now=NOW,
        )
        return one

    yield instance
    for one in made:
        one.close()


def fill_archive(settings: Settings) -> None:
    Archive(settings.archive_dir).merge(map(record, [*PAPERS, *BEFORE]))


def quiet(line: str) -> None:
    del line


def test_the_best_of_a_date_are_chosen_and_kept(make: Callable[..., Instance]) -> None:
    instance = make()
    found = instance.ideas.discover(DAY, quiet)
    assert instance.registry.ideas.candidates(DAY) == found
    assert [one.chosen for one in found] == [True] * 3 + [False] * 7
    assert all(one.reasons for one in found if one.score)
    assert instance.ideas.discover(DAY, quiet) == found


def test_pages_are_asked_once_a_week(make: Callable[..., Instance]) -> None:
    instance = make()
    instance.ideas.discover(DAY, quiet)
    asked = [request.path for request in instance.replay.server.requests if "/api/papers/" in request.path]
    assert len(asked) >= 3
    instance.ideas.discover(DAY, quiet)
    again = [request.path for request in instance.replay.server.requests if "/api/papers/" in request.path]
    assert again == asked


def test_around_each_there_are_papers_and_repositories_of_the_replay(
    make: Callable[..., Instance], replay_settings: Settings
) -> None:
    fill_archive(replay_settings)
    instance = make(factory_candidates=10)
    instance.ideas.discover(DAY, quiet)
    contexts = instance.ideas.research(DAY, quiet)
    assert len(contexts) == 10
    kinds = {piece.kind for context in contexts for piece in context.pieces}
    assert kinds >= {PieceKind.CANDIDATE, PieceKind.PAPER, PieceKind.REPOSITORY}
    assert max(sum(piece.kind is PieceKind.PAPER for piece in one.pieces) for one in contexts) == 7
    assert not [gap for one in contexts for gap in one.gaps if gap.startswith("repositories")]
    assert instance.registry.ideas.contexts(DAY) == contexts


def test_an_empty_archive_is_told_as_a_gap_of_every_context(make: Callable[..., Instance]) -> None:
    instance = make()
    instance.ideas.discover(DAY, quiet)
    for context in instance.ideas.research(DAY, quiet):
        assert any("the archive does not hold this paper" in gap for gap in context.gaps)


def test_what_is_like_a_spec_in_the_queue_loses_points(
    make: Callable[..., Instance], replay_settings: Settings
) -> None:
    from registry_samples import queue

    fill_archive(replay_settings)
    instance = make()
    best = instance.ideas.discover(DAY, quiet)[0]
    (paper,) = instance.registry.papers.by_id([best.arxiv_id])
    queue(instance.registry, "the-same")
    changed = Instance(instance.settings)
    with closing(changed):
        spec = changed.registry.queue.named("the-same")
        assert spec is not None
        same = spec.spec.model_copy(
            update={"name": "so-alike", "problem": paper.title, "solution": paper.abstract}
        )
        changed.registry.queue.add(
            DAY, [same], [], dropped=0, ranks=range(1, 4), late_ranks=range(4, 5), now=NOW
        )
        after = {one.arxiv_id: one for one in changed.ideas.discover(DAY, quiet)}[best.arxiv_id]
    assert any(reason.what.startswith("like so-alike") and reason.points < -5 for reason in after.reasons)


def test_papers_without_chosen_candidates_ask_for_them_first(make: Callable[..., Instance]) -> None:
    with pytest.raises(InputError, match="No candidates were chosen"):
        make().ideas.research(DAY, quiet)


def test_a_date_without_papers_has_neither(make: Callable[..., Instance]) -> None:
    instance = make()
    other = DAY - timedelta(days=9)
    assert (instance.ideas.discover(other, quiet), instance.ideas.research(other, quiet)) == ([], [])


def test_where_nothing_at_all_is_reached_the_run_fails_and_the_next_one_heals(
    make: Callable[..., Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = make()
    instance.ideas.discover(DAY, quiet)
    monkeypatch.setattr(type(instance.replay), "url", property(lambda self: "http://127.0.0.1:9"))
    with pytest.raises(InfrastructureError, match="Nothing could be looked up"):
        instance.ideas.research(DAY, quiet)
    assert len(instance.registry.ideas.contexts(DAY)) == 3
    monkeypatch.undo()
    healed = instance.ideas.research(DAY, quiet)
    assert all(not gap.startswith("repositories") for context in healed for gap in context.gaps)


def test_a_wrong_scoring_file_fails_the_run_that_reads_it(
    make: Callable[..., Instance], tmp_path: Path
) -> None:
    file = tmp_path / "scoring.yaml"
    file.write_text("built: 7\n")
    with pytest.raises(InputError, match=r"scoring\.yaml"):
        make(factory_scoring_file=file).ideas.discover(DAY, quiet)
