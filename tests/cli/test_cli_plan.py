"""`factory plan`: what a range of dates will take, from what the registry holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, spec

from factory_assets.cli.plan import make_plan
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
