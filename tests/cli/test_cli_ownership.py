"""One holder at a time runs an instance's daemon, and nobody overlooks it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from factory_assets.cli import ownership
from factory_assets.cli.ownership import (
    check_free,
    is_owned,
    own,
    own_or_await_daemon,
    owners,
    using_daemon,
)
from factory_assets.cli.processes import start, stop_tree
from factory_assets.domain.errors import InfrastructureError, InputError

# Stands for the daemon: a program whose command line names Dagster.
_SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)  # dagster"]


def test_a_second_holder_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with own(tmp_path), pytest.raises(InputError, match=str(os.getpid())), own(tmp_path):
        pass


def test_the_next_one_may_hold_it_afterwards(tmp_path: Path) -> None:
    with own(tmp_path):
        assert is_owned(tmp_path)
    assert not is_owned(tmp_path)
    check_free(tmp_path)
    assert owners(tmp_path) == []


def test_a_program_that_outlives_a_killed_holder_is_found_and_stopped(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from factory_assets.cli.ownership import own
from factory_assets.cli.processes import start
folder = Path({str(tmp_path)!r})
with own(folder) as ownership:
    start({_SLEEPER!r}, log=folder / "log", cwd=folder, ownership=ownership)
    print("started", flush=True)
    time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"started\n"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert is_owned(tmp_path)
    with pytest.raises(InputError, match="make down"):
        check_free(tmp_path)
    for pid in owners(tmp_path):
        stop_tree(pid)
    deadline = time.monotonic() + 10
    while is_owned(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_owned(tmp_path)


def test_a_program_without_ownership_does_not_hold_it(tmp_path: Path) -> None:
    with own(tmp_path):
        child = start(_SLEEPER, log=tmp_path / "log", cwd=tmp_path)
    try:
        assert not is_owned(tmp_path)
    finally:
        stop_tree(child.pid)


def test_a_command_uses_the_daemon_that_somebody_else_is_starting(tmp_path: Path) -> None:
    looks = iter([False, False, True])
    with own(tmp_path), ExitStack() as stack:
        assert own_or_await_daemon(stack, tmp_path, lambda: next(looks)) is None


def test_a_command_takes_over_from_one_that_ends_before_its_daemon_came_up(tmp_path: Path) -> None:
    other = ExitStack()
    other.enter_context(own(tmp_path))
    looks = 0

    def never_runs() -> bool:
        nonlocal looks
        looks += 1
        if looks == 2:
            other.close()
        return False

    with ExitStack() as stack:
        assert own_or_await_daemon(stack, tmp_path, never_runs) is not None
        assert is_owned(tmp_path)
    assert not is_owned(tmp_path)


def test_a_daemon_that_does_not_come_up_is_named_with_its_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_COMES_UP_SECONDS", 0.0)
    with own(tmp_path), ExitStack() as stack, pytest.raises(InfrastructureError, match="no daemon came up"):
        own_or_await_daemon(stack, tmp_path, lambda: False)


def test_a_daemon_is_not_stopped_while_another_command_uses_it_and_is_not_found_while_it_stops(
    tmp_path: Path,
) -> None:
    code = f"""
from pathlib import Path
from factory_assets.cli.ownership import using_daemon
with using_daemon(Path({str(tmp_path)!r})):
    print("uses it", flush=True)
    input()
"""
    said: list[int | None] = []

    def other() -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", code]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with ExitStack() as stack:
        use = stack.enter_context(using_daemon(tmp_path))
        with other() as user:
            assert user.stdout is not None
            assert user.stdout.readline() == "uses it\n"

            def let_it_end() -> None:
                said.append(user.poll())
                assert user.stdin is not None
                user.stdin.write("\n")
                user.stdin.flush()

            use.await_others(let_it_end)
            assert user.wait() == 0
        assert said == [None], "it was to be waited for"
        late = stack.enter_context(other())
        stack.callback(late.kill)
        assert late.stdout is not None
        assert select.select([late.stdout], [], [], 2) == ([], [], [])


def test_a_command_finds_the_daemon_again_once_the_one_that_stopped_it_has_ended(tmp_path: Path) -> None:
    with using_daemon(tmp_path) as use:
        use.await_others(lambda: pytest.fail("nobody else uses it"))
    with using_daemon(tmp_path), using_daemon(tmp_path):
        pass
