"""`factory plan`: what a range of dates will take, from what the registry holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, labelled, spec

from factory_assets.cli.plan import Plan, make_plan
from factory_assets.ideas.plan import USUAL_TOKENS
from factory_assets.registry import Registry
from factory_assets.settings import Settings


def test_a_large_spec_is_reckoned_with_its_own_budget_and_one_of_another_date_not_at_all(
    tmp_path: Path,
) -> None:
    registry = Registry(tmp_path / "registry.duckdb")
    specs = [spec("small", estimated_lines=200), spec("large", estimated_lines=4_500)]
    registry.queue.add(DAY, specs, [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    settings = Settings(_env_file=None)
    plan = make_plan(registry, settings, first=DAY, last=DAY, gathered={DAY})
    assert plan.work.specs_waiting == 2
    assert plan.work.build_dollars == pytest.approx(settings.factory_repo_budget_usd * (1.0 + 4.0))
    before = DAY.replace(day=DAY.day - 1)
    other = make_plan(registry, settings, first=before, last=before, gathered={before})
    assert (other.work.specs_waiting, other.work.build_dollars) == (0, 0)


def test_what_research_takes_follows_its_candidates_and_its_model(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry.duckdb")
    registry.papers.upsert([labelled(arxiv_id=f"2606.{number:05d}") for number in range(1, 6)], now=NOW)
    settings = Settings(_env_file=None, factory_data_dir=tmp_path)

    def planned(route: str) -> Plan:
        named = settings.model_copy(update={"factory_specs_from": route, "factory_candidates": 2})
        return make_plan(registry, named, first=DAY, last=DAY, gathered={DAY})

    assert planned("research").input_tokens == 2 * USUAL_TOKENS
    assert planned("research").analysis_dollars > 0
    assert planned("papers").input_tokens < USUAL_TOKENS
