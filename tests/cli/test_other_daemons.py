"""Dagster's own daemon on the factory's instance: seen, named, left to its work, and under the factory's settings."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psutil
import pytest
from defs_commands import Commands
from defs_recordings import copy_recordings
from registry_samples import NOW, spec

from factory_assets.cli.instance import open_instance
from factory_assets.cli.processes import free_port, program, stop_tree
from factory_assets.defs.client import FactoryClient
from factory_assets.defs.daemons import check_no_daemon, daemon_is_running
from factory_assets.domain.text import tail
from factory_assets.registry import Registry

DAY = NOW.date()
NAMES = ("cache-probe", "tree-probe", "key-probe")
STARTED, QUEUED = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.QUEUED
_SECONDS = 180.0


@dataclass(frozen=True)
class Site:
    """A replay instance whose builds wait for a recording that never comes; BUILD_WORKERS of its `.env` is 2."""

    commands: Commands
    client: FactoryClient
    dagster: dg.DagsterInstance
    registry: Registry

    @contextmanager
    def dagsters_own(self, *argv: str) -> Iterator[psutil.Popen]:
        """One of Dagster's programs, as an operator starts it where the instance's `.env` is."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        log = self.commands.home / "dagsters-own.log"
        with log.open("wb") as output:
            started = psutil.Popen(
                [program(argv[0]), *argv[1:]],
                cwd=self.commands.home,
                env=kept,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A test runner in the background ignores SIGINT, and its children would too.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        try:
            yield started
        finally:
            stop_tree(started.pid)

    def wait(self, look: Callable[[], bool], missing: str) -> None:
        deadline = time.monotonic() + _SECONDS
        while not look():
            assert time.monotonic() < deadline, f"{missing}\n{self.logs()}"
            time.sleep(0.2)

    def logs(self) -> str:
        files = [self.commands.home / "dagsters-own.log", *(self.commands.data / "logs").glob("*.log")]
        return "\n".join(tail(file.read_text(errors="replace")) for file in files if file.exists())

    def statuses(self) -> list[str]:
        return sorted(run.status.value for run in self.dagster.get_runs())

    def worker_of(self, run_id: str) -> psutil.Process:
        (noted,) = [
            entry.dagster_event.engine_event_data.metadata["pid"].value
            for entry in self.dagster.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            if entry.message.startswith("Started process")
        ]
        return psutil.Process(int(str(noted)))

    def build_slots(self) -> list[int]:
        limits = self.dagster.event_log_storage.get_pool_limits()
        return [limit.limit for limit in limits if limit.name == "builds"]


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Site]:
    commands = Commands(tmp_path / "home", monkeypatch, capsys)
    recordings = copy_recordings(tmp_path / "recordings", {})
    os.mkfifo(recordings / "never.yaml")
    commands.write_replay(
        {
            "BUILD_WORKERS": "2",
            "FACTORY_UI_PORT": str(free_port()),
            "FACTORY_RECORDINGS_DIR": str(recordings),
            "FACTORY_START_DATE": str(DAY),
            "FACTORY_END_DATE": str(DAY),
            # The specs say the same.
            "FACTORY_NOVELTY_FLOOR": "0",
        }
    )
    monkeypatch.chdir(tmp_path)
    for name, value in (commands.environment() | {"FACTORY_MODE": "replay"}).items():
        monkeypatch.setenv(name, value)
    opened = open_instance()
    registry = Registry(opened.settings.registry_place)
    registry.queue.add(
        DAY,
        [spec(name) for name in NAMES],
        [],
        dropped=0,
        ranks=range(1, 4),
        late_ranks=range(4, 5),
        now=NOW,
    )
    with (
        FactoryClient.open(opened.workspace, commands.data) as client,
        dg.DagsterInstance.get() as instance,
    ):
        site = Site(commands, client, instance, registry)
        try:
            yield site
        finally:
            commands.program("down", FACTORY_MODE="replay")
            for run in instance.get_runs(dg.RunsFilter(statuses=[STARTED])):
                with suppress(psutil.Error, ValueError):
                    stop_tree(site.worker_of(run.run_id).pid)


@pytest.mark.end_to_end
def test_up_beside_a_daemon_is_refused_and_later_leaves_alone_what_its_workers_build(site: Site) -> None:
    site.dagster.event_log_storage.set_concurrency_slots("builds", 1)
    with site.dagsters_own("dagster-daemon", "run", "-w", "workspace.yaml") as daemon:
        for name in NAMES:
            queued = site.registry.queue.named(name)
            assert queued is not None
            site.client.launch_spec("build", queued)
        site.wait(lambda: site.statuses() == ["QUEUED", "STARTED", "STARTED"], "two builds are not at work")
        assert site.build_slots() == [2], "BUILD_WORKERS of .env is not in force"

        refused = site.commands.program("up", FACTORY_MODE="replay")
        assert refused.code == 1
        assert f"This instance has a daemon already: `dagster-daemon` (process {daemon.pid}" in refused.err
        assert site.statuses() == ["QUEUED", "STARTED", "STARTED"]

        at_work = [run.run_id for run in site.dagster.get_runs(dg.RunsFilter(statuses=[STARTED]))]
        workers = [site.worker_of(run_id) for run_id in at_work]
        # Killed with its code server, it leaves workers that nobody watches.
        for process in [daemon, *daemon.children(recursive=True)]:
            if process not in workers:
                process.kill()
        workers[0].kill()
        workers[0].wait()

    started = site.commands.program("up", FACTORY_MODE="replay")
    assert started.code == 0, started.err
    assert f"Reported as failed, because the worker had died: {at_work[0]}." in started.out
    assert f"Going on in a worker of an earlier daemon: {at_work[1]}." in started.out
    died, lives = (site.dagster.get_run_by_id(run_id) for run_id in at_work)
    assert died is not None
    assert died.status is dg.DagsterRunStatus.FAILURE
    assert lives is not None
    assert lives.status is STARTED
    assert workers[1].is_running()


@pytest.mark.end_to_end
def test_dagster_dev_is_named_and_once_it_has_ended_the_factory_may_start_at_once(site: Site) -> None:
    site.dagster.event_log_storage.set_concurrency_slots("builds", 1)
    with site.dagsters_own("dagster", "dev", "-p", str(free_port())) as dev:
        site.wait(lambda: daemon_is_running(site.dagster), "dagster dev has no daemon")
        refused = site.commands.program("up", FACTORY_MODE="replay")
        assert refused.code == 1
        assert f"`dagster dev` (process {dev.pid}" in refused.err
        assert site.build_slots() == [2], "BUILD_WORKERS of .env is not in force"
    assert site.dagster.get_daemon_heartbeats() != {}
    check_no_daemon(site.dagster)
    assert not daemon_is_running(site.dagster)
