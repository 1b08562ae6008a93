"""Pacing: one mirror at a time and so many seconds apart, over processes."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factory_assets.domain.errors import RateLimitedError
from factory_assets.mirror.pacing import FilePlace, Pacing

_MIRROR_ONCE = """
import sys, time
from pathlib import Path
from factory_assets.mirror.pacing import FilePlace, Pacing

with Pacing(FilePlace(Path(sys.argv[1])), float(sys.argv[2])).turn(lambda text: print(text, file=sys.stderr)) as turn:
    turn.wait()
    print(time.time(), flush=True)
    time.sleep(float(sys.argv[3]))
    print(time.time(), flush=True)
"""


def mirror_in_a_process(lock: Path, *, interval: float, hold: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _MIRROR_ONCE, str(lock), str(interval), str(hold)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_are_kept_the_interval_apart(tmp_path: Path) -> None:
    both = [mirror_in_a_process(tmp_path / "lock", interval=0.6, hold=0) for _ in range(2)]
    starts = sorted(float(process.communicate(timeout=30)[0].split()[0]) for process in both)
    assert starts[1] - starts[0] >= 0.59


def test_two_processes_never_mirror_at_once(tmp_path: Path) -> None:
    both = [mirror_in_a_process(tmp_path / "lock", interval=0, hold=0.4) for _ in range(2)]
    times = [process.communicate(timeout=30)[0].split() for process in both]
    first, second = sorted([float(moment) for moment in pair] for pair in times)
    assert second[0] >= first[1]


def test_a_killed_process_gives_its_turn_back(tmp_path: Path) -> None:
    killed = mirror_in_a_process(tmp_path / "lock", interval=0, hold=60)
    assert killed.stdout is not None
    killed.stdout.readline()
    killed.kill()
    killed.communicate()

    started = time.monotonic()
    with Pacing(FilePlace(tmp_path / "lock"), 0).turn(lambda _: None) as turn:
        turn.wait()
    assert time.monotonic() - started < 5


def test_a_wait_is_told_with_its_length_and_setting(tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        with Pacing(FilePlace(tmp_path / "lock"), 0.6).turn(told.append) as turn:
            turn.wait()
    assert len(told) == 1
    assert "Waiting 1 s" in told[0]
    assert "FACTORY_MIRROR_INTERVAL" in told[0]


def test_a_turn_in_which_nothing_was_pushed_delays_nobody(tmp_path: Path) -> None:
    told: list[str] = []
    with Pacing(FilePlace(tmp_path / "lock"), 60).turn(told.append):
        pass
    with Pacing(FilePlace(tmp_path / "lock"), 60).turn(told.append) as turn:
        turn.wait()
    assert told == []


def test_a_clock_that_was_set_back_delays_for_no_longer_than_the_interval(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(f"{time.time() + 86400:.3f} {time.time() + 864000:.3f}")
    started = time.monotonic()
    with Pacing(FilePlace(tmp_path / "lock"), 0.2).turn(lambda _: None) as turn:
        turn.wait()
    assert time.monotonic() - started < 5


def asked_to_wait(lock: Path, until: datetime | None) -> None:
    with pytest.raises(RateLimitedError), Pacing(FilePlace(lock), 0).turn(lambda _: None):
        raise RateLimitedError("Slow down.", until=until)


def test_what_a_mirror_was_asked_to_wait_for_keeps_the_next_ones_from_asking(tmp_path: Path) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    asked_to_wait(tmp_path / "lock", until)
    for _ in range(2):
        with (
            pytest.raises(RateLimitedError, match="this one asked nothing") as caught,
            Pacing(FilePlace(tmp_path / "lock"), 0).turn(lambda _: None),
        ):
            pytest.fail("it asked")
        assert caught.value.until is not None
        assert abs(caught.value.until - until) < timedelta(seconds=1)


def test_a_short_wait_that_was_asked_for_is_waited_for(tmp_path: Path) -> None:
    asked_to_wait(tmp_path / "lock", datetime.now(UTC) + timedelta(seconds=0.5))
    told: list[str] = []
    started = time.monotonic()
    with Pacing(FilePlace(tmp_path / "lock"), 0).turn(told.append) as turn:
        turn.wait()
    assert time.monotonic() - started >= 0.3
    assert told[0].endswith("as an earlier mirror was asked to.")


def test_where_no_time_was_named_the_next_mirror_waits_for_up_to_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    asked_to_wait(tmp_path / "lock", None)
    monkeypatch.setattr("factory_assets.mirror.pacing.time.sleep", waits.append)
    with Pacing(FilePlace(tmp_path / "lock"), 0).turn(lambda _: None):
        pass
    assert 50 < waits[0] < 61
