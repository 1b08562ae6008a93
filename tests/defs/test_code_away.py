"""With a real daemon and code server: what is queued and in flight waits while the code does not load."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pytest
from dagster_private import WorkspaceRequestContext
from layout import SUPPORT

from factory_assets.cli.instance import open_instance
from factory_assets.cli.processes import (
    LOCATION,
    free_port,
    listens,
    program,
    stop_tree,
    stop_trees,
    write_workspace,
)
from factory_assets.defs.client import FactoryClient
from factory_assets.defs.dagster_private.core import BulkActionStatus
from factory_assets.defs.dagster_private.daemon import QueuedRunCoordinatorDaemon
from factory_assets.defs.dagster_private.workspace import (
    WorkspaceFileTarget,
    WorkspaceProcessContext,
    execute_query,
)
from factory_assets.defs.storage import open_storage
from factory_assets.domain.text import tail
from factory_assets.settings import Settings

pytestmark = pytest.mark.end_to_end

DAYS = (date(2026, 6, 17), date(2026, 6, 18))
GOOD = """\
FACTORY_MODE=replay
FACTORY_START_DATE=2026-06-17
FACTORY_END_DATE=2026-06-18
FACTORY_RANKS=2
FACTORY_SPECS_PER_DAY=1
FACTORY_ARXIV_INTERVAL=0
FACTORY_GATHER_WINDOW_DAYS=1
"""
BAD = f"{GOOD}BUILD_WORKERS=two\n"
_LONGEST_SECONDS = 180
# Dagster writes this each time that it lets a backfill wait.
_WAITS = "The backfill will resume once it is available"
Found = TypeVar("Found")

_BACK_FILL = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_RELOAD = """
mutation { reloadRepositoryLocation(repositoryLocationName: "factory") {
  __typename
  ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
} }
"""
_TEST_SENSOR = """
mutation { sensorDryRun(selectorData: {
  sensorName: "settings_in_force", repositoryName: "__repository__", repositoryLocationName: "factory"
}, cursor: null) {
  __typename
  ... on DryRunInstigationTick { evaluationResult { error { message errorChain { error { message } } } } }
} }
"""


@dataclass
class Site:
    """A replay instance whose `.env` a person edits, with a code server that comes and goes."""

    home: Path
    dagster: dg.DagsterInstance
    port: int
    workspace: Path
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def write(self, env_file: str) -> None:
        data = self.home / "data"
        (self.home / ".env").write_text(f"{env_file}DAGSTER_HOME={self.home}\nFACTORY_DATA_DIR={data}\n")

    def forget_the_last_good_settings(self) -> None:
        """So that a mistake in `.env` is code that does not load, as an error in the code would be."""
        (self.home / ".env-last-good").unlink()

    def start(self, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """As a person starts it in a shell: in the folder of `.env`, and by what that says then."""
        with (self.home / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                argv, cwd=self.home, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._children.append(child)
        return child

    def serve(self, *server: str) -> subprocess.Popen[bytes]:
        """Start the code server, and wait until it answers."""
        where = ("-m", "factory_assets.definitions", "-h", "127.0.0.1", "-p", str(self.port))
        child = self.start("code-server", [program("dagster"), *server, *where, "--location-name", LOCATION])
        self.until(lambda: listens(self.port), "the code server")
        return child

    @contextmanager
    def context(self) -> Iterator[WorkspaceProcessContext]:
        """What the UI has."""
        with WorkspaceProcessContext(self.dagster, WorkspaceFileTarget([str(self.workspace)])) as context:
            yield context

    def until(self, found: Callable[[], Found | None], what: str) -> Found:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < deadline:
            if value := found():
                return value
            time.sleep(0.2)
        logs = {path.name: tail(path.read_text()) for path in self.home.glob("*.log")}
        pytest.fail(f"Never came: {what}\n{logs}")

    def close(self) -> None:
        stop_trees([child.pid for child in self._children])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("home")
    (home / ".env").write_text(GOOD)
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        patch.setenv("DAGSTER_HOME", str(home))
        patch.setenv("FACTORY_DATA_DIR", str(home / "data"))
        prepared = open_instance()
        port = free_port()
        workspace = write_workspace(prepared.settings.factory_data_dir, port)
        with open_storage(prepared.settings.factory_data_dir) as instance:
            site = Site(home, instance, port, workspace)
            site.write(GOOD)
            try:
                yield site
            finally:
                site.close()
                os.chdir(before)


@pytest.fixture(autouse=True)
def environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what a test starts itself."""
    monkeypatch.setenv("DAGSTER_HOME", str(site.home))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(site.home / "data"))


