"""Some minutes of a live factory with one daemon killed, one worker killed and one full restart."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest
from claude_code_sandboxes import bubblewrap
from soak_checks import SoakChecks, left_processes, storage_bytes
from soak_live import DATES, LiveFactory, last_lines

_TOOLS = ("git", "make", "bash", "python3")
MOST_BYTES_A_RUN = 600_000


@pytest.mark.soak
def test_minutes_of_a_live_factory_whose_parts_are_killed(
    short_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing := [tool for tool in _TOOLS if not shutil.which(tool)]:
        pytest.skip(f"{', '.join(missing)} not installed")
    bubblewrap()
    seconds = float(os.environ.get("SOAK_LIVE_SECONDS", "600"))
    # What this machine has cached serves the builds, too.
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
    monkeypatch.setenv("HOME", str(short_path))
    factory = LiveFactory(short_path)
    factory.prepare()
    for name, value in factory.environment().items():
        monkeypatch.setenv(name, value)
    began = time.monotonic()

    def sleep_until(share: float) -> None:
        time.sleep(max(0.0, began + share * seconds - time.monotonic()))

    try:
        factory.command("up")
        factory.command("enable")
        with dg.DagsterInstance.from_config(str(factory.home)) as instance:
            # First of all: a fast machine has built everything before long.
            killed = factory.kill_worker(instance)
            sleep_until(0.4)
            daemon_back = factory.kill_daemon()
            sleep_until(0.6)
            restarted = time.monotonic()
            factory.command("down")
            between = left_processes((factory.marker,))
            factory.command("up")
            restart = time.monotonic() - restarted
            sleep_until(1.0)
            factory.drain()
            factory.command("disable")
            factory.settle(instance)
    finally:
        factory.stop()
    checks = SoakChecks(factory.data, factory.registry, factory.mirrored)
    with dg.DagsterInstance.from_config(str(factory.home)) as instance:
        runs = instance.get_runs()
        faults = [
            *between,
            *checks.analyses(DATES),
            *checks.endings(),
            *checks.repos(),
            *checks.reservations(),
            *checks.runs(instance),
            *checks.disk(),
            *left_processes((factory.marker, str(short_path))),
        ]
        lost = instance.get_run_by_id(killed)
        stored = storage_bytes(factory.data)
        repo = lost.tags["factory/repo"] if lost else ""
        of_repo = [run for run in runs if run.tags.get("factory/repo") == repo and run.job_name == "build"]
        faults += [] if len(of_repo) > 1 else [f"nobody took up the build of {repo} again"]
    jobs = Counter(run.job_name for run in runs)
    table = {
        "seconds": f"{time.monotonic() - began:.0f}",
        "seconds until a killed daemon was back": f"{daemon_back:.1f}",
        "seconds that a full restart took": f"{restart:.0f}",
        "run of the killed worker": str(lost and lost.status.value),
        "specs": ", ".join(f"{number} {status}" for status, number in sorted(checks.statuses.items())),
        "runs": f"{len(runs)}: " + ", ".join(f"{number} {job}" for job, number in sorted(jobs.items())),
        "run storage": f"{stored / 1e6:.1f} MB, {stored / max(len(runs), 1) / 1e3:.0f} kB a run",
    }
    with capsys.disabled():
        print("\nsoak, live")
        print("\n".join(f"  {name:<40} {value}" for name, value in table.items()))
    faults += [f"{stored} bytes are kept"] if stored > len(runs) * MOST_BYTES_A_RUN else []
    logs = [factory.data / "logs" / f"{name}.log" for name in ("supervisor", "daemon", "code-server")]
    assert not faults, "\n".join([*faults, last_lines(logs)])
    assert checks.statuses["shipped"] > 0
