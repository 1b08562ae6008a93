"""Locks that one holder at a time has, and that no dead process keeps."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from filelock import Timeout

from factory_assets.locks import folder_lock, path_lock

_HOLD = """
import sys, time
from pathlib import Path
from factory_assets.locks import folder_lock, path_lock
with {lock}(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""
_Lock = Callable[[Path], AbstractContextManager[object]]
both = pytest.mark.parametrize("lock", [path_lock, folder_lock])


@pytest.fixture
def place(tmp_path: Path, lock: _Lock) -> Path:
    return tmp_path if lock is folder_lock else tmp_path / "lock"


@both
def test_one_thread_at_a_time_holds_it(place: Path, lock: _Lock) -> None:
    running: list[int] = []
    most: list[int] = []

    def work() -> None:
        with lock(place):
            running.append(1)
            most.append(len(running))
            time.sleep(0.02)
            running.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


@both
def test_what_a_killed_process_held_is_free(place: Path, lock: _Lock) -> None:
    command = [sys.executable, "-c", _HOLD.format(lock=lock.__name__), str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        if lock is path_lock:
            with pytest.raises(Timeout), path_lock(place, blocking=False):
                pytest.fail("two hold it")
        holder.kill()
    with lock(place):
        pass


def test_a_program_that_was_started_under_a_lock_does_not_hold_it(tmp_path: Path) -> None:
    with path_lock(tmp_path / "lock"):
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        with path_lock(tmp_path / "lock", blocking=False):
            pass
    finally:
        started.kill()
        started.wait()


def test_a_lock_is_let_go_by_another_thread_than_the_one_that_took_it(tmp_path: Path) -> None:
    held = path_lock(tmp_path / "lock")
    held.acquire()
    thread = threading.Thread(target=held.release)
    thread.start()
    thread.join()
    with path_lock(tmp_path / "lock", blocking=False):
        pass


def test_the_file_and_what_it_holds_stay(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("4711")
    with path_lock(tmp_path / "lock"):
        pass
    assert (tmp_path / "lock").read_text() == "4711"


def test_a_file_system_without_locks_is_an_error_and_no_lock_that_a_dead_process_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    with pytest.raises(OSError, match="not implemented"), path_lock(tmp_path / "lock"):
        pass
