"""From papers to a shipped repo by way of research, through Dagster, with the real Claude Code program."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from defs_factory import DefsRuns, checks, metadata
from defs_recordings import DEMO, copy_recordings
from github_git import git

from factory_assets.build_defs import build_defs
from factory_assets.cli.instance import open_instance
from factory_assets.defs.gate_checks import check_name
from factory_assets.domain.research import PieceKind
from factory_assets.gates import ALL_GATES
from factory_assets.registry import Registry
from factory_assets.settings import Mode, Settings

pytestmark = pytest.mark.end_to_end

DAY, NAME, PAPER = date(2026, 6, 18), "evidence-order", "2606.19667"
REPOSITORY = "https://github.com/example-owner/prompt-beginnings"


@dataclass(frozen=True)
class Researched:
    """The factory after a date whose specs come from research."""

    registry: Registry
    bare: Path
    ideas: dg.ExecuteInProcessResult
    again: dg.ExecuteInProcessResult
    calls: int
    built: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def researched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Researched]:
    folder = tmp_path_factory.mktemp("factory")
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        for name, value in _environment(folder).items():
            patch.setenv(name, value)
        settings = open_instance().settings
        with dg.DagsterInstance.get() as instance:
            yield _run(settings, instance)


def _environment(folder: Path) -> dict[str, str]:
    home = folder / "home"
    home.mkdir()
    # A replay instance is one that has its .env.
    (home / ".env").write_text("FACTORY_MODE=replay\n")
    recordings = copy_recordings(folder / "recordings", {str(DAY): (NAME,)})
    shutil.copy(DEMO / "existing.yaml", recordings)
    return {
        "DAGSTER_HOME": str(home),
        "FACTORY_MODE": Mode.REPLAY,
        "FACTORY_DATA_DIR": str(home / "data"),
        "FACTORY_RECORDINGS_DIR": str(recordings),
        "FACTORY_START_DATE": "2026-06-17",
        "FACTORY_END_DATE": "2026-06-19",
        "FACTORY_RANKS": "2",
        "FACTORY_SPECS_PER_DAY": "1",
        "FACTORY_ARXIV_INTERVAL": "0",
        "FACTORY_SPECS_FROM": "research",
        "FACTORY_CANDIDATES": "2",
        "FACTORY_SCORING_FILE": str(DEMO.parent / "demo-scoring.yaml"),
    }


def _run(settings: Settings, instance: dg.DagsterInstance) -> Researched:
    registry = Registry(settings.registry_place)
    runs = DefsRuns(build_defs(settings, {"registry": registry}), instance)
    assert runs.run_day("gather", DAY).success
    ideas = runs.run_day("analyze", DAY)
    calls = registry.ledger.usage(stage="synthesize").calls
    again = runs.run_day("analyze", DAY)
    built = runs.run_rank("build", DAY, 1)
    return Researched(registry, settings.git_dir / f"{NAME}.git", ideas, again, calls, built)


def shown(researched: Researched, file: str) -> str:
    return git("-C", str(researched.bare), "show", f"main:{file}")


def test_the_daily_analysis_researches_the_date_and_asks_once_about_each_candidate(
    researched: Researched,
) -> None:
    assert researched.ideas.success
    assert researched.again.success
    specs = metadata(researched.ideas, "specs")
    assert f"| 01 | {NAME} | python | [{PAPER}](https://arxiv.org/abs/{PAPER}) | research |" in str(
        specs["specs"]
    )
    assert researched.calls == 2
    assert researched.registry.ledger.usage(stage="synthesize").calls == 2, "nothing is paid for twice"
    assert researched.registry.papers.unanalysed(DAY) == []


def test_the_spec_rests_on_the_paper_its_method_and_a_repository(researched: Researched) -> None:
    queued = researched.registry.queue.named(NAME)
    assert queued is not None
    evidence = researched.registry.evidence.of(queued.id)
    assert evidence is not None
    assert {piece.kind for piece in evidence.pieces} == {
        PieceKind.CANDIDATE,
        PieceKind.METHOD,
        PieceKind.REPOSITORY,
    }


def test_the_repo_ships_and_its_files_lead_back_to_paper_and_repository(researched: Researched) -> None:
    assert researched.built.success
    assert checks(researched.built) == {check_name(gate): True for gate in ALL_GATES}
    spec = shown(researched, "SPEC.md")
    assert "\n## Evidence\n" in spec
    assert REPOSITORY in spec
    assert "“Prefix caching in serving engines such as vLLM reduces this cost only" in spec
    provenance = json.loads(shown(researched, "provenance.json"))
    assert [paper["id"] for paper in provenance["papers"]] == [PAPER]
    assert [repository["url"] for repository in provenance["repositories"]] == [REPOSITORY]
    assert metadata(researched.built, "built_repos")["outcome"] == "shipped"
