"""`factory ideas`: what an operator reads of candidates and contexts, and which runs the commands launch."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from defs_commands import Commands
from registry_samples import NOW, labelled
from test_cli_stages import Desk, FakeClient

from factory_assets.cli.stages import Days
from factory_assets.domain.research import Candidate, Piece, PieceKind, Reason, ResearchContext
from factory_assets.registry import Registry
from factory_assets.settings import Settings

DAY = date(2026, 6, 17)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay()
    return made


@pytest.fixture
def registry(commands: Commands) -> Registry:
    return Registry(commands.data / "registry.duckdb")


def fill(registry: Registry) -> None:
    reasons = (
        Reason(what="in the category cs.SE", points=15),
        Reason(what="like cache-probe (0.70)", points=-10),
    )
    registry.ideas.record_candidates(
        DAY,
        [
            Candidate(
                arxiv_id=f"2606.0000{place}",
                day=DAY,
                score=5,
                reasons=reasons,
                place=place,
                chosen=place < 3,
            )
            for place in (1, 2, 3)
        ],
        now=NOW,
    )
    registry.papers.upsert([labelled(arxiv_id="2606.00002")], now=NOW)
    piece = Piece(
        id="R1",
        kind=PieceKind.REPOSITORY,
        title="acme/[red]cache",
        url="https://github.com/acme/cache",
        text="A cache.",
        relation='found by "cache"',
        weight=0.5,
        licence="MIT",
    )
    registry.ideas.record_context(
        ResearchContext(
            arxiv_id="2606.00001", day=DAY, pieces=(piece,), gaps=("full text: no network",), made_at=NOW
        )
    )


def test_each_date_is_listed_with_how_far_it_has_come(commands: Commands, registry: Registry) -> None:
    assert "No candidates were chosen yet" in commands("ideas", "list", FACTORY_MODE="replay").out
    fill(registry)
    shown = commands("ideas", "list", FACTORY_MODE="replay").out
    assert "│ 2026-06-17 │ 3 │ 2 │ 1 │ 1 │" in shown
    told = json.loads(commands("ideas", "list", "--json", FACTORY_MODE="replay").out)
    assert told == [{"day": "2026-06-17", "candidates": 3, "chosen": 2, "contexts": 1, "with_gaps": 1}]


def test_the_candidates_of_a_date_are_listed_with_points_pieces_and_gaps(
    commands: Commands, registry: Registry
) -> None:
    fill(registry)
    shown = commands("ideas", "list", "--date", str(DAY), FACTORY_MODE="replay").out
    assert "1 5.0 2606.00001 +15.0 in the category cs.SE -10.0 like cache-probe (0.70)" in shown
    assert 'R1 acme/[red]cache (found by "cache"; MIT)' in shown
    assert "not looked up: full text: no network" in shown
    assert "2 5.0 2606.00002 On 2606.00002" in shown
    assert "not looked around yet" in shown
    assert shown.endswith("2 of 3 papers chosen.")
    told = json.loads(commands("ideas", "list", "--date", str(DAY), "--json", FACTORY_MODE="replay").out)
    assert [one["arxiv_id"] for one in told] == ["2606.00001", "2606.00002", "2606.00003"]
    assert told[0]["context"]["pieces"][0]["url"] == "https://github.com/acme/cache"
    assert told[1]["context"] is None


def test_a_date_without_candidates_says_how_to_choose_them(commands: Commands) -> None:
    shown = commands("ideas", "list", "--date", str(DAY), FACTORY_MODE="replay").out
    assert shown.endswith("`factory ideas discover --date 2026-06-17`.")


def test_each_date_is_a_run_of_its_own(replay_settings: Settings, tmp_path: Path) -> None:
    desk = Desk(replay_settings, Registry(tmp_path / "registry.duckdb"), FakeClient())
    days = Days(DAY, date(2026, 6, 18))
    assert desk.factory.discover(days) == []
    assert desk.factory.research(days) == []
    assert desk.client.launched == [
        ("discover", "2026-06-17 to 2026-06-17"),
        ("discover", "2026-06-18 to 2026-06-18"),
        ("research", "2026-06-17 to 2026-06-17"),
        ("research", "2026-06-18 to 2026-06-18"),
    ]


@pytest.mark.parametrize("command", ["discover", "research"])
def test_a_date_beyond_the_partitions_is_refused(commands: Commands, command: str) -> None:
    ended = commands("ideas", command, "--date", "2020-01-01", FACTORY_MODE="replay")
    assert ended.code == 1
    assert "beyond the partitions" in ended.err


def test_a_range_is_harvested_in_one_run(replay_settings: Settings, tmp_path: Path) -> None:
    desk = Desk(replay_settings, Registry(tmp_path / "registry.duckdb"), FakeClient())
    assert desk.factory.harvest(Days(DAY, date(2026, 6, 18))) == []
    assert desk.client.launched == [("harvest", "2026-06-17 to 2026-06-18")]
