"""A real Redis on a port, with a password; it keeps nothing on disk."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from factory_assets.cli.processes import free_port

PASSWORD = "pass-word-of-redis"


def missing_programs() -> list[str]:
    return [] if shutil.which("redis-server") else ["redis-server"]


class RedisServer:
    """A server at `address` that can be killed, and started again with nothing of what it held."""

    def __init__(self, address: str) -> None:
        port = free_port()
        options = ["--port", str(port), "--bind", address, "--requirepass", PASSWORD, "--save", ""]
        self._command = ["redis-server", *options]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://:{PASSWORD}@{address}:{port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        with redis.Redis.from_url(self.url) as client:
            _await_answer(client)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def redis_server(address: str = "127.0.0.1") -> Iterator[str]:
    """The URL of its first database."""
    server = RedisServer(address)
    try:
        server.start()
        yield server.url
    finally:
        server.kill()


def _await_answer(client: redis.Redis) -> None:
    deadline = time.monotonic() + 20
    while not _answers(client):
        assert time.monotonic() < deadline, "redis-server does not answer"
        time.sleep(0.05)


def _answers(client: redis.Redis) -> bool:
    try:
        client.ping()
    except redis.ConnectionError:
        return False
    return True
