"""A daemon of the instance is seen, whoever started it: by the note that it keeps while it lives, or by its reports."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from defs_commands import Commands

from factory_assets.cli import ownership
from factory_assets.cli.instance import open_instance
from factory_assets.daemon_notes import daemon_notes, living_daemons
from factory_assets.defs.daemons import check_no_daemon, daemon_is_running, forget_daemon
from factory_assets.defs.dagster_private.daemon import DaemonHeartbeat
from factory_assets.defs.storage import open_storage
from factory_assets.domain.errors import InputError


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, capsys)
    made.write_replay({"BUILD_WORKERS": "3"})
    return made


@pytest.fixture
def instance(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance of these commands, as any of Dagster's programs opens it."""
    monkeypatch.chdir(commands.home)
    for name, value in (commands.environment() | {"FACTORY_MODE": "replay"}).items():
        monkeypatch.setenv(name, value)
    open_instance()
    with open_storage(commands.data) as opened:
        yield opened


@contextmanager
def another_daemon(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is noted as a daemon until the block ends."""
    code = (
        "import sys; from pathlib import Path; from factory_assets.daemon_notes import note_daemon;"
        f"sys.argv[0] = 'dagster-daemon'; note_daemon(Path({str(data)!r}));"
        "print('noted', flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"noted\n"
        try:
            yield process
        finally:
            process.kill()


def report(instance: dg.DagsterInstance, part: str = "QUEUED_RUN_COORDINATOR") -> None:
    """A sign of life of a daemon's part, as Dagster writes it."""
    instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), part, "some-daemon", errors=[]))


@pytest.mark.parametrize("command", [["up"], ["up", "--foreground"], ["supervise"]])
def test_a_daemon_that_lives_is_named_though_it_has_not_reported(
    instance: dg.DagsterInstance, commands: Commands, command: list[str]
) -> None:
    with another_daemon(commands.data) as daemon:
        # `supervise` changes the environment of the process that it runs in.
        run = commands.program if command == ["supervise"] else commands
        refused = run(*command, FACTORY_MODE="replay")
        assert refused.code == 1
        assert f"This instance has a daemon already: `dagster-daemon` (process {daemon.pid}," in refused.err
        assert "Stop it where it was started" in refused.err
        assert f"Its daemon is `dagster-daemon` (process {daemon.pid}," in commands("status").out
        assert commands("down").out.startswith(
            f"It was not running. Still there: the daemon `dagster-daemon` (process {daemon.pid},"
        )
        assert daemon.poll() is None
    assert living_daemons(commands.data) == []


@pytest.mark.parametrize("part", ["SENSOR", "QUEUED_RUN_COORDINATOR"])
def test_a_daemon_that_has_reported_is_told_of_though_its_process_is_not_seen(
    instance: dg.DagsterInstance, commands: Commands, part: str
) -> None:
    report(instance, part)
    refused = commands("up", FACTORY_MODE="replay")
    assert refused.code == 1
    assert "This instance has a daemon already: it runs where this command cannot see" in refused.err
    assert f"its {part} last reported" in refused.err
    assert instance.get_daemon_heartbeats().keys() == {part}


def test_no_command_runs_a_daemon_of_its_own_beside_one_that_is_silent(
    instance: dg.DagsterInstance, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_COMES_UP_SECONDS", 0.0)
    with another_daemon(commands.data) as daemon:
        silent = commands("gather", "--date", "2026-06-17", FACTORY_MODE="replay")
        assert silent.code == 1
        assert f"This instance has a daemon, `dagster-daemon` (process {daemon.pid}," in silent.err
        assert "but it has not reported for a minute" in silent.err
    report(instance, "SENSOR")
    forget_daemon(instance)
    report(instance, "SENSOR")
    unseen = commands("gather", "--date", "2026-06-17", FACTORY_MODE="replay")
    assert unseen.code == 1
    assert "its SENSOR last reported" in unseen.err
    assert instance.get_runs() == []


def test_what_an_ended_daemon_has_reported_holds_nobody_back(
    instance: dg.DagsterInstance, commands: Commands
) -> None:
    with another_daemon(commands.data):
        report(instance)
        assert daemon_is_running(instance)
    assert [note.lives for note in daemon_notes(commands.data)] == [False]
    assert not daemon_is_running(instance)
    check_no_daemon(instance)
    forget_daemon(instance)
    assert (daemon_notes(commands.data), instance.get_daemon_heartbeats()) == ([], {})


def test_a_daemon_that_lives_is_not_forgotten(instance: dg.DagsterInstance, commands: Commands) -> None:
    with another_daemon(commands.data):
        forget_daemon(instance)
        with pytest.raises(InputError, match="This instance has a daemon already"):
            check_no_daemon(instance)


# what a daemon does when it starts


def start_daemon(instance: dg.DagsterInstance) -> None:
    """As Dagster's daemon begins on the queue."""
    assert instance.run_coordinator.dequeue_interval_seconds == 1


def slots(instance: dg.DagsterInstance) -> list[int]:
    limits = instance.event_log_storage.get_pool_limits()
    return [limit.limit for limit in limits if limit.name == "builds"]


@pytest.mark.parametrize(
    ("before", "after"), [(None, [3]), (1, [3]), (9, [3]), (0, [0])], ids=["new", "fewer", "more", "stopped"]
)
def test_a_daemon_that_starts_puts_build_workers_in_force_unless_the_queue_is_stopped(
    instance: dg.DagsterInstance, commands: Commands, before: int | None, after: list[int]
) -> None:
    if before is not None:
        instance.event_log_storage.set_concurrency_slots("builds", before)
    start_daemon(instance)
    assert slots(instance) == after
    (note,) = living_daemons(commands.data)
    assert note.since <= time.time()


def test_a_program_that_only_launches_runs_changes_no_pool_and_is_no_daemon(
    instance: dg.DagsterInstance, commands: Commands
) -> None:
    assert instance.get_concurrency_config().run_queue_config is not None
    assert slots(instance) == []
    assert daemon_notes(commands.data) == []


def test_a_second_daemon_leaves_the_settings_of_the_first_in_force_and_says_so(
    instance: dg.DagsterInstance, commands: Commands, caplog: pytest.LogCaptureFixture
) -> None:
    instance.event_log_storage.set_concurrency_slots("builds", 1)
    with another_daemon(commands.data) as daemon, caplog.at_level(logging.WARNING):
        start_daemon(instance)
        assert len(living_daemons(commands.data)) == 2
    assert slots(instance) == [1]
    assert f"This instance has a daemon already: `dagster-daemon` (process {daemon.pid}," in caplog.text


def test_a_daemon_starts_over_a_bad_setting_and_says_what_is_not_in_force(
    instance: dg.DagsterInstance, commands: Commands, caplog: pytest.LogCaptureFixture
) -> None:
    with (commands.home / ".env").open("a") as file:
        file.write("BUILD_WORKERS=many\n")
    start_daemon(instance)
    assert slots(instance) == []
    assert "BUILD_WORKERS is not put in force" in caplog.text
