"""Chaos: builds whose workers are killed at random points, and the invariants that hold all the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chaos_driver import ChaosDriver
from chaos_specs import SpecSource
from claude_code_sandboxes import bubblewrap, new_marker, wait_until_gone
from postgres_server import missing_programs, postgres

from factory_assets.building.git import BareRepo
from factory_assets.building.locks import spec_lock
from factory_assets.building.outcome import Busy
from factory_assets.domain.errors import InfrastructureError
from factory_assets.instance import Instance
from factory_assets.llm.claude_code_home import home_of
from factory_assets.scratch import scratch_folder
from factory_assets.settings import Settings

AUTHOR = "Factory <factory@example.org>"
_TOOLS = ("bwrap", "git", "make", "bash", "python3")


@pytest.fixture(params=["duckdb", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[str | None]:
    if request.param == "duckdb":
        yield None
        return
    if missing := missing_programs():
        pytest.skip(f"{' and '.join(missing)} of PostgreSQL are missing")
    with postgres() as url:
        yield url


@pytest.mark.chaos
def test_whatever_happens_to_its_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str | None
) -> None:
    if missing := [tool for tool in _TOOLS if not shutil.which(tool)]:
        pytest.skip(f"{', '.join(missing)} not installed")
    kills, seed = int(os.environ.get("CHAOS_KILLS", "50")), int(os.environ.get("CHAOS_SEED", "1"))
    kind = "PostgreSQL" if database else "DuckDB"
    print(f"\nchaos: {kills} kills, CHAOS_SEED={seed}, registry on {kind}", flush=True)
    started = time.monotonic()
    # What this machine has cached serves the builds, too.
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    driver = ChaosDriver(tmp_path, kills=kills, seed=seed, database=database)
    driver.run()
    faults = driver.faults or driver.checks.at_the_end(driver.specs)
    ends = Counter(driver.books.ended.values())
    ledger, answered = driver.checks.dollars()
    places = ", ".join(f"{place} {count}" for place, count in sorted(driver.killed.items()))
    print(
        f"chaos: {driver.killed.total()} kills ({places}); {ends['shipped']} shipped, {ends['failed']} failed;"
        f" {ledger:.2f} dollars in the ledger, {answered:.2f} answered;"
        f" {time.monotonic() - started:.0f} seconds"
    )
    assert not faults, "\n".join(faults)
    # Else the workers have not been where they were meant to be.
    assert (tmp_path / "data" / "registry.duckdb").exists() is (database is None)


def test_a_lock_that_a_killed_git_left_does_not_stop_the_next_run(tmp_path: Path) -> None:
    repo = BareRepo(tmp_path / "a.git", author=AUTHOR)
    commit = _first_commit(repo, tmp_path)
    locks = [repo.path / "packed-refs.lock", repo.path / "refs" / "factory" / "scaffold.lock"]
    for lock in locks:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    with pytest.raises(InfrastructureError, match=r"scaffold\.lock"):
        repo.set_scaffold(commit)
    repo.release_locks()
    repo.set_scaffold(commit)
    assert repo.scaffold() == commit


def test_a_git_that_outlived_its_worker_may_end_its_write(tmp_path: Path) -> None:
    repo = BareRepo(tmp_path / "a.git", author=AUTHOR)
    commit = _first_commit(repo, tmp_path)
    with subprocess.Popen(
        ["git", "--git-dir", str(repo.path), "update-ref", "--stdin"], stdin=subprocess.PIPE, text=True
    ) as git:
        assert git.stdin is not None
        git.stdin.write(f"start\nupdate refs/factory/scaffold {commit}\nprepare\n")
        git.stdin.flush()
        while not list(repo.path.rglob("scaffold.lock")):
            time.sleep(0.01)
        threading.Timer(0.3, git.communicate, ["commit\n"]).start()
        repo.release_locks()
    assert repo.scaffold() == commit


def test_a_repository_that_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    draft = tmp_path / "a.git.new"
    draft.mkdir()
    (draft / "HEAD").write_text("ref: refs/heads/main\n")
    repo = BareRepo(tmp_path / "a.git", author=AUTHOR)
    assert repo.refs() == {}
    assert not draft.exists()


_STARTER = """
import os, sys, threading, time
from pathlib import Path
from factory_assets.domain.agents import Command
from factory_assets.sandbox import find_sandbox
sandbox = find_sandbox(hidden=())
def die():
    time.sleep(float(sys.argv[1]))
    os.kill(os.getpid(), 9)
def hear(event, args):
    if event == "subprocess.Popen":
        threading.Thread(target=die).start()
sys.addaudithook(hear)
sandbox.run(Command(("sleep", sys.argv[2]), Path.cwd(), 60))
"""


def test_a_worker_killed_while_bubblewrap_starts_leaves_nothing(tmp_path: Path) -> None:
    bubblewrap()
    marker = new_marker()
    for seconds in (0.0, 0.01, 0.03, 0.06):
        subprocess.run(
            [sys.executable, "-c", _STARTER, str(seconds), marker], cwd=tmp_path, check=False, timeout=60
        )
    wait_until_gone(marker)


def test_a_second_launch_leaves_the_sessions_of_the_first_alone(
    tmp_path: Path, replay_settings: Settings
) -> None:
    bubblewrap()
    instance = Instance(replay_settings)
    name = SpecSource(instance.registry, tmp_path / "recordings").queue().name
    queued = instance.registry.queue.named(name)
    data = replay_settings.factory_data_dir
    sessions = home_of(data / "claude-code", replay_settings.workspaces_dir / name / "work")
    sessions.mkdir(parents=True)
    with spec_lock(data / "locks", name):
        assert isinstance(instance.builds.build(queued, "second-run", print), Busy)
    assert sessions.exists()


def test_a_killed_process_leaves_no_temporary_folder_for_long(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_path))
    code = (
        f"import os, tempfile; tempfile.tempdir = {str(short_path)!r}\n"
        "from factory_assets.scratch import scratch_folder\n"
        "with scratch_folder() as folder:\n"
        "    (folder / 'secret').touch()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(list(short_path.glob("factory-scratch-*/*/secret"))) == 1
    with scratch_folder() as folder:
        assert [path for path in folder.parent.iterdir() if path.is_dir()] == [folder]


def _first_commit(repo: BareRepo, tmp_path: Path) -> str:
    workspace = tmp_path / "work"
    workspace.mkdir()
    (workspace / "a.txt").write_text("a\n")
    return repo.commit(workspace, parent=None, message="First", when=datetime(2026, 6, 17, tzinfo=UTC))
