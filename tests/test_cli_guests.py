"""A daemon that one command started is not stopped under another one that works with it."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from factory_assets.cli.guests import Guests

_GUEST = """
import sys
from pathlib import Path
from factory_assets.cli.guests import Guests
with Guests.of(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


def guest(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _GUEST, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_an_owner_waits_until_every_other_command_is_over_killed_ones_too(tmp_path: Path) -> None:
    others = [guest(tmp_path), guest(tmp_path)]
    for other in others:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
    told, over = threading.Event(), threading.Event()

    def own() -> None:
        with Guests.of(tmp_path) as guests:
            guests.wait_for_others(told.set)
        over.set()

    owner = threading.Thread(target=own)
    owner.start()
    assert told.wait(10)
    others[0].communicate("")
    assert not over.wait(0.3)
    others[1].kill()
    others[1].communicate()
    assert over.wait(10)
    owner.join()


def test_who_is_alone_waits_for_nobody_and_the_next_one_comes_when_it_is_over(tmp_path: Path) -> None:
    with ExitStack() as stack:
        guests = stack.enter_context(Guests.of(tmp_path))
        told: list[str] = []
        guests.wait_for_others(lambda: told.append("waits"))
        assert told == []
        other = guest(tmp_path)
        assert other.stdout is not None
        arrived = threading.Thread(target=other.stdout.readline)
        arrived.start()
        arrived.join(1.0)
        assert arrived.is_alive()
    arrived.join(10)
    assert not arrived.is_alive()
    other.communicate("")
    assert other.returncode == 0
