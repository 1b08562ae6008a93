"""A run that waits in Dagster's queue is run, whatever stops and starts around it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import psutil
import pytest
from defs_commands import Commands

from factory_assets.cli.instance import open_instance
from factory_assets.cli.ownership import owners
from factory_assets.cli.processes import free_port
from factory_assets.defs.client import FactoryClient
from factory_assets.domain.text import tail

pytestmark = pytest.mark.end_to_end

DAYS = (date(2026, 6, 17), date(2026, 6, 18), date(2026, 6, 19))
_FINISHED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
_SECONDS = 120.0


@dataclass(frozen=True)
class Site:
    """A replay instance, its client and its commands; nothing of it runs yet."""

    commands: Commands
    client: FactoryClient
    dagster: dg.DagsterInstance

    def queue(self, day: date) -> str:
        """A run that gathers this date, and waits."""
        return self.client.launch_days("gather", day, day)

    def ends(self, runs: list[str]) -> list[str]:
        """How these runs ended, once all of them have."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            statuses = [run.status for run in map(self.dagster.get_run_by_id, runs) if run is not None]
            if len(statuses) == len(runs) and set(statuses) <= _FINISHED:
                return [status.value for status in statuses]
            time.sleep(0.2)
        pytest.fail(tail((self.commands.data / "logs" / "daemon.log").read_text()))

    def kill_code_server(self) -> None:
        for process in map(psutil.Process, owners(self.commands.data)):
            if "code-server" in process.cmdline():
                process.kill()
                return
        pytest.fail("no code server runs")


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Site]:
    commands = Commands(tmp_path / "home", monkeypatch, capsys)
    commands.write_replay({"FACTORY_UI_PORT": str(free_port()), "FACTORY_ARXIV_INTERVAL": "0"})
    monkeypatch.chdir(tmp_path)
    for name, value in (commands.environment() | {"FACTORY_MODE": "replay"}).items():
        monkeypatch.setenv(name, value)
    opened = open_instance()
    with (
        FactoryClient.open(opened.workspace, commands.data) as client,
        dg.DagsterInstance.get() as instance,
    ):
        try:
            yield Site(commands, client, instance)
        finally:
            commands.program("down", FACTORY_MODE="replay")


def test_no_run_that_waits_is_lost_when_the_factory_starts_or_its_code_server_is_killed(site: Site) -> None:
    waiting = [site.queue(day) for day in DAYS]
    started = site.commands.program("up", FACTORY_MODE="replay")
    assert started.code == 0, started.err
    assert site.ends(waiting) == ["SUCCESS"] * 3
    site.kill_code_server()
    assert site.ends([site.queue(DAYS[0])]) == ["SUCCESS"]


def test_a_command_right_after_down_runs_its_own_daemon(site: Site) -> None:
    assert site.commands.program("up", FACTORY_MODE="replay").code == 0
    assert site.ends([site.queue(DAYS[0])]) == ["SUCCESS"]
    site.commands.program("down", FACTORY_MODE="replay")
    assert site.dagster.get_daemon_heartbeats() == {}
    gathered = site.commands.program("gather", "--date", str(DAYS[1]), FACTORY_MODE="replay")
    assert (gathered.code, gathered.err) == (0, "")


def test_commands_that_start_together_share_the_daemon_of_one(site: Site) -> None:
    def gather(day: date) -> tuple[int, str]:
        ended = site.commands.program("gather", "--date", str(day), FACTORY_MODE="replay")
        return ended.code, ended.err

    with ThreadPoolExecutor() as threads:
        assert list(threads.map(gather, DAYS[:2])) == [(0, ""), (0, "")]
