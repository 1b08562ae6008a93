"""`factory ideas deliver`: researched specs of a date to a folder or a database, once, and with no password shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from defs_commands import Commands
from ideas_fakes import PROBLEM, STEP, evidence_of
from postgres_server import missing_programs, postgres
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, paper, spec
from seed_importer import import_from_db, import_from_dir

from factory_assets.registry import Registry

EVIDENCE = evidence_of(PROBLEM, STEP, papers=[paper("2606.00001")])
SOURCES = ("2606.00001",)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay()
    specs = [spec(name, source_papers=SOURCES) for name in ("cache-probe", "plain-tool", "second-tool")]
    evidence = {"cache-probe": EVIDENCE, "second-tool": EVIDENCE}
    Registry(made.data / "registry.duckdb").queue.add(
        DAY, specs, (), dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW, evidence=evidence
    )
    return made


@pytest.fixture
def url() -> Iterator[str]:
    if missing_programs():
        pytest.skip("PostgreSQL is not installed.")
    with postgres() as made:
        yield made


def test_a_folder_gets_the_specs_that_come_from_research_and_once(commands: Commands, tmp_path: Path) -> None:
    folder = tmp_path / "of another factory"
    asked = ("ideas", "deliver", "--to", str(folder), "--date", str(DAY))
    done = commands(*asked, FACTORY_MODE="replay")
    assert done.out == "2 specs of 2 delivered. cache-probe: delivered second-tool: delivered"
    assert [read["name"] for read in import_from_dir(folder)] == ["cache-probe", "second-tool"]
    again = commands(*asked, "--json", FACTORY_MODE="replay")
    assert json.loads(again.out) == {"cache-probe": "before", "second-tool": "before"}


def test_a_database_is_named_by_the_setting_or_without_its_password(commands: Commands, url: str) -> None:
    asked = ("ideas", "deliver", "--date", str(DAY), "--to")
    unset = commands(*asked, "IDEA_ENGINE_POSTGRES_URL", FACTORY_MODE="replay")
    assert unset.err.startswith("error: IDEA_ENGINE_POSTGRES_URL: There is no address of a database.")
    shown = commands(*asked, url, FACTORY_MODE="replay")
    assert shown.code == 1
    assert "The address holds a password" in shown.err
    assert "pass-word-of-ideas" not in shown.err
    done = commands(*asked, "IDEA_ENGINE_POSTGRES_URL", FACTORY_MODE="replay", IDEA_ENGINE_POSTGRES_URL=url)
    assert done.out.startswith("2 specs of 2 delivered.")
    bare = url.replace(":pass-word-of-ideas", "")
    again = commands(*asked, bare, FACTORY_MODE="replay", PGPASSWORD="pass-word-of-ideas")
    assert again.out.startswith("0 specs of 2 delivered. cache-probe: there already")
    assert [read["name"] for read in import_from_db(url)] == ["cache-probe", "second-tool"]


def test_a_date_without_researched_specs_is_told(commands: Commands, tmp_path: Path) -> None:
    asked = ("ideas", "deliver", "--to", str(tmp_path / "x"), "--date", "2026-06-30")
    none = commands(*asked, FACTORY_MODE="replay")
    assert none.err.startswith("error: 2026-06-30: No spec of this date comes from research.")
    assert not (tmp_path / "x").exists()
