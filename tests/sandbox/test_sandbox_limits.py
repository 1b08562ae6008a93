"""What a program may take of the machine, and that one which takes more is stopped and told why."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from claude_code_sandboxes import new_marker, processes_with, sandbox_named

from factory_assets.domain.agents import Command, CommandResult
from factory_assets.sandbox import ResourceLimits
from factory_assets.sandbox.descendants import Descendants
from factory_assets.sandbox.groups import ControlGroup, find_group_parent
from factory_assets.sandbox.watchdog import bytes_below

both = pytest.mark.parametrize("name", ["bubblewrap", "plain"])
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")

_MIB = 1024**2
LIMITS = ResourceLimits(memory_bytes=300 * _MIB, processes=100, disk_bytes=20 * _MIB, file_bytes=10 * _MIB)


def run(name: str, workspace: Path, *argv: str, limits: ResourceLimits = LIMITS) -> CommandResult:
    return sandbox_named(name, limits=limits).run(Command(argv, workspace, timeout_seconds=60))


@both
@linux
def test_a_bounded_fork_bomb_within_the_limit_is_survived(name: str, tmp_path: Path) -> None:
    line = "i=0; while [ $i -lt 300 ]; do sleep 2 & i=$((i+1)); done; wait; echo survived"
    result = run(name, tmp_path, "sh", "-c", line, limits=ResourceLimits())
    assert (result.exit_code, result.output, result.stopped) == (0, "survived\n", None)


@both
@linux
def test_a_fork_bomb_beyond_the_limit_is_stopped_and_nothing_of_it_is_left(name: str, tmp_path: Path) -> None:
    marker = new_marker()
    line = f"i=0; while [ $i -lt 400 ]; do setsid sleep {marker} & i=$((i+1)); done; wait"
    started = time.monotonic()
    result = run(name, tmp_path, "sh", "-c", line)
    assert result.stopped == "more than 100 processes"
    assert (result.exit_code, result.timed_out) == (137, False)
    assert result.output.endswith("[stopped: more than 100 processes]\n")
    assert time.monotonic() - started < 30
    assert processes_with(marker) == []


@both
@linux
def test_a_program_that_takes_too_much_memory_is_stopped(name: str, tmp_path: Path) -> None:
    script = f"import time; held = bytearray(b'x') * {400 * _MIB}; time.sleep(30)"
    result = run(name, tmp_path, "python3", "-c", script)
    assert result.stopped == "more than 0.293 GiB of memory"


@both
@linux
def test_memory_is_counted_over_all_processes_together(name: str, tmp_path: Path) -> None:
    script = f"import time; held = bytearray(b'x') * {120 * _MIB}; time.sleep(30)"
    line = " & ".join([f'python3 -c "{script}"'] * 4)
    assert run(name, tmp_path, "sh", "-c", line).stopped == "more than 0.293 GiB of memory"


@both
@linux
def test_pages_that_processes_share_count_once(name: str, tmp_path: Path) -> None:
    script = f"""
import os, time
held = bytearray(b"x") * {120 * _MIB}
for _ in range(4):
    if os.fork() == 0:
        time.sleep(1)
        os._exit(0)
time.sleep(1.5)
print("survived")
"""
    result = run(name, tmp_path, "python3", "-c", script)
    assert (result.output, result.stopped) == ("survived\n", None)


@both
def test_a_program_that_fills_its_folder_is_stopped(name: str, tmp_path: Path) -> None:
    line = "for i in 1 2 3 4 5; do head -c 6000000 /dev/urandom > file$i; done; sleep 30"
    assert run(name, tmp_path, "sh", "-c", line).stopped == "more than 0.0195 GiB of files"


@both
def test_very_many_empty_files_take_room_too(name: str, tmp_path: Path) -> None:
    script = "import time\nfor i in range(6000): open(f'file{i}', 'w').close()\ntime.sleep(30)"
    assert run(name, tmp_path, "python3", "-c", script).stopped == "more than 0.0195 GiB of files"


@both
def test_no_file_grows_beyond_its_limit(name: str, tmp_path: Path) -> None:
    result = run(name, tmp_path, "sh", "-c", "head -c 15000000 /dev/zero > big; echo $?")
    assert (tmp_path / "big").stat().st_size == LIMITS.file_bytes
    assert result.output.split()[-1] == "153"


@both
def test_no_core_files_are_written_and_the_limits_cannot_be_raised(name: str, tmp_path: Path) -> None:
    script = "import resource as r; print(r.getrlimit(r.RLIMIT_CORE), r.getrlimit(r.RLIMIT_FSIZE))"
    assert run(name, tmp_path, "python3", "-c", script).output == "(0, 0) (10485760, 10485760)\n"


def test_folders_in_memory_hold_only_so_much(tmp_path: Path) -> None:
    script = """
