"""What the demo shows of novelty, through the real instance, and what they ask for only once."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from registry_samples import labelled

from factory_assets.domain.novelty import NoveltySource, NoveltyVerdict
from factory_assets.domain.specs import QueuedSpec
from factory_assets.instance import Instance
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.replay.recordings import Recordings
from factory_assets.settings import Settings

NOW = datetime(2026, 6, 20, tzinfo=UTC)
DAYS = (date(2026, 6, 17), date(2026, 6, 18))


@pytest.fixture
def instance(replay_settings: Settings) -> Instance:
    """With the specs of the demo in the queue, and their papers."""
    made = Instance(replay_settings)
    known = {paper.id.partition("v")[0]: paper for paper in load_papers()}
    for day in DAYS:
        specs = Recordings.demo().analyses[day].specs
        papers = {arxiv_id: known[arxiv_id] for spec in specs for arxiv_id in spec.source_papers}
        made.registry.papers.upsert(
            [
                labelled(arxiv_id=arxiv_id, title=paper.title, abstract=paper.summary, comment=paper.comment)
                for arxiv_id, paper in papers.items()
            ],
            now=NOW,
        )
        ranks = range(1, 4)
        made.registry.queue.add(day, specs, [], dropped=0, ranks=ranks, late_ranks=range(4, 5), now=NOW)
    return made


def queued(instance: Instance) -> list[QueuedSpec]:
    return [spec for day in DAYS for spec in instance.registry.queue.of_day(day)]


def test_the_demo_has_specs_of_both_kinds_and_none_that_waits(instance: Instance) -> None:
    known = instance.scouting.look_up(queued(instance), lambda _: None)
    verdicts = {spec.spec.name: known[spec.id].verdict for spec in queued(instance)}
    assert verdicts == {
        "dilution-check": NoveltyVerdict.CAUTION,
        "draft-budget": NoveltyVerdict.CAUTION,
        "demo-fails-its-gate-on-purpose": NoveltyVerdict.CAUTION,
        "evidence-order": NoveltyVerdict.PROCEED,
        "json-grounding": NoveltyVerdict.CAUTION,
        "pairwise-cases": NoveltyVerdict.CAUTION,
    }
    assert all(spec.wait_cause is None for spec in queued(instance))
    assert all(not novelty.missing for novelty in known.values())
    evidence = {source for novelty in known.values() for source, _ in novelty.evidence}
    assert evidence >= {
        NoveltySource.PAPER,
        NoveltySource.PAPER_PAGE,
        NoveltySource.GITHUB,
        NoveltySource.NPM,
        NoveltySource.PYPI,
    }


def test_what_is_known_is_not_looked_up_again_unless_the_setting_has_changed(
    instance: Instance, replay_settings: Settings
) -> None:
    told: list[str] = []
    instance.scouting.look_up(queued(instance), told.append)
    assert len(told) == 6
    instance.scouting.look_up(queued(instance), told.append)
    assert len(told) == 6
    strict = Instance(replay_settings.model_copy(update={"factory_novelty_floor": 0.95}))
    known = strict.scouting.look_up(queued(instance)[3:], told.append)
    assert {novelty.verdict for novelty in known.values()} >= {NoveltyVerdict.SKIP}
    assert [spec.spec.name for spec in queued(instance) if spec.wait_cause] != []
