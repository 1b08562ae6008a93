"""A replay factory at work as `factory demo-ui` serves it: web server, code server and daemon in one folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import dagster as dg
import httpx
import pytest
from dagster_private import TickStatus
from defs_recordings import copy_recordings, pause_first
from layout import SUPPORT

from factory_assets.cli.processes import LOCATION, free_port, program, start, stop_tree
from factory_assets.defs.dagster_private.core import BulkActionStatus, PartitionBackfill
from factory_assets.defs.storage import open_storage
from factory_assets.domain.text import tail
from factory_assets.registry import Registry
from factory_assets.settings import PROJECT_ROOT, Mode, Settings

SHIPS, REFUSED = "draft-budget", "demo-fails-its-gate-on-purpose"
DAYS = ("2026-06-17", "2026-06-18", "2026-06-19")
LONGEST_SECONDS = 240.0
Found = TypeVar("Found")
_REPOS = {DAYS[0]: (SHIPS, REFUSED)}
_SPEC_DAY = date.fromisoformat(DAYS[0])
_LOADED = (
    "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }"
)
_GOES_ON = {BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING}


@dataclass(frozen=True)
class Site:
    """The factory as its operator has it (`url`), and what a test looks at beside the pages."""

    url: str
    instance: dg.DagsterInstance
    registry: Registry
    home: Path
    environment: Mapping[str, str]

    def partition(self, repo: str) -> str:
        """The partition that holds the spec of this repo."""
        queued = self.registry.queue.named(repo)
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
        while not (found := look()):
            assert time.monotonic() < deadline, f"{missing}\n{self.daemon_log()}"
            time.sleep(0.5)
        return found

    def builds(self) -> list[dg.DagsterRun]:
        """The runs that build a repo with a spec, newest first."""
        ranks = {f"{queued.day}|{queued.rank:02d}" for queued in self.registry.queue.of_day(_SPEC_DAY)}
        return [
            run
            for run in self.instance.get_runs()
            if run.tags.get("dagster/partition") in ranks
            and (run.job_name == "build" or dg.AssetKey("built_repos") in (run.asset_selection or ()))
        ]

    def ticks(self, name: str) -> int:
        """How often the daemon has evaluated this sensor."""
        (state,) = [state for state in self.instance.all_instigator_state() if state.name == name]
        ticks = self.instance.get_ticks(state.instigator_origin_id, state.selector_id)
        return len([tick for tick in ticks if tick.status is not TickStatus.STARTED])

    def command(self, *arguments: str) -> str:
        """What a command of the factory prints, in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "factory_assets.cli", *arguments],
            cwd=self.home,
            # Wide enough that no name is broken in two.
            env={**self.environment, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def daemon_log(self) -> str:
        """The end of what the daemon logged."""
        return tail((self.home / "data" / "logs" / "daemon.log").read_text(errors="replace"))


@contextmanager
def serve(folder: Path, *, workers: int = 2, pause_seconds: int = 0) -> Iterator[Site]:
    """Serve a factory with one repo that ships and one that is refused, until the block ends.

    The build of the one that ships begins with a pause.
    """
    home = folder / "home"
    home.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        recordings = copy_recordings(folder / "recordings", _REPOS)
        if pause_seconds:
            pause_first(recordings, SHIPS, pause_seconds)
        for name, value in _environment(home, recordings).items():
            patch.setenv(name, value)
        patch.setenv("BUILD_WORKERS", str(workers))
        (home / ".env").write_text("FACTORY_MODE=replay\n")
        (home / "dagster.yaml").write_text((PROJECT_ROOT / "dagster.yaml").read_text())
        instance = stack.enter_context(open_storage(home / "data"))
        url = _start(home, stack)
        yield Site(url, instance, Registry(home / "data" / "registry.duckdb"), home, dict(os.environ))


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
        "daemon": [sys.executable, str(SUPPORT / "defs_daemon.py"), str(workspace)],
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
    """Whether the web server is there and knows the assets: a page that is opened earlier stays without its buttons."""
    try:
        answer = httpx.post(f"{url}/graphql", json={"query": _LOADED}, timeout=10)
    except httpx.TransportError:
        return False
    if not answer.is_success:
        return False
    entries = answer.json()["data"]["workspaceOrError"].get("locationEntries", [])
    loaded = [(entry["locationOrLoadError"] or {}).get("__typename") for entry in entries]
    return loaded == ["RepositoryLocation"]
