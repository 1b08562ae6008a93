"""What researched specs rest on, in the registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from ideas_fakes import OTHER, PROBLEM, STEP, claim, evidence_of
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, labelled, paper, spec

from factory_assets.domain.errors import StatusError
from factory_assets.domain.evidence import SpecEvidence
from factory_assets.domain.specs import QueuedSpec, Spec
from factory_assets.registry import Registry

OWN = "2606.01234"
GATHERED = labelled()
EVIDENCE = evidence_of(
    PROBLEM, STEP, claim("competitor", "It watches.", "R1"), papers=[paper(OWN), paper(OTHER)]
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def add(registry: Registry, one: Spec, evidence: dict[str, SpecEvidence], *analysed: str) -> list[QueuedSpec]:
    return registry.queue.add(
        DAY, [one], analysed, dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW, evidence=evidence
    )


def test_evidence_comes_back_as_it_was_queued_and_a_plain_spec_has_none(registry: Registry) -> None:
    (queued,) = add(registry, spec(), {"cache-probe": EVIDENCE, "another": EVIDENCE})
    (plain,) = add(registry, spec("plain-tool"), {})
    assert registry.evidence.of(queued.id) == EVIDENCE
    assert registry.evidence.of(plain.id) is None
    assert registry.evidence.routes([queued.id, plain.id]) == {queued.id: "research"}


def test_a_paper_that_was_never_gathered_is_known_by_the_evidence_of_its_spec(registry: Registry) -> None:
    registry.papers.upsert([labelled(title="As it was gathered")], now=NOW)
    (queued,) = add(registry, spec(source_papers=(OWN, OTHER)), {"cache-probe": EVIDENCE}, OWN)
    own, other = registry.evidence.papers_of(queued)
    assert own.title == "As it was gathered"
    assert other == paper(OTHER)


def test_a_spec_that_is_not_queued_leaves_no_evidence(registry: Registry) -> None:
    registry.papers.upsert([GATHERED], now=NOW)
    add(registry, spec("first-tool"), {}, OWN)
    with pytest.raises(StatusError):
        add(registry, spec(), {"cache-probe": EVIDENCE}, OWN)
    assert registry.queue.named("cache-probe") is None


def test_the_story_of_a_repo_tells_what_its_spec_rests_on(registry: Registry) -> None:
    add(registry, spec(), {"cache-probe": EVIDENCE})
    story = registry.stories.of_repo("cache-probe")
    assert story is not None
    assert story.evidence == EVIDENCE
