"""A replay factory at work as `factory demo-ui` serves it: web server, code server and daemon in one folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import dagster as dg
import httpx
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from defs_recordings import copy_recordings

from factory_assets.cli.processes import LOCATION, free_port, program, start, stop_tree
from factory_assets.defs.storage import open_storage
from factory_assets.domain.text import tail
from factory_assets.registry import Registry
from factory_assets.settings import PROJECT_ROOT, Mode, Settings

SHIPS, REFUSED = "draft-budget", "demo-fails-its-gate-on-purpose"
DAYS = ("2026-06-17", "2026-06-18", "2026-06-19")
LONGEST_SECONDS = 240.0
Found = TypeVar("Found")
_REPOS = {DAYS[0]: (SHIPS, REFUSED)}
_GOES_ON = {BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING}


@dataclass(frozen=True)
class Site:
    """The factory as its operator has it (`url`), and what a test looks at beside the pages."""

    url: str
    instance: dg.DagsterInstance
    registry: Registry
    logs: Path

    def partition(self, repo: str) -> str:
        """The partition that holds the spec of this repo."""
        queued = self.registry.spec_named(repo)
        assert queued is not None, f"no analysis wrote {repo}"
        assert queued.rank is not None
        return f"{queued.day}|{queued.rank:02d}"

    def runs_of(self, asset: str, key: str) -> list[dg.DagsterRun]:
        """The runs that were launched on this partition, newest first."""
        runs = self.instance.get_runs(dg.RunsFilter(tags={"dagster/partition": key}))
        return [run for run in runs if dg.AssetKey(asset) in (run.asset_selection or ())]

    def finished(self, run_id: str) -> dg.DagsterRun:
        """The run, once it has ended."""

        def look() -> dg.DagsterRun | None:
            run = self.instance.get_run_by_id(run_id)
            return run if run is not None and run.is_finished else None

        return self.wait(look, f"run {run_id} did not end")

    def finished_backfill(self, backfill_id: str) -> PartitionBackfill:
        """The backfill, once it has ended."""

        def look() -> PartitionBackfill | None:
            backfill = self.instance.get_backfill(backfill_id)
            return backfill if backfill is not None and backfill.status not in _GOES_ON else None

        return self.wait(look, f"backfill {backfill_id} did not end")

    def wait(self, look: Callable[[], Found | None], missing: str) -> Found:
        """What `look` finds, looked for twice a second."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while (found := look()) is None:
            assert time.monotonic() < deadline, f"{missing}\n{self.daemon_log()}"
            time.sleep(0.5)
        return found

    def daemon_log(self) -> str:
        """The end of what the daemon logged."""
        return tail((self.logs / "daemon.log").read_text(errors="replace"))


@contextmanager
def serve(folder: Path) -> Iterator[Site]:
    """Serve a factory with one repo that ships and one that is refused, until the block ends."""
    home = folder / "home"
    home.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        for name, value in _environment(home, copy_recordings(folder / "recordings", _REPOS)).items():
            patch.setenv(name, value)
        (home / ".env").write_text("FACTORY_MODE=replay\n")
        (home / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
        instance = stack.enter_context(open_storage(home / "data"))
        url = _start(home, stack)
        yield Site(url, instance, Registry(home / "data" / "registry.duckdb"), home / "data" / "logs")


def _environment(home: Path, recordings: Path) -> Mapping[str, str]:
    data = home / "data"
    data.mkdir()
    return {
        "DAGSTER_HOME": str(home),
        "FACTORY_MODE": Mode.REPLAY,
        "FACTORY_DATA_DIR": str(data),
        "FACTORY_MIRROR_DIR": str(home / "mirrored"),
        "FACTORY_RECORDINGS_DIR": str(recordings),
        "FACTORY_START_DATE": DAYS[0],
        "FACTORY_END_DATE": DAYS[-1],
        "BUILD_WORKERS": "2",
        "FACTORY_RANKS": "2",
        "FACTORY_SPECS_PER_DAY": "2",
        "FACTORY_ARXIV_INTERVAL": "0",
        "FACTORY_MIRROR_INTERVAL": "0",
        # So the hourly gather, should its hour come, only repeats the last of the dates.
        "FACTORY_GATHER_WINDOW_DAYS": "1",
    }


def _start(home: Path, stack: ExitStack) -> str:
    ui, code = free_port(), free_port()
    workspace = home / "workspace.yaml"
    workspace.write_text(
        f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {code}, location_name: {LOCATION}}}\n"
    )
    programs = {
        "code-server": [
            program("dagster"),
            *("code-server", "start", "-m", "factory_assets.definitions"),
            *("-h", "127.0.0.1", "-p", str(code), "--location-name", LOCATION),
        ],
        "daemon": [sys.executable, str(Path(__file__).with_name("defs_daemon.py")), str(workspace)],
        "webserver": [program("dagster-webserver"), "-w", str(workspace), "-h", "127.0.0.1", "-p", str(ui)],
    }
    for name, argv in programs.items():
        child = start(argv, log=home / "data" / "logs" / f"{name}.log", cwd=home)
        stack.callback(stop_tree, child.pid)
    url = f"http://127.0.0.1:{ui}"
    deadline = time.monotonic() + LONGEST_SECONDS
    while not _answers(url):
        log = home / "data" / "logs" / "webserver.log"
        assert time.monotonic() < deadline, f"the UI did not start\n{tail(log.read_text(errors='replace'))}"
        time.sleep(0.25)
    return url


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/server_info", timeout=2).is_success
    except httpx.TransportError:
        return False
