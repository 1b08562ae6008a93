"""What is agreed for a spec, and what its scenarios come to, is kept as it was."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from acceptance_fakes import CONTRACT, SCENARIOS
from build_material import make_spec

from factory_assets.domain.acceptance import Acceptance, HeldScenario, ScenarioFault, ScenarioResult
from factory_assets.domain.builds import Phase
from factory_assets.domain.specs import Language
from factory_assets.registry import Registry

NOW = datetime(2026, 6, 3, 9, tzinfo=UTC)
AGREED = Acceptance(
    model="claude-sonnet-5-5",
    contract=CONTRACT,
    scenarios=tuple(
        HeldScenario(number=number, scenario=scenario, is_example=number <= 3)
        for number, scenario in enumerate(SCENARIOS, start=1)
    ),
    dropped=2,
)


def registry_with_a_spec(root: Path) -> tuple[Registry, int]:
    registry = Registry(root / "registry.duckdb")
    ranks = range(1, 3)
    (queued,) = registry.queue.add(
        date(2026, 6, 3), [make_spec(Language.BASH)], (), dropped=0, ranks=ranks, late_ranks=ranks, now=NOW
    )
    return registry, queued.id


def test_what_was_agreed_comes_back_and_what_is_struck_takes_its_place(tmp_path: Path) -> None:
    registry, spec_id = registry_with_a_spec(tmp_path)
    assert registry.builds.acceptance_of(spec_id) is None
    registry.builds.record_acceptance(spec_id, AGREED, now=NOW)
    assert registry.builds.acceptance_of(spec_id) == AGREED
    struck = AGREED.disputed(4, struck="The contract leaves it open.")
    registry.builds.record_acceptance(spec_id, struck, now=NOW)
    kept = registry.builds.acceptance_of(spec_id)
    assert kept == struck
    assert [held.number for held in kept.active] == [1, 2, 3, 5, 6]
    assert kept.digest == AGREED.digest


def test_a_repos_story_and_the_report_tell_of_it(tmp_path: Path) -> None:
    registry, spec_id = registry_with_a_spec(tmp_path)
    registry.builds.record_acceptance(spec_id, AGREED, now=NOW)
    registry.builds.start(spec_id, run_id="run", now=NOW)
    results = (
        ScenarioResult(number=1, fault=None, happened="all as asked for"),
        ScenarioResult(
            number=2, fault=ScenarioFault.EXIT_CODE, happened="exit code: 0 was asked for, 1 came"
        ),
    )
    registry.builds.record_results(spec_id, 1, commit="c", phase=Phase.BUILD, results=results, now=NOW)
    story = registry.stories.of_repo("word-count")
    assert story is not None
    assert story.acceptance == AGREED
    assert story.attempts[0].scenarios == results
    assert registry.reports.statistics(date(2026, 6, 3), date(2026, 6, 3)).acceptances == (AGREED,)
