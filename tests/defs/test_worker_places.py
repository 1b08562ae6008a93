"""Workers on all hosts are asked how many builds they take: by the doctor, `factory status`, and one that starts."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import postgres_server
import pytest
import redis_server
from defs_commands import Commands

from factory_assets.defs.dagster_private.daemon import DaemonHeartbeat
from factory_assets.defs.storage import open_storage
from factory_assets.defs.worker_places import worker_places
from factory_assets.settings import load_settings

MISSING = [*postgres_server.missing_programs(), *redis_server.missing_programs()]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not here: {MISSING}")

_WORKER = """
import sys
from pathlib import Path
from factory_assets.defs.celery_worker import work
from factory_assets.settings import Settings
work(Settings(_env_file=None, factory_celery_broker=sys.argv[1], factory_mode="replay"), builds=2, cwd=Path("/"))
"""


@contextmanager
def live_worker(broker: str) -> Iterator[None]:
    """A worker of two builds at once, which has said that it is ready."""
    with subprocess.Popen(
        [sys.executable, "-c", _WORKER, broker], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as worker:
        try:
            assert worker.stderr is not None
            assert any(b"ready." in line for line in worker.stderr)
            yield
        finally:
            worker.kill()


def test_the_builds_that_are_let_out_are_held_against_those_that_the_workers_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = Commands(tmp_path, monkeypatch, capsys)
    monkeypatch.setenv("DAGSTER_HOME", str(commands.home))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(commands.data))
    with postgres_server.postgres() as database:
        with redis_server.redis_server() as broker:
            commands.write_replay(
                {
                    "FACTORY_REGISTRY_URL": database,
                    "FACTORY_DAGSTER_URL": database,
                    "FACTORY_GIT_DIR": str(tmp_path / "git"),
                    "FACTORY_CELERY_BROKER": broker,
                    "BUILD_WORKERS": "3",
                }
            )
            assert commands("prepare").code == 0
            assert "No worker answers at the broker" in commands("status").out
            with live_worker(broker):
                settings = load_settings()
                places = worker_places(settings)
                assert (places.pool, list(places.workers.values())) == (3, [2])
                assert worker_places(settings, joining=1).fits
                for command in ("status", "doctor"):
                    told = " ".join(commands(command).out.split())
                    assert "up to 1 build may wait at the broker" in told
                with open_storage(commands.data) as dagster:
                    # A daemon of another host, whose BUILD_WORKERS is another.
                    dagster.event_log_storage.set_concurrency_slots("builds", 2)
                    dagster.add_daemon_heartbeat(
                        DaemonHeartbeat(time.time(), "QUEUED_RUN_COORDINATOR", "another host's", errors=[])
                    )
                assert worker_places(settings).fits
        away = commands("status")
        assert away.code == 0
        assert away.out.count("How many builds the workers take cannot be asked: Error 111") == 1
