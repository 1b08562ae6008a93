"""One host with the daemon, two that build; they share a PostgreSQL, a Redis and the folder of bare repositories."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import dagster as dg
import psutil
import pytest
from postgres_server import postgres
from pydantic import SecretStr
from redis_server import redis_server

from factory_assets.cli.processes import free_port
from factory_assets.defs.dagster_private.core import InstanceRef
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.registry import Registry

_COMMAND_SECONDS, _WAIT_SECONDS, _POLL_SECONDS = 600.0, 420.0, 1.0
_Found = TypeVar("_Found")


class Host:
    """A machine of the cluster, as far as a folder of its own for everything makes one."""

    def __init__(self, root: Path, name: str, shared: Mapping[str, str]) -> None:
        self.name = name
        self.home = root / name / "home"
        self.data = root / name / "data"
        self.log = root / f"{name}.log"
        self._program: subprocess.Popen[bytes] | None = None
        values = {
            "FACTORY_MODE": "replay",
            "FACTORY_DATA_DIR": str(self.data),
            "FACTORY_UI_PORT": str(free_port()),
            "FACTORY_MIRROR_DIR": str(root / name / "mirrored"),
            **shared,
        }
        self.home.mkdir(parents=True)
        (self.home / ".env").write_text("".join(f"{key}={value}\n" for key, value in values.items()))

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run `factory` with these arguments to its end; what it said."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            done = subprocess.run(
                [sys.executable, "-m", "factory_assets.cli", *arguments],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        said = self.log.read_bytes()[begin:].decode(errors="replace")
        assert done.returncode == code, f"factory {' '.join(arguments)} on {self.name}:\n{said[-4000:]}"
        return said

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, "DAGSTER_HOME": str(self.home), "FACTORY_MODE": "replay", "COLUMNS": "200"}

    def start_worker(self, builds: int = 1) -> None:
        """Let it build, until it is stopped."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._program = subprocess.Popen(
                [sys.executable, "-m", "factory_assets.cli", "worker", "--builds", str(builds)],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(f"a worker on {self.name}", lambda: b"ready." in self.log.read_bytes()[begin:])

    def stop_worker(self) -> int:
        """Ask it to end; its exit code."""
        assert self._program is not None
        self._program.send_signal(signal.SIGTERM)
        return self._program.wait(timeout=60)

    def kill(self) -> None:
        """End all that it runs at once, as when the power fails."""
        for process in self.processes():
            # What a worker runs may have ended by itself meanwhile.
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def processes(self) -> list[psutil.Process]:
        """What runs here and has not ended."""
        if self._program is None or not psutil.pid_exists(self._program.pid):
            return []
        root = psutil.Process(self._program.pid)
        return [*root.children(recursive=True), root]


class Cluster:
    """The hosts, and what they share."""

    def __init__(self, root: Path, database: str, broker: str) -> None:
        self.database, self.git = database, root / "git"
        shared = {
            "FACTORY_REGISTRY_URL": database,
            "FACTORY_DAGSTER_URL": database,
            "FACTORY_CELERY_BROKER": broker,
            "FACTORY_GIT_DIR": str(self.git),
            "FACTORY_START_DATE": "2026-06-17",
            "FACTORY_END_DATE": "2026-06-18",
            "FACTORY_RANKS": "4",
            "FACTORY_SPECS_PER_DAY": "3",
            "FACTORY_ARXIV_INTERVAL": "0",
            "FACTORY_MIRROR_INTERVAL": "0",
            "BUILD_WORKERS": "2",
        }
        self.daemon = Host(root, "daemon", shared)
        self.workers = [Host(root, "first", shared), Host(root, "second", shared)]
        self.registry = Registry(PostgresPlace(SecretStr(database), "factory_replay"))
        self.most_connections = 0

    @contextmanager
    def storage(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's storage, as the daemon's host sees it."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_HOME", str(self.daemon.home))
            patch.setenv("FACTORY_DATA_DIR", str(self.daemon.data))
            patch.setenv("FACTORY_MODE", "replay")
            yield from self._opened()

    def _opened(self) -> Iterator[dg.DagsterInstance]:
        with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(self.daemon.home))) as instance:
            yield instance

    def down(self) -> None:
        """Whatever happened: nothing shall be left."""
        for worker in self.workers:
            worker.kill()
        self.daemon.command("down")


@contextmanager
def cluster(root: Path) -> Iterator[Cluster]:
    """The servers and the hosts; the factory is up, and no worker is yet."""
    with postgres() as database, redis_server() as broker:
        made = Cluster(root, database, broker)
        try:
            made.daemon.command("up")
            yield made
        finally:
            made.down()


def wait_for(what: str, look: Callable[[], _Found], seconds: float = _WAIT_SECONDS) -> _Found:
    """What it finds, once it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(_POLL_SECONDS)
    return found
