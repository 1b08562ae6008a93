"""Specs from research in an instance: what must be there first, and what becomes of the papers of the date."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from analyze_fakes import FakeModel, proposal
from ideas_fakes import PROBLEM, STEP, context
from registry_samples import labelled

from factory_assets.domain.agents import StructuredModel
from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import UtcDatetime
from factory_assets.domain.research import Candidate
from factory_assets.instance import Instance
from factory_assets.settings import Settings

DAY = date(2026, 6, 3)
FIRST, SECOND, LATE = "2606.00001", "2606.00002", "2606.00003"
NOW: UtcDatetime = datetime(2026, 6, 6, tzinfo=UTC)


class Models:
    """One model, whatever the route."""

    def __init__(self, model: StructuredModel) -> None:
        self.model = model

    def by_routes(self, notify: object) -> StructuredModel:
        return self.model


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, factory_data_dir=tmp_path, factory_mode="replay")  # type: ignore[call-arg]


def instance(settings: Settings, *script: str) -> Instance:
    made = Instance(settings, models=Models(FakeModel(list(script))))
    made.registry.papers.upsert([labelled(arxiv_id=each) for each in (FIRST, SECOND)], now=NOW)
    return made


def chosen(made: Instance, *ids: str, others: tuple[str, ...] = ()) -> None:
    made.registry.ideas.record_candidates(
        DAY,
        [
            Candidate(
                arxiv_id=each, day=DAY, score=90 - place, reasons=(), place=place, chosen=each not in others
            )
            for place, each in enumerate([*ids, *others], start=1)
        ],
        now=NOW,
    )


def answered(name: str) -> str:
    spec = proposal(name, FIRST)
    return json.dumps({"spec": spec, "why_none": "", "claims": [PROBLEM, STEP]})


def unread(made: Instance) -> set[str]:
    return {paper.arxiv_id for paper in made.registry.papers.unanalysed(DAY)}


def test_a_date_gives_specs_with_evidence_and_every_paper_that_was_in_view_is_read(
    settings: Settings,
) -> None:
    made = instance(settings, answered("cache-order"))
    chosen(made, FIRST, others=(SECOND,))
    made.registry.ideas.record_context(context(FIRST))
    report = made.synthesis.synthesize(DAY, print)
    (queued,) = report.queued
    assert (queued.spec.name, queued.rank) == ("cache-order", 1)
    evidence = made.registry.evidence.of(queued.id)
    assert evidence is not None
    assert evidence.papers[0].title == f"On {FIRST}"
    assert unread(made) == set()


def test_a_run_that_is_repeated_asks_nobody(settings: Settings) -> None:
    made = instance(settings, answered("cache-order"))
    chosen(made, FIRST, others=(SECOND,))
    made.registry.ideas.record_context(context(FIRST))
    made.synthesis.synthesize(DAY, print)
    assert made.synthesis.synthesize(DAY, print).queued == ()


@pytest.mark.parametrize(
    ("has_candidates", "says"),
    [(False, "No candidates were chosen"), (True, "There is no research around its candidates")],
)
def test_without_candidates_or_research_nothing_is_marked_and_one_error_says_what_to_do(
    settings: Settings, has_candidates: bool, says: str
) -> None:
    made = instance(settings)
    if has_candidates:
        chosen(made, FIRST, others=(SECOND,))
    with pytest.raises(InputError, match=says) as error:
        made.synthesis.synthesize(DAY, print)
    assert f"factory ideas run --date {DAY}" in error.value.fix
    assert unread(made) == {FIRST, SECOND}


def test_papers_that_came_after_the_choice_are_not_lost(settings: Settings) -> None:
    made = instance(settings, answered("cache-order"))
    chosen(made, FIRST, others=(SECOND,))
    made.registry.ideas.record_context(context(FIRST))
    made.registry.papers.upsert([labelled(arxiv_id=LATE)], now=NOW)
    made.synthesis.synthesize(DAY, print)
    assert unread(made) == {LATE}
    with pytest.raises(InputError, match="came after its candidates were chosen"):
        made.synthesis.synthesize(DAY, print)
