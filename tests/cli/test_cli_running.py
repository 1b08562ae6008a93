"""A factory that runs says with which settings, and which have changed since."""

from __future__ import annotations

from pathlib import Path

import pytest
from defs_commands import Commands
from rich.console import Console

from factory_assets.cli.instance import OpenedInstance
from factory_assets.cli.ownership import own
from factory_assets.cli.running import note_running, running_now, show_running
from factory_assets.settings import Settings

TOKEN = "ghp_thismustnotbeshown01"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        factory_data_dir=tmp_path,
        github_token=TOKEN,
        build_workers=3,
        llm_router_url="http://user:pa55word-of-router@127.0.0.1:1",
    )


def test_what_runs_is_told_with_the_settings_that_have_changed_and_without_a_secret(
    settings: Settings, tmp_path: Path
) -> None:
    changed = settings.model_copy(update={"build_workers": 4, "github_user": "me"})
    with own(tmp_path):
        note_running(OpenedInstance(tmp_path, settings))
        running = running_now(tmp_path)
    assert running is not None
    assert running.differing(settings) == []
    assert running.differing(changed) == ["BUILD_WORKERS", "GITHUB_USER"]
    console = Console(record=True, width=4000)
    show_running(running, changed, console)
    text = console.export_text() + (tmp_path / "running.json").read_text()
    assert "BUILD_WORKERS=3" in text
    assert "GITHUB_TOKEN=set" in text
    assert "says now for BUILD_WORKERS, GITHUB_USER" in text
    assert TOKEN not in text
    assert "pa55word" not in text
    assert (tmp_path / "running.json").stat().st_mode & 0o777 == 0o600


def test_what_an_ended_factory_has_written_is_not_told_of_another(settings: Settings, tmp_path: Path) -> None:
    with own(tmp_path):
        note_running(OpenedInstance(tmp_path, settings))
    assert running_now(tmp_path) is None
    record = tmp_path / "running.json"
    with own(tmp_path):
        running = running_now(tmp_path)
        assert running is not None
        record.write_text(running.model_copy(update={"pid": 1}).model_dump_json())
        assert running_now(tmp_path) is None


def test_status_and_doctor_name_the_settings_that_changed_in_env(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = Commands(tmp_path / "home", monkeypatch, capsys)
    commands.write_replay()
    assert "running factory" not in commands("doctor", FACTORY_MODE="replay").out
    with own(commands.data):
        note_running(
            OpenedInstance(
                commands.home, Settings(_env_file=commands.home / ".env", factory_data_dir=commands.data)
            )
        )
        before = commands("status", FACTORY_MODE="replay").out
        with (commands.home / ".env").open("a") as file:
            file.write(f"GITHUB_TOKEN={TOKEN}\n")
        after = commands("status", FACTORY_MODE="replay").out
        checked = commands("doctor", FACTORY_MODE="replay").out
    assert "It runs since" in before
    assert "It does not know" not in before
    assert "says now for GITHUB_TOKEN: `make down`" in after
    assert "started with other values of GITHUB_TOKEN" in checked


@pytest.mark.parametrize(("started_with", "slots"), [("3", 3), ("1", 1)])
def test_resume_lets_as_many_builds_run_as_the_running_factory_was_started_with(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    started_with: str,
    slots: int,
) -> None:
    commands = Commands(tmp_path / "home", monkeypatch, capsys)
    commands.write_replay({"BUILD_WORKERS": started_with})
    commands("status")
    with own(commands.data):
        note_running(
            OpenedInstance(
                commands.home, Settings(_env_file=commands.home / ".env", factory_data_dir=commands.data)
            )
        )
        assert f"{slots} builds may run at once" in commands("resume", BUILD_WORKERS="5").out
    assert "5 builds may run at once" in commands("resume", BUILD_WORKERS="5").out
