"""The servers that the tests start, for measurements that need them."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

_PEERS = Path(__file__).parents[1] / "tests" / "peers"


def postgres_server() -> Callable[..., AbstractContextManager[str]]:
    """Serves an empty PostgreSQL, and says its URL."""
    return cast("Callable[..., AbstractContextManager[str]]", _peer("postgres_server")["postgres"])


def redis_server() -> Callable[..., AbstractContextManager[str]]:
    """Serves an empty Redis, and says its URL."""
    return cast("Callable[..., AbstractContextManager[str]]", _peer("redis_server")["redis_server"])


def missing_of_cluster() -> list[str]:
    """The programs and packages that a factory on several machines needs and that are not here."""
    packages = [name for name in ("dagster_celery", "dagster_postgres", "redis") if find_spec(name) is None]
    if packages:
        return packages
    return [*_peer("postgres_server")["missing_programs"](), *_peer("redis_server")["missing_programs"]()]


def _peer(name: str) -> dict[str, Any]:
    return runpy.run_path(str(_PEERS / f"{name}.py"))
