"""Instances on disk, and what `status` and `doctor` show of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from defs_commands import Commands
from registry_samples import LATE_RANKS, NOW, RANKS, call, labelled, ship, spec
from together import together

from factory_assets.cli.instance import open_instance, write_env
from factory_assets.domain.builds import Usage
from factory_assets.registry import Registry
from factory_assets.settings import PROJECT_ROOT

DAY = date(2026, 6, 17)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands on a folder without an instance."""
    return Commands(tmp_path / "home", monkeypatch, capsys)


# .env


def test_env_is_written_for_its_owner_only(tmp_path: Path) -> None:
    write_env(tmp_path / "home", {"DAGSTER_HOME": "/somewhere"})
    file = tmp_path / "home" / ".env"
    assert file.read_text() == "DAGSTER_HOME=/somewhere\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_stands_in_env_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# my key\nANTHROPIC_API_KEY=sk-ant-mine\nBUILD_WORKERS=3")
    write_env(tmp_path, {"BUILD_WORKERS": "1", "FACTORY_RANKS": "4"})
    assert file.read_text() == "# my key\nANTHROPIC_API_KEY=sk-ant-mine\nBUILD_WORKERS=3\nFACTORY_RANKS=4\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_env_that_names_everything_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("BUILD_WORKERS=3\n")
    before = file.stat()
    write_env(tmp_path, {"BUILD_WORKERS": "1"})
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_setting_in_a_comment_is_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# BUILD_WORKERS=3\n")
    write_env(tmp_path, {"BUILD_WORKERS": "1"})
    assert "\nBUILD_WORKERS=1\n" in (tmp_path / ".env").read_text()


# prepare


def test_prepare_makes_an_instance_and_says_where(commands: Commands) -> None:
    ended = commands("prepare")
    assert ended.code == 0
    assert ended.out == f"live instance at {commands.home}"
    assert (commands.home / "dagster.yaml").read_text() == (PROJECT_ROOT / "dagster.yaml").read_text()
    assert (commands.home / "workspace.yaml").exists()
    assert (commands.data / "mode").read_text() == "live\n"
    named = dict(line.split("=", 1) for line in (commands.home / ".env").read_text().splitlines())
    assert named["DAGSTER_HOME"] == str(commands.home)
    assert named["FACTORY_DATA_DIR"] == str(commands.data)


def test_preparing_twice_changes_nothing(commands: Commands) -> None:
    commands("prepare")
    before = (commands.home / ".env").read_text()
    assert commands("prepare").code == 0
    assert (commands.home / ".env").read_text() == before


def test_a_data_directory_that_is_a_file_is_one_clear_error(commands: Commands) -> None:
    commands.home.mkdir(parents=True, exist_ok=True)
    place = commands.home / "no-folder"
    place.touch()
    ended = commands.program("status", FACTORY_DATA_DIR=str(place))
    assert ended.code == 1
    assert f"{place}: The instance cannot be opened: File exists." in ended.err
    assert "Traceback" not in ended.err


def test_processes_that_open_new_instances_together_find_them_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTORY_MODE", "live")
    ended = together(
        "import os, sys\nfrom factory_assets.cli.instance import open_instance",
        """
for number in range(100):
    home = f"{sys.argv[1]}/{number}"
    os.environ |= {"DAGSTER_HOME": home, "FACTORY_DATA_DIR": f"{home}/data"}
    open_instance()
""",
        str(tmp_path),
        times=4,
    )
    assert ended == [(0, "")] * 4
    configurations = {(tmp_path / str(number) / "dagster.yaml").read_text() for number in range(100)}
    assert configurations == {(PROJECT_ROOT / "dagster.yaml").read_text()}


def test_a_reader_never_finds_half_of_an_instances_configuration(commands: Commands) -> None:
    commands("prepare")
    unchanged, changed = commands.home / "workspace.yaml", commands.home / "dagster.yaml"
    changed.write_text("# of an older factory\n")
    before = unchanged.stat().st_ino
    with changed.open() as reader:
        commands("prepare")
        assert reader.read() == "# of an older factory\n"
    assert changed.read_text() == (PROJECT_ROOT / "dagster.yaml").read_text()
    assert unchanged.stat().st_ino == before


# status


def test_status_shows_the_funnel_the_queue_and_why_a_build_failed(commands: Commands) -> None:
    commands.write_replay()
    registry = Registry(commands.data / "registry.duckdb")
    registry.papers.upsert([labelled(published=f"{DAY}T12:00:00Z")], now=NOW)
    specs = [spec(name) for name in ("cache-probe", "tree-probe", "key-probe")]
    first, second, _ = registry.queue.add(
        DAY, specs, ["2606.01234"], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW
    )
    repo = ship(registry, first)
    registry.repos.record_mirror(repo.name, url="file:///mirrored/cache-probe", commit=repo.commit, now=NOW)
    registry.builds.start(second.id, run_id="run-2", now=NOW)
    registry.builds.fail(second.id, "The gate [tests-pass] refused: assert 3 == 4")
    ended = commands("status", FACTORY_MODE="replay")
    assert ended.code == 0
    assert "│ 2026-06-17 │ 1 │ 3 │ 1 │ 1 │ 1 │ 1 │" in ended.out
    assert "│ 2026-06-18 │ 0 │ 0 │ 0 │ 0 │ 0 │ 0 │" in ended.out
    assert "│ key-probe │ 2026-06-17 │ 03 │ python │ queued │ 0 │ for its turn │" in ended.out
    assert "failed: tree-probe (2026-06-17|02) The gate [tests-pass] refused: assert 3 == 4" in ended.out


