"""`factory ideas run|synthesize|stats|compare`: which runs they launch, and what an operator reads."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from defs_commands import Commands
from ideas_fakes import PROBLEM, STEP, claim, context, evidence_of
from registry_samples import LATE_RANKS, NOW, RANKS, labelled, spec
from test_cli_stages import Desk, FakeClient

from factory_assets.cli.stages import Days
from factory_assets.domain.research import Candidate
from factory_assets.registry import Registry
from factory_assets.settings import Settings

DAY = date(2026, 6, 18)
EVIDENCE = evidence_of(PROBLEM, STEP, claim("competitor", "It watches.", "R1"))


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay()
    return made


@pytest.fixture
def registry(commands: Commands) -> Registry:
    made = Registry(commands.data / "registry.duckdb")
    made.papers.upsert([labelled(arxiv_id="2606.01234")], now=NOW)
    names = ("evidence-order", "plain-tool", "late-tool")
    made.queue.add(
        DAY,
        [spec(name) for name in names],
        ["2606.01234"],
        dropped=0,
        ranks=RANKS,
        late_ranks=LATE_RANKS,
        now=NOW,
        evidence={"evidence-order": EVIDENCE},
    )
    return made


def test_each_date_is_a_run_of_its_own(replay_settings: Settings, tmp_path: Path) -> None:
    desk = Desk(replay_settings, Registry(tmp_path / "registry.duckdb"), FakeClient())
    days = Days(date(2026, 6, 17), DAY)
    assert desk.factory.ideas(days) == []
    assert desk.factory.synthesize(Days(DAY, DAY)) == []
    assert desk.client.launched == [
        ("ideas", "2026-06-17 to 2026-06-17"),
        ("ideas", "2026-06-18 to 2026-06-18"),
        ("synthesize", "2026-06-18 to 2026-06-18"),
    ]


def test_stats_tell_the_routes_apart(commands: Commands, registry: Registry) -> None:
    told = json.loads(commands("ideas", "stats", "--json", FACTORY_MODE="replay").out)
    assert told["research"] == {
        "specs": 1,
        "shipped": 0,
        "failed": 0,
        "claims": 3,
        "papers": 1,
        "repositories": 1,
        "dollars": 0.0,
    }
    assert told["papers"]["specs"] == 2
    assert (
        "│ research │ 1 │ 0 │ 0 │ 3 │ 1 │ 1 │ 0.0000 │"
        in commands("ideas", "stats", FACTORY_MODE="replay").out
    )


def test_pairs_are_compared_by_the_recorded_model_and_told(commands: Commands, registry: Registry) -> None:
    told = json.loads(commands("ideas", "compare", "--json", FACTORY_MODE="replay").out)
    assert told["wins"] == {"researched": 1, "plain": 0, "neither": 0}
    assert (told["judgements"][0]["researched"], told["judgements"][0]["alike"]) == (
        "evidence-order",
        "a paper",
    )
    shown = commands("ideas", "compare", "--pairs", "1", FACTORY_MODE="replay").out
    assert "Researched better: 1, plain better: 0, neither: 0 (by chance alone: 1.000)" in shown
    assert "Findings in plain specs: 0 critical, 0 major, 1 minor." in shown


def test_without_a_pair_there_is_nothing_to_compare(commands: Commands) -> None:
    ended = commands("ideas", "compare", FACTORY_MODE="replay")
    assert ended.code == 1
    assert "no researched spec and plain one" in ended.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--fusion",), "--fusion and --week DATE belong together"),
        (("--week", str(DAY)), "--fusion and --week DATE belong together"),
        (("--fusion", "--week", str(DAY), "--date", str(DAY)), "leave out --date"),
        (("--fusion", "--week", str(DAY)), "There is no research of any date of that week"),
    ],
)
def test_a_fusion_names_its_week_and_needs_research(
    commands: Commands, options: tuple[str, ...], says: str
) -> None:
    ended = commands("ideas", "run", *options, FACTORY_MODE="replay")
    assert ended.code == 1
    assert says in " ".join(ended.err.split())


def test_a_week_whose_candidates_have_nothing_in_common_says_so(
    commands: Commands, registry: Registry
) -> None:
    chosen = Candidate(arxiv_id="2606.01234", day=DAY, score=9, reasons=(), place=1, chosen=True)
    registry.ideas.record_candidates(DAY, [chosen], now=NOW)
    registry.ideas.record_context(context("2606.01234", day=DAY))
    shown = commands("ideas", "run", "--fusion", "--week", "2026-06-21", FACTORY_MODE="replay")
    assert shown.code == 0
    assert "No two candidates of that week are near enough" in shown.out


def test_the_story_of_a_repo_tells_claims_and_pieces(commands: Commands, registry: Registry) -> None:
    shown = commands("show", "evidence-order", FACTORY_MODE="replay").out
    assert "rests on 3 claims, 3 pieces (research)" in shown
    assert "method step: The lowest score is evicted. (M1)" in shown
    assert "R1 Title of R1 https://example.org/R1 (MIT)" in shown
    assert "rests on" not in commands("show", "plain-tool", FACTORY_MODE="replay").out
