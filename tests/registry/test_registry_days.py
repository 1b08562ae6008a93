"""A date at a glance in the registry: its story, and the digest that tells whether anything of it has changed."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from defs_fakes import STUBS_FOUND, TESTS_FAILED
from registry_samples import DAY, NOW, call, labelled, queue, ship, spec

from factory_assets.domain.builds import Phase, WaitCause
from factory_assets.registry import Registry

OTHER = date(2026, 6, 4)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def test_the_digest_of_a_date_changes_with_each_thing_that_its_page_shows(registry: Registry) -> None:
    queue(registry, "key-probe", day=OTHER)
    other = registry.stories.day_digests()[OTHER]
    seen = []

    def note() -> None:
        digests = registry.stories.day_digests()
        assert digests[OTHER] == other
        assert digests[DAY] == registry.stories.of_day(DAY).digest
        seen.append(digests[DAY])

    registry.papers.upsert([labelled()], now=NOW)
    note()
    cached, tree = registry.queue.add(
        DAY,
        [spec("cache-probe"), spec("tree-probe")],
        ["2606.01234"],
        dropped=0,
        ranks=range(1, 4),
        late_ranks=range(4, 6),
        now=NOW,
    )
    note()
    registry.builds.defer(tree.id, cause=WaitCause.CANCELLED, until=NOW, reason="Cancelled.")
    note()
    registry.queue.requeue(tree.id)
    note()
    ship(registry, cached)
    note()
    registry.repos.record_mirror(
        "cache-probe", url="https://github.com/example/cache-probe", commit="c", now=NOW
    )
    note()
    assert all(before != after for before, after in pairwise(seen))
    note()
    assert seen[-1] == seen[-2]


def test_a_spec_that_waits_for_a_rank_stands_on_the_date_that_proposed_it(registry: Registry) -> None:
    queue(registry, "cache-probe", "tree-probe", "key-probe", "late-probe")
    story = registry.stories.of_day(DAY)
    assert [(repo.queued.spec.name, repo.queued.rank) for repo in story.repos][-1] == ("late-probe", None)
    assert registry.stories.day_digests()[DAY] == story.digest


def test_a_repo_shows_the_refusals_of_its_last_attempt_and_the_dollars_of_all(registry: Registry) -> None:
    (queued,) = queue(registry, "cache-probe")
    for verdict in (TESTS_FAILED, STUBS_FOUND):
        started = registry.builds.start(queued.id, run_id="run-1", now=NOW)
        registry.ledger.record(
            call(stage="build", repo="cache-probe", phase=Phase.BUILD, at=started.queued_at)
        )
        registry.builds.record_verdict(queued.id, started.attempts, verdict, now=NOW)
        registry.builds.fail(queued.id, "refused")
    registry.ledger.record(call())
    story = registry.stories.of_day(DAY)
    (repo,) = story.repos
    assert [refusal.gate for refusal in repo.refusals] == [STUBS_FOUND.gate]
    assert (repo.dollars, story.dollars) == (0.5, 0.5)


def test_the_last_verdict_of_each_gate_names_its_repo(registry: Registry) -> None:
    first, second = queue(registry, "cache-probe", "tree-probe")
    for queued, verdicts in ((first, (STUBS_FOUND, TESTS_FAILED)), (second, (STUBS_FOUND,))):
        started = registry.builds.start(queued.id, run_id="run-1", now=NOW)
        for verdict in verdicts:
            registry.builds.record_verdict(queued.id, started.attempts, verdict, now=NOW)
    assert {judged.verdict.gate: judged.repo for judged in registry.stories.last_judged()} == {
        STUBS_FOUND.gate: "tree-probe",
        TESTS_FAILED.gate: "cache-probe",
    }
