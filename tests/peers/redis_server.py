"""A real Redis on a port of loopback, with a password; it keeps nothing on disk."""

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


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of its first database."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", ""]
    server = subprocess.Popen(["redis-server", *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    try:
        with redis.Redis.from_url(url) as client:
            _await_answer(client)
        yield url
    finally:
        server.terminate()
        server.wait()


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
