"""`factory registry copy`, and what the doctor says of a registry that has a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from defs_commands import Commands
from postgres_server import missing_programs, postgres
from pydantic import SecretStr
from registry_samples import DAY, NOW, labelled

from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.registry import Registry


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if missing := missing_programs():
        pytest.skip(f"{' and '.join(missing)} of PostgreSQL are missing")
    with postgres() as url:
        yield url


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay()
    return made


def test_a_registry_moves_to_a_database_and_the_doctor_says_when_that_was_forgotten(
    commands: Commands, server: str, tmp_path: Path
) -> None:
    told = {"FACTORY_MODE": "replay", "FACTORY_REGISTRY_URL": server}
    Registry(tmp_path / "home" / "data" / "registry.duckdb").papers.upsert([labelled()], now=NOW)
    forgotten = commands("doctor", **told)
    assert "The database holds nothing yet, and the registry's file does." in forgotten.out
    assert "factory registry copy file database" in forgotten.out
    copied = commands("registry", "copy", "file", "database", **told)
    assert copied.code == 0
    assert "are the same on both sides" in copied.out
    assert "PostgreSQL with 1 paper and 0 specs" in commands("doctor", **told).out
    there = Registry(PostgresPlace(SecretStr(server), "factory_replay"))
    assert len(there.papers.of_day(DAY)) == 1
    back = commands("registry", "copy", "database", "file", **told)
    assert "0 new or changed" in back.out


def test_a_copy_needs_two_sides(commands: Commands) -> None:
    same = commands("registry", "copy", "file", "file", FACTORY_MODE="replay")
    assert (same.code, "Both sides are the same." in same.err) == (1, True)
    nowhere = commands("registry", "copy", "file", "database", FACTORY_MODE="replay")
    assert (nowhere.code, "FACTORY_REGISTRY_URL: No database is named." in nowhere.err) == (1, True)
