"""The wrapper for long-lived programs: arguments, secrets, and the end of all it started."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from claude_code_sandboxes import (
    new_marker,
    processes_with,
    program,
    sandbox_named,
    wait_until_gone,
    wait_until_running,
)
from layout import python_path

from factory_assets.sandbox import namespace_sockets, supervisor, write_launch

both = pytest.mark.parametrize("name", ["bubblewrap", "plain"])


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("workspace", "home/tmp"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "workspace", tmp_path / "home"


@both
def test_arguments_and_named_secrets_pass_and_nothing_else(
    name: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    workspace, home = folders
    shell = program("/bin/sh", "-c", 'echo "$#" "$2"; env', workspace=workspace, home=home, SHOWN="1")
    launch = write_launch(sandbox_named(name), shell, directory=tmp_path / "launch", inherited=["KEY"])
    outside = {**os.environ, "KEY": "sk-passed", "GITHUB_TOKEN": "ghp_kept_out"}
    argv = [launch.script, "zero", "one", "two words"]
    done = subprocess.run(argv, env=outside, cwd=workspace, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "2 two words"
    assert "KEY=sk-passed" in lines
    assert "SHOWN=1" in lines
    assert "ghp_kept_out" not in done.stdout


@both
def test_a_secret_is_in_no_command_line_and_in_no_file(
    name: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    workspace, home = folders
    marker = new_marker()
    sleeper = program("sleep", marker, workspace=workspace, home=home)
    directory = tmp_path / "launch"
    launch = write_launch(sandbox_named(name), sleeper, directory=directory, inherited=["KEY"])
    with subprocess.Popen([launch.script], env={**os.environ, "KEY": "sk-very-secret"}, cwd=workspace):
        wait_until_running(marker)
        for process in psutil.process_iter(["cmdline"]):
            assert "sk-very-secret" not in " ".join(process.info["cmdline"] or ())
        assert all("sk-very-secret" not in file.read_text() for file in directory.iterdir())
        launch.end()
    assert stat.S_IMODE(launch.script.stat().st_mode) == 0o700
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@both
def test_the_end_of_a_launch_leaves_nothing_running(
    name: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    workspace, home = folders
    marker = new_marker()
    line = f"setsid sleep {marker} >/dev/null 2>&1 & sleep 600"
    leaver = program("sh", "-c", line, workspace=workspace, home=home)
    launch = write_launch(sandbox_named(name), leaver, directory=tmp_path / "launch")
    with subprocess.Popen([launch.script], cwd=workspace):
        wait_until_running(marker)
        launch.end()
        assert processes_with(marker) == []
    launch.end()


_PARENT = """
import os, subprocess, sys
sys.path[:0] = sys.argv[3].split(os.pathsep)
from pathlib import Path
from claude_code_sandboxes import program, sandbox_named
from factory_assets.sandbox import write_launch
line = f"setsid sleep {sys.argv[2]} >/dev/null 2>&1 & sleep 600"
leaver = program("sh", "-c", line, workspace=Path.cwd() / "workspace", home=Path.cwd() / "home")
launch = write_launch(sandbox_named(sys.argv[1]), leaver, directory=Path.cwd() / "launch")
subprocess.run([launch.script], cwd="workspace", stdin=subprocess.PIPE)
"""


@both
def test_a_launched_program_dies_with_the_factory(
    name: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    sandbox_named(name)
    marker = new_marker()
    command = [sys.executable, "-c", _PARENT, name, marker, python_path(__file__)]
    with subprocess.Popen(command, cwd=tmp_path) as worker:
        wait_until_running(marker)
        worker.kill()
    wait_until_gone(marker)


@both
def test_a_wrapper_refuses_to_start_for_another_process(
    name: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    workspace, home = folders
    launch = write_launch(
        sandbox_named(name),
        program("true", workspace=workspace, home=home),
        directory=tmp_path / "launch",
    )
    done = subprocess.run(["sh", "-c", f"{launch.script}; exit $?"], capture_output=True, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("script", [supervisor, namespace_sockets], ids=lambda script: script.__name__)
def test_what_starts_with_every_command_imports_nothing_that_costs_more_than_its_work(script) -> None:
    argv = [sys.executable, "-I", "-S", "-X", "importtime", str(Path(script.__file__)), "0", "0"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "ctypes" in imported
    assert not imported & {"subprocess", "pathlib", "re", "typing", "dataclasses"}