def test_status_shows_how_much_of_what_was_sent_the_prompt_cache_has_served(commands: Commands) -> None:
    commands.write_replay()
    registry = Registry(commands.data / "registry.duckdb")
    assert "prompt cache" not in commands("status", FACTORY_MODE="replay").out
    usage = Usage(calls=3, input_tokens=1_000, cache_read_tokens=3_000, output_tokens=50, cost_usd=0.25)
    registry.ledger.record(call(usage=usage, at=datetime.now(UTC)))
    ended = commands("status", FACTORY_MODE="replay")
    assert "│ analyze │ 3 │ 4,000 │ 75% │ 50 │ 0.25 │" in ended.out


def test_status_of_a_range_shows_only_its_dates(commands: Commands) -> None:
    commands.write_replay()
    ended = commands("status", "--from", "2026-06-18", "--to", "2026-06-18", FACTORY_MODE="replay")
    assert "2026-06-18" in ended.out
    assert "2026-06-17" not in ended.out
    assert "The queue is empty." in ended.out


def test_status_names_what_is_missing_of_a_date(commands: Commands) -> None:
    commands.write_replay()
    registry = Registry(commands.data / "registry.duckdb")
    registry.gathers.note([DAY], {DAY: "2606.17002v1: it has no title"}, now=NOW)
    ended = commands("status", FACTORY_MODE="replay")
    assert "incomplete: 2026-06-17: 2606.17002v1: it has no title" in ended.out
    other = commands("status", "--from", "2026-06-18", "--to", "2026-06-18", FACTORY_MODE="replay")
    assert "incomplete" not in other.out


# down


def test_down_on_a_factory_that_is_not_up_says_so(commands: Commands) -> None:
    commands.write_replay()
    ended = commands("down", FACTORY_MODE="replay")
    assert (ended.code, ended.out) == (0, "It was not running.")


def test_a_process_id_that_now_belongs_to_another_program_is_left_alone(commands: Commands) -> None:
    commands.write_replay()
    commands.data.mkdir()
    (commands.data / "supervisor.pid").write_text(f"{os.getppid()}\n")
    assert commands("down", FACTORY_MODE="replay").out == "It was not running."


# doctor


@pytest.fixture
def without_git(tmp_path: Path) -> str:
    """A PATH with what the doctor looks for, but for git."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("make", "bash", "sh", "python3", "bwrap", "true", "node", "npm", "cargo"):
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    return str(folder)


def test_the_doctor_names_a_missing_git_with_what_it_affects_and_its_fix(
    commands: Commands, without_git: str
) -> None:
    commands.write_replay()
    ended = commands("doctor", FACTORY_MODE="replay", PATH=without_git)
    assert ended.code == 1
    assert (
        "error git: git is not installed affects: built_repos and mirrored_repos"
        " fix: Install git 2.31 or newer." in ended.out
    )
    assert "ok make: GNU Make" in ended.out


def test_a_replay_instance_needs_no_credential_for_the_doctor_to_be_content(commands: Commands) -> None:
    commands.write_replay()
    ended = commands("doctor", FACTORY_MODE="replay")
    assert "ok git: git version" in ended.out
    assert "ANTHROPIC_API_KEY" not in ended.out


# the way out

_LEAVING = """
import time
from factory_assets.cli.instance import open_instance
open_instance()
try:
    print("at work", flush=True)
    time.sleep(60)
finally:
    time.sleep(0.2)
    print("left in order", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_second_signal_does_not_break_off_the_way_out(commands: Commands, number: signal.Signals) -> None:
    commands.write_replay()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", _LEAVING]
    with subprocess.Popen(
        command, env=kept | commands.environment(), stdout=subprocess.PIPE, text=True
    ) as leaving:
        assert leaving.stdout is not None
        assert leaving.stdout.readline() == "at work\n"
        leaving.send_signal(number)
        time.sleep(0.05)
        leaving.send_signal(number)
        assert leaving.stdout.read() == "left in order\n"
    assert leaving.returncode == 128 + number


def test_up_refuses_fewer_ranks_than_specs_stand_on(commands: Commands) -> None:
    commands.write_replay({"FACTORY_RANKS": "8"})
    assert commands("status").code == 0
    registry = Registry(commands.data / "registry.duckdb")
    registry.queue.add(
        DAY, [spec("cache-probe")], [], dropped=0, ranks=range(5, 6), late_ranks=range(8, 9), now=NOW
    )
    refused = commands("up", FACTORY_RANKS="4")
    assert refused.code == 1
    assert "1 spec (cache-probe)" in refused.err
    assert "FACTORY_RANKS" in refused.err


def test_a_dagster_yaml_that_a_cluster_has_laid_there_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ConfigMap is mounted read-only, which root is told as well."""
    home = tmp_path / "home"
    home.mkdir()
    laid = home / "dagster.yaml"
    laid.write_text("telemetry: {enabled: false}\n")
    for name, value in (
        ("DAGSTER_HOME", home),
        ("FACTORY_DATA_DIR", tmp_path / "data"),
        ("FACTORY_MODE", "live"),
    ):
        monkeypatch.setenv(name, str(value))
    monkeypatch.chdir(tmp_path)
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != laid and may(path, mode))
    open_instance()
    assert laid.read_text() == "telemetry: {enabled: false}\n"
    assert (home / "workspace.yaml").exists()
