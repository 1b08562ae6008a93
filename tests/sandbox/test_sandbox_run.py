"""What holds in both sandboxes: exit codes, output, environment, time, and that nothing survives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from claude_code_sandboxes import (
    new_marker,
    processes_with,
    sandbox_named,
    wait_until_gone,
    wait_until_running,
)
from layout import python_path

from factory_assets.domain.agents import Command, CommandResult
from factory_assets.sandbox import TIMED_OUT_EXIT_CODE, supervisor

both = pytest.mark.parametrize("name", ["bubblewrap", "plain"])


def run(name: str, workspace: Path, *argv: str, seconds: float = 30.0, **env: str) -> CommandResult:
    return sandbox_named(name).run(Command(argv, workspace, timeout_seconds=seconds, env=env))


@both
def test_exit_code_and_both_outputs_are_kept(name: str, tmp_path: Path) -> None:
    result = run(name, tmp_path, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.exit_code, result.output, result.timed_out) == (7, "out\nerr\n", False)


@both
def test_a_program_that_does_not_exist_is_127_and_named(name: str, tmp_path: Path) -> None:
    result = run(name, tmp_path, "no-such-program")
    assert result.exit_code == 127
    assert "no-such-program" in result.output


@both
def test_a_program_ended_by_a_signal_is_128_and_its_number(name: str, tmp_path: Path) -> None:
    assert run(name, tmp_path, "sh", "-c", "kill -9 $$").exit_code == 137


@both
def test_the_command_works_in_its_workspace_and_its_files_stay(name: str, tmp_path: Path) -> None:
    assert run(name, tmp_path, "sh", "-c", "mkdir a && echo hello > a/b").exit_code == 0
    assert (tmp_path / "a" / "b").read_text() == "hello\n"


@both
def test_nothing_of_the_environment_is_inherited(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    result = run(name, tmp_path, "python3", "-c", "import os; print(sorted(os.environ))", EXTRA="1")
    shell_only = {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}
    names = set(eval(result.output)) - shell_only
    assert names == {
        "PATH",
        "HOME",
        "LANG",
        "TERM",
        "TMPDIR",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD",
        "EXTRA",
    }


@both
def test_python3_has_pytest_and_nothing_of_the_factorys_own_environment(name: str, tmp_path: Path) -> None:
    script = "import importlib.util as u; print([n for n in ('yaml', 'dagster', 'factory_assets') if u.find_spec(n)])"
    assert run(name, tmp_path, "python3", "-c", script).output == "[]\n"
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert True\n")
    result = run(name, tmp_path, "python3", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert result.exit_code == 0, result.output
    assert "1 passed" in result.output


@both
def test_home_is_new_each_time_and_can_be_written(name: str, tmp_path: Path) -> None:
    result = run(
        name, tmp_path, "sh", "-c", 'ls "$HOME"; echo x > "$HOME/x" && echo y > "$TMPDIR/y" && echo ok'
    )
    assert result.output.split()[-1] == "ok"
    again = run(name, tmp_path, "sh", "-c", 'ls "$HOME" "$TMPDIR"')
    assert "x" not in again.output.split()
    assert "y" not in again.output.split()


@both
def test_what_the_loader_is_told_for_a_program_is_told_to_nothing_around_it(
    name: str, tmp_path: Path
) -> None:
    result = run(
        name, tmp_path, "sh", "-c", "echo $LD_PRELOAD; echo $OTHER", LD_PRELOAD="libabsent.so", OTHER="x"
    )
    assert "libabsent.so\nx\n" in result.output
    # Of the shell and the program `env` that starts it: nothing else was told to load it.
    assert result.output.count("ERROR: ld.so: object 'libabsent.so'") == 1


@both
def test_a_time_out_ends_everything_inside(name: str, tmp_path: Path) -> None:
    marker = new_marker()
    started = time.monotonic()
    result = run(
        name, tmp_path, "sh", "-c", f"echo begun; setsid sleep {marker} & sleep {marker}", seconds=1.0
    )
    assert (result.exit_code, result.timed_out) == (TIMED_OUT_EXIT_CODE, True)
    assert result.output == "begun\n"
    assert time.monotonic() - started < 20
    assert processes_with(marker) == []


@both
def test_a_background_command_does_not_outlive_a_successful_one(name: str, tmp_path: Path) -> None:
    marker = new_marker()
    line = f"setsid sleep {marker} >/dev/null 2>&1 </dev/null & sleep 0.2; echo done"
    result = run(name, tmp_path, "sh", "-c", line)
    assert (result.exit_code, result.output) == (0, "done\n")
    assert processes_with(marker) == []


@both
def test_a_program_that_closes_its_output_still_has_its_time_limit(name: str, tmp_path: Path) -> None:
    result = run(name, tmp_path, "sh", "-c", "exec >&- 2>&-; sleep 60", seconds=1.0)
    assert result.timed_out


@both
def test_a_flood_keeps_its_head_and_tail_within_bounds(name: str, tmp_path: Path) -> None:
    line = "echo first; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo last"
    result = run(name, tmp_path, "sh", "-c", line)
    assert result.exit_code == 0
    assert len(result.output) < 1_200_000
    assert result.output.startswith("first\n")
    assert result.output.endswith("\nlast\n")
    assert "bytes left out" in result.output


# A test run that a shell put into the background was told to ignore SIGINT, and Dagster then does so with SIGTERM.
_KILLED_PARENT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
sys.path[:0] = sys.argv[3].split(os.pathsep)
from pathlib import Path
from claude_code_sandboxes import sandbox_named
from factory_assets.domain.agents import Command
line = f"setsid sleep {sys.argv[2]} >/dev/null 2>&1 & sleep 600"
sandbox_named(sys.argv[1]).run(Command(("sh", "-c", line), Path.cwd(), 600))
"""


@both
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_survives_when_the_worker_is_killed_or_cancelled(
    name: str, tmp_path: Path, end: signal.Signals
) -> None:
    sandbox_named(name)
    marker = new_marker()
    command = [sys.executable, "-c", _KILLED_PARENT, name, marker, python_path(__file__)]
    with subprocess.Popen(command, cwd=tmp_path, env=dict(os.environ)) as worker:
        wait_until_running(marker)
        worker.send_signal(end)
    wait_until_gone(marker)


@both
def test_what_a_killed_worker_left_in_the_temporary_folder_goes_with_the_next_command(
    name: str, tmp_path: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox_named(name)
    monkeypatch.setenv("TMPDIR", str(short_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    marker = new_marker()
    command = [sys.executable, "-c", _KILLED_PARENT, name, marker, python_path(__file__)]
    with subprocess.Popen(command, cwd=tmp_path) as worker:
        wait_until_running(marker)
        worker.kill()
    wait_until_gone(marker)
    assert run(name, tmp_path, "true").exit_code == 0
    assert list(short_path.glob("*/*")) == []


def test_signals_in_quick_succession_do_not_keep_the_supervisor_from_ending_what_it_started(
    tmp_path: Path,
) -> None:
    # As when a worker with several threads dies: each thread's end sends one.
    for _ in range(5):
        marker = new_marker()
        line = f"setsid sleep {marker} & sleep 600"
        command = [sys.executable, "-I", "-S", supervisor.__file__, str(os.getpid()), "sh", "-c", line]
        with subprocess.Popen(command, cwd=tmp_path, start_new_session=True) as started:
            wait_until_running(marker)
            for _ in range(200):
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    started.send_signal(number)
        wait_until_gone(marker)
