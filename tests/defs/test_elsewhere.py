"""Runs at workers: which go there, how they are cancelled, and that they end with their worker."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.dagster_run import RunOpConcurrency
from defs_commands import Commands

from factory_assets.defs.celery_launcher import FactoryCeleryLauncher, _is_build
from factory_assets.defs.elsewhere import TASK_TAG, note_begun

STARTED, STARTING = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def launcher(instance: dg.DagsterInstance) -> FactoryCeleryLauncher:
    launcher = FactoryCeleryLauncher()
    launcher.register_instance(instance)
    return launcher


def at_worker(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus = STARTED, *, begun: bool = True
) -> dg.DagsterRun:
    run = dg.DagsterRun(job_name="build", status=status, tags={TASK_TAG: "a task of Celery"})
    instance.add_run(run)
    if begun:
        note_begun(instance, run, "host")
    return run


def test_a_cancelled_run_that_waits_at_the_broker_is_cancelled_at_once(
    instance: dg.DagsterInstance, launcher: FactoryCeleryLauncher
) -> None:
    run = at_worker(instance, STARTING, begun=False)
    assert launcher.terminate(run.run_id)
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.CANCELED
    assert not launcher.terminate(run.run_id), "it has ended"


@pytest.mark.parametrize("status", [STARTING, STARTED])
def test_one_that_a_worker_has_begun_is_asked_to_end_through_the_database(
    instance: dg.DagsterInstance, launcher: FactoryCeleryLauncher, status: dg.DagsterRunStatus
) -> None:
    run = at_worker(instance, status)
    assert launcher.terminate(run.run_id)
    asked = instance.get_run_by_id(run.run_id)
    assert asked is not None
    assert asked.status is dg.DagsterRunStatus.CANCELING


@pytest.mark.parametrize(
    ("pools", "expected"),
    [({"builds"}, True), ({"builds", "specs"}, False), ({"papers"}, False), (None, False)],
)
def test_only_what_does_nothing_but_build_goes_to_a_worker(pools: set[str] | None, *, expected: bool) -> None:
    concurrency = RunOpConcurrency(root_key_counts={}, has_unconstrained_root_nodes=False, all_pools=pools)
    assert _is_build(dg.DagsterRun(job_name="build", run_op_concurrency=concurrency)) is expected


def test_a_run_ends_with_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, sys; os.read(int(sys.argv[2]), 1); open('ended', 'w')"
    worker = f"""
import sys
from pathlib import Path
from factory_assets.defs import celery_worker
celery_worker.COMMAND = [sys.executable, "-c", {code!r}]
import threading, time, os
threading.Thread(target=celery_worker.RunProcesses(Path({str(tmp_path)!r})).execute, args=("run",), daemon=True).start()
time.sleep(1)
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", worker], check=False)
    deadline = time.monotonic() + 20
    while not (tmp_path / "ended").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_without_a_broker_is_told_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = Commands(tmp_path, monkeypatch, capsys)
    commands.write_replay()
    ended = commands("worker")
    assert ended.code == 1
    assert "FACTORY_CELERY_BROKER" in ended.err
