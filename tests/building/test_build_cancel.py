"""Builds under a real daemon, cancelled and executed again as the UI does it, looked at down to their processes."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import dagster as dg
import psutil
import pytest
from automation_ticks import repos, sense
from build_material import make_spec
from defs_factory import DefsFactory
from layout import SUPPORT
from registry_samples import NOW

from factory_assets.cli.instance import open_instance
from factory_assets.cli.processes import start, stop_tree
from factory_assets.defs.client import FactoryClient
from factory_assets.defs.dagster_private.workspace import (
    WorkspaceFileTarget,
    WorkspaceProcessContext,
    execute_query,
)
from factory_assets.defs.partitions import spec_key
from factory_assets.defs.runs import ATTEMPTS_TAG, spec_tags
from factory_assets.defs.storage import open_storage
from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.specs import Language, QueuedSpec
from factory_assets.domain.text import tail
from factory_assets.settings import Mode, Settings

pytestmark = pytest.mark.end_to_end

DAY = date(2026, 6, 17)
GOOD, IDLE = "word-count", "idle-count"
# No other process of the machine sleeps for just this time.
SLEEP_SECONDS = f"{9_000_000 + os.getpid()}.75"
_LONGEST_SECONDS = 120
Found = TypeVar("Found")

_TERMINATE = """
mutation Terminate($runId: String!) {
  terminateRun(runId: $runId) { __typename ... on PythonError { message } }
}
"""
_EXECUTE_AGAIN = """
mutation Again($parameters: ReexecutionParams!) {
  launchRunReexecution(reexecutionParams: $parameters) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


@dataclass(frozen=True)
class AtWork:
    """A factory with a running daemon whose agents follow a script, and what the UI and the sensor ask of it."""

    factory: DefsFactory
    context: WorkspaceProcessContext
    client: FactoryClient
    script: Path
    daemon_log: Path

    def spec(self, name: str) -> QueuedSpec:
        queued = self.factory.registry.queue.named(name)
        assert queued is not None
        return queued

    def launch(self, name: str) -> str:
        """As the sensor launches it."""
        queued = self.spec(name)
        tags = {**spec_tags(queued), ATTEMPTS_TAG: str(queued.attempts)}
        return self.client.launch_partition("build", spec_key(queued), tags)

    def cancel(self, run_id: str) -> None:
        answer = execute_query(self.context, _TERMINATE, {"runId": run_id})["data"]["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def execute_again(self, run_id: str) -> str:
        """The UI's "Re-execute from failure"."""
        parameters = {"parentRunId": run_id, "strategy": "FROM_FAILURE"}
        answer = execute_query(self.context, _EXECUTE_AGAIN, {"parameters": parameters})["data"]
        answer = answer["launchRunReexecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def sense(self) -> list[str]:
        """The repos that the sensor would launch now."""
        found = sense(self.factory)
        return repos(found) if isinstance(found, list) else []

    def wait(self, run_id: str, *statuses: dg.DagsterRunStatus) -> dg.DagsterRun:
        def reached() -> dg.DagsterRun | None:
            run = self.factory.instance.get_run_by_id(run_id)
            assert run is not None
            return run if run.status in statuses else None

        return self.until(reached, f"run {run_id} {statuses}")

    def until(self, found: Callable[[], Found | None], what: str) -> Found:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < deadline:
            if value := found():
                return value
            time.sleep(0.2)
        pytest.fail(f"Never came: {what}\n{tail(self.daemon_log.read_text())}")


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtWork]:
    for tool in ("bwrap", "shellcheck", "make"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("factory")
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        for name, value in _environment(folder).items():
            patch.setenv(name, value)
        prepared = open_instance()
        location = f"{{module_name: cancel_location, location_name: factory, working_directory: {SUPPORT}}}"
        prepared.workspace.write_text(f"load_from:\n  - python_module: {location}\n")
        log = prepared.settings.factory_data_dir / "logs" / "daemon.log"
        argv = [sys.executable, str(SUPPORT / "defs_daemon.py"), str(prepared.workspace)]
        with open_storage(prepared.settings.factory_data_dir) as instance:
            factory = DefsFactory(prepared.settings, instance)
            factory.registry.queue.add(
                DAY,
                [make_spec(Language.BASH, name=name) for name in (GOOD, IDLE)],
                [],
                dropped=0,
                ranks=range(1, 3),
                late_ranks=range(3, 4),
                now=NOW,
            )
            daemon = start(argv, log=log, cwd=prepared.home)
            try:
                files = WorkspaceFileTarget([str(prepared.workspace)])
                with WorkspaceProcessContext(instance, files) as context:
                    yield AtWork(factory, context, FactoryClient(context), _made(folder / "script"), log)
            finally:
                stop_tree(daemon.pid)


def _environment(folder: Path) -> dict[str, str]:
    home = _made(folder / "home")
    # A replay instance is one that has its .env.
    (home / ".env").write_text("FACTORY_MODE=replay\n")
    return {
        "DAGSTER_HOME": str(home),
        "FACTORY_MODE": Mode.REPLAY,
        "FACTORY_DATA_DIR": str(home / "data"),
        "FACTORY_MIRROR_DIR": str(home / "mirrored"),
        "FACTORY_START_DATE": DAY.isoformat(),
        "FACTORY_END_DATE": DAY.isoformat(),
        "FACTORY_RANKS": "3",
        "FACTORY_SPECS_PER_DAY": "1",
        "FACTORY_ARXIV_INTERVAL": "0",
        "FACTORY_REPAIR_ROUNDS": "0",
        "FACTORY_ACCEPTANCE": "false",
        # Both specs say the same.
        "FACTORY_NOVELTY_FLOOR": "0",
        "AGENT_SLEEP_SECONDS": SLEEP_SECONDS,
        "AGENT_SCRIPT_FOLDER": str(folder / "script"),
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def sleepers() -> list[int]:
    """The programs that the agents have started and that run."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if SLEEP_SECONDS in " ".join(words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def test_a_cancelled_build_leaves_no_process_waits_and_goes_on_where_it_stopped(at_work: AtWork) -> None:
    registry, instance = at_work.factory.registry, at_work.factory.instance
    (at_work.script / "sleep-seo").touch()
    run_id = at_work.launch(GOOD)
    at_work.until(sleepers, "the agent's programs")
    assert at_work.spec(GOOD).status is BuildStatus.SEO

    at_work.cancel(run_id)
    at_work.wait(run_id, dg.DagsterRunStatus.CANCELED)
    # The queue says so at once, and not only after the sensor's next tick.
    at_work.until(lambda: at_work.spec(GOOD).status is BuildStatus.QUEUED, "the spec given back")
    at_work.until(lambda: not sleepers(), "the end of the agent's programs")
    assert not list(at_work.factory.settings.workspaces_dir.iterdir())
    assert GOOD not in at_work.sense()
    waiting = at_work.spec(GOOD)
    assert (waiting.status, waiting.attempts, waiting.wait_cause) == ("queued", 0, WaitCause.CANCELLED)
    # What was metered is paid, and what was set aside beyond it is free.
    assert registry.ledger.spent_since(datetime.now(UTC) - timedelta(hours=1)) == pytest.approx(0.5)

    again = at_work.execute_again(run_id)
    at_work.until(sleepers, "the agent's programs")
    assert GOOD not in at_work.sense()
    (at_work.script / "sleep-seo").unlink()
    for pid in sleepers():
        # Those in the sandbox go with its first process.
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
    run = at_work.wait(again, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    assert run.tags["factory/outcome"] == "shipped"
    assert (at_work.spec(GOOD).status, at_work.spec(GOOD).attempts) == ("shipped", 1)
    # The build phase once; the seo phase, which was cut off, twice; and a reading, for a fraction of a cent.
    assert registry.ledger.usage(repo=GOOD).cost_usd == pytest.approx(4 * 0.25, abs=0.005)
    assert len(instance.get_runs(dg.RunsFilter(tags={"factory/repo": GOOD}))) == 2


def test_a_red_build_that_is_executed_again_is_a_fresh_attempt(at_work: AtWork) -> None:
    before = at_work.spec(IDLE).attempts
    run_id = at_work.launch(IDLE)
    at_work.wait(run_id, dg.DagsterRunStatus.FAILURE)
    assert (at_work.spec(IDLE).status, at_work.spec(IDLE).attempts) == ("failed", before + 1)
    again = at_work.execute_again(run_id)
    run = at_work.wait(again, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS)
    assert run.tags["factory/outcome"] == "failed"
    assert (at_work.spec(IDLE).status, at_work.spec(IDLE).attempts) == ("failed", before + 2)
    # Each attempt paid for its build phase alone.
    assert at_work.factory.registry.ledger.usage(repo=IDLE).calls == 2 * 3


def test_a_build_whose_worker_ends_with_the_factory_is_not_taken_for_a_cancelled_one(at_work: AtWork) -> None:
    instance = at_work.factory.instance
    at_work.factory.registry.queue.requeue(at_work.spec(IDLE).id)
    (at_work.script / "sleep-build").touch()
    run_id = at_work.launch(IDLE)
    at_work.until(sleepers, "the agent's programs")
    family = psutil.Process(sleepers()[0]).parents()
    worker = next(process for process in family if "multiprocessing" in " ".join(process.cmdline()))
    (at_work.script / "sleep-build").unlink()
    worker.terminate()
    at_work.wait(run_id, dg.DagsterRunStatus.FAILURE)
    # Dagster follows it with a run of its own, and the sensor launches none beside it.
    (follower,) = at_work.until(
        lambda: [run for run in instance.get_runs() if run.parent_run_id == run_id], "the run that follows"
    )
    assert IDLE not in at_work.sense()
    at_work.wait(follower.run_id, dg.DagsterRunStatus.FAILURE)
    queued = at_work.spec(IDLE)
    assert (queued.status, queued.wait_cause) == (BuildStatus.FAILED, None)
    assert instance.get_run_by_id(follower.run_id).tags["factory/outcome"] == "failed"
    assert not sleepers()
