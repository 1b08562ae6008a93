"""One holder at a time runs an instance's daemon, and nobody overlooks it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from factory_assets.cli.ownership import check_free, is_owned, own, owners
from factory_assets.cli.processes import start, stop_tree
from factory_assets.domain.errors import InputError

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
