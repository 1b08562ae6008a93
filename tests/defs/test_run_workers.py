"""A run is dead only when its process is: told by what the run has noted of it, and by the process itself."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster_private import EngineEventData
from memory_registry import memory_registry

from factory_assets.defs import workers
from factory_assets.defs.daemons import release_dead_runs
from factory_assets.defs.dagster_private.core import WorkerStatus
from factory_assets.defs.run_launcher import FactoryRunLauncher
from factory_assets.defs.workers import has_died_here, living_workers

STARTING, STARTED = dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED
CANCELING = dg.DagsterRunStatus.CANCELING


@pytest.fixture
def instance(empty_home: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "home"
    shutil.copytree(empty_home, home)
    with dg.DagsterInstance.from_config(str(home)) as opened:
        yield opened


@pytest.fixture
def worker() -> Iterator[int]:
    """A process as a code server starts one for each run."""
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=[600], daemon=True)
    process.start()
    assert process.pid is not None
    yield process.pid
    process.kill()
    process.join()


@pytest.fixture
def another() -> Iterator[int]:
    """Some other process."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process.pid
        process.kill()


def ended() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def run(
    instance: dg.DagsterInstance, pid: int | None, status: dg.DagsterRunStatus = STARTED
) -> dg.DagsterRun:
    made = instance.add_run(dg.DagsterRun(job_name="build", status=status))
    if pid is not None:
        instance.report_engine_event("Started process for run.", made, EngineEventData.in_process(pid))
    return made


def test_a_run_whose_process_lives_is_alive_and_one_whose_process_has_ended_is_dead(
    instance: dg.DagsterInstance, worker: int, another: int
) -> None:
    assert not has_died_here(instance, run(instance, worker))
    assert not has_died_here(instance, run(instance, another)), (
        "a run need not be a code server's: `dg launch`"
    )
    assert has_died_here(instance, run(instance, ended()))
    assert not has_died_here(instance, run(instance, os.getpid(), CANCELING))


def test_a_process_that_nobody_has_reaped_has_ended(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert has_died_here(instance, run(instance, process.pid))


def test_another_process_with_the_same_number_is_not_the_worker(
    instance: dg.DagsterInstance, worker: int, another: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, of_a_worker = run(instance, another), run(instance, worker)
    # As if the note were older than the process by more than clocks differ.
    monkeypatch.setattr(workers, "_CLOCK_SECONDS", -3600.0)
    assert has_died_here(instance, old)
    assert not has_died_here(instance, of_a_worker), "its clock was set forward; it is a worker by its mark"


def test_a_run_that_was_only_starting_has_done_nothing_and_is_dead_without_a_process(
    instance: dg.DagsterInstance, worker: int
) -> None:
    assert has_died_here(instance, run(instance, None, STARTING))
    assert has_died_here(instance, run(instance, None, CANCELING))
    assert not has_died_here(instance, run(instance, None, STARTED))
    assert not has_died_here(instance, run(instance, worker, STARTING))


def test_only_dead_runs_are_reported_as_failed(instance: dg.DagsterInstance, worker: int) -> None:
    alive, dead, waiting = (
        run(instance, worker),
        run(instance, ended()),
        run(instance, None, dg.DagsterRunStatus.NOT_STARTED),
    )
    assert release_dead_runs(instance, memory_registry()) == [dead.run_id]
    assert release_dead_runs(instance, memory_registry()) == []
    found = {one.run_id: one.status for one in instance.get_runs()}
    assert found == {
        alive.run_id: STARTED,
        dead.run_id: dg.DagsterRunStatus.FAILURE,
        waiting.run_id: dg.DagsterRunStatus.NOT_STARTED,
    }


def test_the_workers_of_an_instance_are_what_code_servers_started(
    instance: dg.DagsterInstance, worker: int, another: int
) -> None:
    for pid in (worker, another, ended()):
        run(instance, pid)
    assert living_workers(instance, memory_registry()) == [worker]


def test_the_daemon_learns_of_a_worker_that_died_while_nobody_watched_it(
    instance: dg.DagsterInstance, worker: int
) -> None:
    launcher = FactoryRunLauncher()
    launcher.register_instance(instance)
    assert launcher.supports_check_run_worker_health
    assert launcher.check_run_worker_health(run(instance, worker)).status is WorkerStatus.RUNNING
    gone = launcher.check_run_worker_health(run(instance, ended()))
    assert (gone.status, gone.msg) == (WorkerStatus.NOT_FOUND, "its process has ended")