import os
for place in ("/tmp", "/dev/shm"):
    size = os.statvfs(place)
    print(size.f_blocks * size.f_frsize // 1024**2)
"""
    assert run("bubblewrap", tmp_path, "python3", "-c", script).output == "1024\n256\n"


@linux
def test_only_descendants_are_counted_orphans_included() -> None:
    # A sub-reaper, as a namespace's first process is one: it inherits what is orphaned.
    script = """
import ctypes, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
subprocess.run(["sh", "-c", "sleep 30 & sleep 30 & exit"])
child = subprocess.Popen(["sleep", "30"])
print("ready", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
    ) as root:
        assert root.stdout is not None
        root.stdout.readline()
        descendants = Descendants(root.pid)
        loads = [descendants.look() for _ in range(25)]
        os.killpg(root.pid, signal.SIGKILL)
    assert {load.processes for load in loads} == {3}
    assert all(load.threads == 3 and load.resident_bytes > 0 for load in loads)


def test_the_size_of_a_folder_follows_no_links_and_forgives_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(b"x" * 100_000)
    (tmp_path / "out").symlink_to("/usr")
    assert 100_000 <= bytes_below(tmp_path) < 130_000
    assert bytes_below(tmp_path / "gone") == 0


def kernel(root: Path, *, delegated: str) -> Path:
    """A tree of control groups as the kernel shows it, with this process in `user/factory.service`."""
    for folder in (root, root / "user", root / "user" / "factory.service"):
        folder.mkdir()
        for name in ("cgroup.controllers", "cgroup.subtree_control", "cgroup.procs"):
            (folder / name).write_text("")
    (root / "user" / "cgroup.subtree_control").write_text(delegated)
    own = root / "own"
    own.write_text("1:cpu:/\n0::/user/factory.service\n")
    return own


def test_a_group_is_made_where_its_controllers_are_delegated(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    own = kernel(root, delegated="cpu memory pids")
    parent = find_group_parent(root=root, own=own)
    assert parent == root / "user"
    group = ControlGroup.create(parent, LIMITS)
    values = {path.name: path.read_text() for path in group.folder.iterdir()}
    assert values["memory.max"] == str(LIMITS.memory_bytes)
    assert (values["memory.oom.group"], values["pids.max"]) == ("1", "800")
    done = subprocess.run(group.entered(["echo", "started"]), capture_output=True, text=True, check=True)
    assert done.stdout == "started\n"
    assert (group.folder / "cgroup.procs").read_text() == "0\n"


@pytest.mark.parametrize("delegated", ["", "cpu", "memory"])
def test_without_its_controllers_there_is_no_group(tmp_path: Path, delegated: str) -> None:
    root = tmp_path / "cgroup"
    own = kernel(root, delegated=delegated)
    assert find_group_parent(root=root, own=own) is None


def test_without_cgroup_v2_there_is_no_group(tmp_path: Path) -> None:
    assert find_group_parent(root=tmp_path / "none") is None
    root = tmp_path / "cgroup"
    own = kernel(root, delegated="memory pids")
    own.write_text("4:memory:/user\n")
    assert find_group_parent(root=root, own=own) is None


def test_what_the_kernel_stopped_is_told(tmp_path: Path) -> None:
    group = ControlGroup(tmp_path)
    assert group.exceeded(LIMITS) is None
    (tmp_path / "memory.events").write_text("low 0\noom 1\noom_kill 0\n")
    (tmp_path / "pids.events").write_text("max 0\n")
    assert group.exceeded(LIMITS) is None
    (tmp_path / "pids.events").write_text("max 3\n")
    assert group.exceeded(LIMITS) == "more than 800 threads"
    (tmp_path / "memory.events").write_text("low 0\noom 1\noom_kill 2\n")
    assert group.exceeded(replace(LIMITS, memory_bytes=1024**3)) == "more than 1 GiB of memory"
