"""Hosts that share Dagster's storage: each knows its own daemon from another's, whatever their clocks say."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from defs_commands import Commands
from postgres_server import missing_programs, postgres

from factory_assets.cli.processes import program
from factory_assets.daemon_notes import daemon_notes
from factory_assets.defs.daemons import check_no_daemon, daemon_is_running, forget_daemon
from factory_assets.defs.dagster_private.daemon import DaemonHeartbeat
from factory_assets.defs.storage import open_storage
from factory_assets.domain.errors import InputError

pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=f"not here: {missing_programs()}")

_PARTS = ("QUEUED_RUN_COORDINATOR", "SENSOR")


@dataclass(frozen=True)
class Host:
    """A folder of its own, and the storage as a program there opens it."""

    commands: Commands
    dagster: dg.DagsterInstance

    def start_daemon(self, daemon_id: str, *, clock_ahead: float = 0.0) -> None:
        """As Dagster's daemon begins: it asks for the queue's interval, then each of its parts reports."""
        assert self.dagster.run_coordinator.dequeue_interval_seconds == 1
        self.report(daemon_id, clock_ahead=clock_ahead)

    def report(self, daemon_id: str, *, clock_ahead: float = 0.0) -> None:
        for part in _PARTS:
            self.dagster.add_daemon_heartbeat(
                DaemonHeartbeat(time.time() + clock_ahead, part, daemon_id, errors=[])
            )

    def end_daemon(self) -> None:
        """It ends, however: the kernel lets go of its note."""
        self.dagster.run_coordinator.dispose()

    def starting_runs(self) -> str | None:
        """The daemon whose queue starts them."""
        return self.dagster.get_daemon_heartbeats()["QUEUED_RUN_COORDINATOR"].daemon_id

    def reporting(self) -> set[str | None]:
        return {heartbeat.daemon_id for heartbeat in self.dagster.get_daemon_heartbeats().values()}


@contextmanager
def real_daemon(host: Host, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`dagster-daemon run` on that host, with no code to run; killed at the end."""
    workspace = folder / "workspace.yaml"
    workspace.write_text("load_from: []\n")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    daemon = subprocess.Popen(
        [program("dagster-daemon"), "run", "-w", str(workspace)],
        cwd=host.commands.home,
        env={**kept, **host.commands.environment(), "FACTORY_MODE": "replay"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield daemon
    finally:
        daemon.kill()
        daemon.wait()


def wait_until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture
def asked_to_end(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The signals that a daemon of these tests has sent itself."""
    sent: list[int] = []

    def kill(pid: int, number: int) -> None:
        assert pid == os.getpid()
        sent.append(number)

    monkeypatch.setattr("factory_assets.defs.run_coordinator.os.kill", kill)
    return sent


@contextmanager
def host(
    name: str, root: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Host]:
    commands = Commands(root / name, monkeypatch, capsys)
    commands.write_replay({"FACTORY_DAGSTER_URL": server, "FACTORY_REGISTRY_URL": server})
    assert commands("prepare").code == 0
    monkeypatch.setenv("DAGSTER_HOME", str(commands.home))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(commands.data))
    with open_storage(commands.data) as dagster:
        yield Host(commands, dagster)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def hosts(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[tuple[Host, Host]]:
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(host(name, tmp_path, server, monkeypatch, capsys)) for name in ("a", "b")
        )
        yield first, second
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DELETE FROM dagster_replay.daemon_heartbeats")


def test_what_another_host_forgets_leaves_a_living_daemon_alive(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.start_daemon("here")
    there.commands("down", FACTORY_MODE="replay")
    forget_daemon(there.dagster)
    assert here.reporting() == {"here"}
    assert daemon_is_running(here.dagster)
    assert daemon_is_running(there.dagster)


def test_a_second_host_starts_no_daemon_beside_the_first(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.start_daemon("here")
    with pytest.raises(InputError, match="has a daemon already: it runs on another host"):
        check_no_daemon(there.dagster)
    refused = there.commands("up", FACTORY_MODE="replay")
    assert refused.code == 1
    assert "it runs on another host" in refused.err
    with pytest.raises(InputError, match="it runs on another host"):
        there.start_daemon("there")
    assert there.reporting() == {"here"}
    assert daemon_notes(there.commands.data) == []


@pytest.mark.parametrize("clock_ahead", [-300.0, 300.0])
def test_clocks_that_are_minutes_apart_do_not_make_a_daemon_look_dead(
    hosts: tuple[Host, Host], clock_ahead: float
) -> None:
    here, there = hosts
    here.start_daemon("here", clock_ahead=clock_ahead)
    assert daemon_is_running(there.dagster)
    with pytest.raises(InputError, match="has a daemon already"):
        check_no_daemon(there.dagster)


def test_a_daemon_that_was_killed_holds_its_own_host_back_by_nothing(hosts: tuple[Host, Host]) -> None:
    here, _ = hosts
    here.start_daemon("first")
    here.end_daemon()
    assert not daemon_is_running(here.dagster)
    check_no_daemon(here.dagster)
    here.start_daemon("again")
    assert here.reporting() == {"again"}
    assert daemon_is_running(here.dagster)
    here.end_daemon()
    forget_daemon(here.dagster)
    assert (here.reporting(), daemon_notes(here.commands.data)) == (set(), [])


def test_a_daemon_that_was_killed_is_not_taken_for_the_one_that_took_over(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.start_daemon("here")
    here.end_daemon()
    forget_daemon(here.dagster)
    there.start_daemon("there")
    # What a host that was cut off has kept of its own says nothing of the other's.
    with pytest.raises(InputError, match="it runs on another host"):
        check_no_daemon(here.dagster)
    forget_daemon(here.dagster)
    assert daemon_is_running(here.dagster)


def test_of_two_that_start_at_once_only_the_first_to_report_goes_on(
    hosts: tuple[Host, Host], asked_to_end: list[int]
) -> None:
    here, there = hosts
    for each in (here, there):
        assert each.dagster.run_coordinator.dequeue_interval_seconds == 1
    here.report("here")
    there.report("there")
    assert asked_to_end == [signal.SIGTERM]
    here.report("here")
    assert asked_to_end == [signal.SIGTERM]
    assert here.starting_runs() == "here"


@pytest.mark.parametrize(("silent_for", "ends"), [(60, [signal.SIGTERM]), (80, [])])
def test_a_daemon_that_comes_back_ends_where_another_host_has_taken_over_and_only_there(
    hosts: tuple[Host, Host], asked_to_end: list[int], server: str, silent_for: int, ends: list[int]
) -> None:
    here, there = hosts
    here.start_daemon("here")
    there.report("there")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "UPDATE dagster_replay.daemon_heartbeats SET timestamp = timestamp - %s",
            [timedelta(seconds=silent_for)],
        )
    here.report("here")
    assert asked_to_end == ends
    assert here.starting_runs() == ("there" if ends else "here")


@pytest.mark.end_to_end
def test_a_real_daemon_ends_by_itself_within_half_a_minute(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    here, there = hosts
    with real_daemon(here, tmp_path) as daemon:
        wait_until(lambda: daemon_is_running(there.dagster))
        there.report("there")
        assert daemon.wait(timeout=60) == 0
    assert there.starting_runs() == "there"


def test_dagsters_own_daemon_notes_by_which_id_it_reports(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    here, there = hosts
    with real_daemon(here, tmp_path):
        wait_until(lambda: daemon_is_running(there.dagster))
    (note,) = daemon_notes(here.commands.data)
    assert here.reporting() == {note.daemon_id}
    check_no_daemon(here.dagster)
    with pytest.raises(InputError, match="it runs on another host"):
        check_no_daemon(there.dagster)
