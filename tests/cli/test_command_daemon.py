"""With the real programs of a command: it runs what it was asked for, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from defs_commands import Commands

from factory_assets.cli.ownership import is_owned
from factory_assets.defs.daemons import daemon_is_running
from factory_assets.defs.storage import open_storage


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay({"FACTORY_ARXIV_INTERVAL": "0"})
    return made


@pytest.mark.end_to_end
def test_a_command_runs_what_it_was_asked_for_and_no_schedule_or_sensor(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = commands.data / "specs" / "offered.json"
    offered.parent.mkdir(parents=True)
    offered.write_text("[]")
    ended = commands.program("gather", "--date", "2026-06-17", FACTORY_MODE="replay")
    assert (ended.code, ended.err) == (0, "")
    monkeypatch.setenv("DAGSTER_HOME", str(commands.home))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(commands.data))
    with open_storage(commands.data) as instance:
        assert [run.job_name for run in instance.get_runs()] == ["gather"]
        assert instance.all_instigator_state() == []
        assert not daemon_is_running(instance)
    assert offered.exists(), "the sensor that imports specs has run"
    assert not is_owned(commands.data)
    left = [process.cmdline() for process in psutil.process_iter() if str(commands.home) in _words(process)]
    assert left == []


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