class StaleDaemon:
    """What a daemon knows that has not yet seen that the code server is another one by now."""

    def __init__(self, context: WorkspaceProcessContext) -> None:
        self.instance = context.instance
        self._known = context.create_request_context()

    def create_request_context(self) -> WorkspaceRequestContext:
        return self._known


def test_a_run_that_a_code_server_without_code_is_asked_to_start_goes_back_into_the_queue(site: Site) -> None:
    good = site.serve("code-server", "start")
    with site.context() as context:
        run_id = FactoryClient(context).launch_days("gather", DAYS[0], DAYS[0])
        daemon = StaleDaemon(context)
    stop_tree(good.pid)
    site.forget_the_last_good_settings()
    site.write(BAD)
    bad = site.serve("api", "grpc", "--lazy-load-user-code")
    list(QueuedRunCoordinatorDaemon(interval_seconds=1).run_iteration(daemon))  # type: ignore[arg-type]
    stop_tree(bad.pid)
    site.write(GOOD)
    run = site.dagster.get_run_by_id(run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.QUEUED
    messages = [entry.message for entry in site.dagster.all_logs(run_id)]
    assert any("re-submitting the run into the queue" in message for message in messages)


def test_a_backfill_in_flight_outlives_code_that_is_away_and_code_that_does_not_load(site: Site) -> None:
    log = site.home / "daemon.log"
    server = site.serve("code-server", "start")
    daemon = str(SUPPORT / "defs_daemon.py")
    site.start("daemon", [sys.executable, daemon, str(site.workspace)])
    with site.context() as context:
        client = FactoryClient(context)
        client.set_pool("analyze", 0)
        assets = [{"path": ["papers"]}, {"path": ["specs"]}]
        params = {"partitionNames": [str(day) for day in DAYS], "assetSelection": assets}
        launched = execute_query(context, _BACK_FILL, {"params": params})["data"]["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
    backfill_id = launched["backfillId"]
    tags = {"dagster/backfill": backfill_id}

    def queued() -> list[dg.DagsterRun]:
        runs = site.dagster.get_runs(dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.QUEUED]))
        return [run for run in runs if run.asset_selection == {dg.AssetKey("specs")}]

    site.until(lambda: len(queued()) == len(DAYS), "the runs that wait for the pool")
    before = {run.run_id for run in queued()}

    def waits_or_has_ended() -> bool:
        return log.read_text().count(_WAITS) > waited or status() is not BulkActionStatus.REQUESTED

    def status() -> BulkActionStatus:
        backfill = site.dagster.get_backfill(backfill_id)
        assert backfill is not None
        return backfill.status

    waited = 0
    stop_tree(server.pid)
    site.until(waits_or_has_ended, "what the daemon does about code that is away")
    site.forget_the_last_good_settings()
    site.write(BAD)
    server = site.serve("code-server", "start")
    waited = log.read_text().count(_WAITS)
    site.until(waits_or_has_ended, "what the daemon does about code that does not load")
    assert status() is BulkActionStatus.REQUESTED
    assert {run.run_id for run in queued()} == before

    site.write(GOOD)
    with site.context() as context:
        execute_query(context, _RELOAD)
        FactoryClient(context).set_pool("analyze", 2)
    site.until(lambda: status() is not BulkActionStatus.REQUESTED, "the end of the backfill")
    assert status() is BulkActionStatus.COMPLETED_SUCCESS, tail(log.read_text())


def test_reload_definitions_after_a_typo_in_the_env_file_keeps_the_code_and_says_why(site: Site) -> None:
    if not listens(site.port):
        site.serve("code-server", "start")
    site.write(BAD)
    with site.context() as context:
        entry = execute_query(context, _RELOAD)["data"]["reloadRepositoryLocation"]
        assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation", entry
        tested = execute_query(context, _TEST_SENSOR)["data"]["sensorDryRun"]
    assert "BUILD_WORKERS" in str(tested["evaluationResult"]["error"]), tested
