"""Requests are spaced over all processes of the machine."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from factory_assets.domain.errors import InfrastructureError
from factory_assets.network.politeness import Politeness

_TURNS = """
import sys, time
from pathlib import Path
from factory_assets.domain.errors import InfrastructureError
from factory_assets.network.politeness import Politeness
turns = Politeness(Path(sys.argv[1]), interval=0.15)
for _ in range(3):
    with turns.turn():
        print(time.time(), flush=True)
"""


def test_two_processes_share_one_interval(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _TURNS, str(tmp_path / "folder" / "lock")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    moments = sorted(float(line) for process in processes for line in process.communicate()[0].split())
    assert len(moments) == 6
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(gaps) > 0.14


def test_only_one_request_runs_at_a_time(tmp_path: Path) -> None:
    running: list[int] = []
    most: list[int] = []

    def ask() -> None:
        with Politeness(tmp_path / "lock", interval=0).turn():
            running.append(1)
            most.append(len(running))
            time.sleep(0.02)
            running.pop()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("content", "waits"),
    [
        ("999.0", [2.0]),
        ("990.0", []),
        ("5000.0", [3.0]),
        ("garbage", []),
        ("nan", []),
        ("inf", []),
        ("", []),
    ],
)
def test_the_wait_is_never_longer_than_the_interval(tmp_path: Path, content: str, waits: list[float]) -> None:
    lock = tmp_path / "lock"
    lock.write_text(content)
    waited: list[float] = []
    with Politeness(lock, interval=3, clock=lambda: 1000.0, sleep=waited.append).turn():
        pass
    assert waited == waits
    assert float(lock.read_text()) == 1000.0


def test_bytes_that_are_no_text_are_taken_for_no_request(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_bytes(b"\xff\xfe\x00")
    with Politeness(lock, interval=3, clock=lambda: 1000.0, sleep=pytest.fail).turn():
        pass


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file where the folder should be")
    with (
        pytest.raises(InfrastructureError, match="folder/lock"),
        Politeness(tmp_path / "folder" / "lock", interval=3).turn(),
    ):
        pass
