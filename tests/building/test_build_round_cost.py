"""A fault in a document costs one round of the agent of documents, and the ledger shows it beside the build."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from corpus_cases import corpus
from corpus_harness import CorpusRun

from factory_assets.domain.builds import Phase

pytestmark = pytest.mark.end_to_end


def test_a_shell_of_a_readme_ships_after_one_round_whose_cost_stands_beside_the_builds(
    tmp_path: Path,
) -> None:
    (case,) = (case for case in corpus() if case.name == "good-readme-fixed")
    run = CorpusRun(case, tmp_path)
    run.play()
    with duckdb.connect(str(run.data / "registry.duckdb"), read_only=True) as connection:
        ledger = connection.sql(
            "SELECT phase, model, cost_usd FROM llm_calls WHERE phase IS NOT NULL ORDER BY called_at"
        ).fetchall()
    queued = run.registry.queue.named(case.spec.name)
    assert queued is not None
    records = {record.phase: record for record in run.registry.builds.phases_of(queued.id, 1)}
    build, documents, fixed, review = (cost for *_, cost in ledger)
    phases = [Phase.BUILD, Phase.SEO, Phase.SEO, Phase.REVIEW]
    assert [(phase, model) for phase, model, _ in ledger] == [(each, records[each].model) for each in phases]
    assert records[Phase.BUILD].usage.cost_usd == pytest.approx(build)
    assert records[Phase.SEO].usage.cost_usd == pytest.approx(documents + fixed)
    assert 0 < fixed < documents < review < build
