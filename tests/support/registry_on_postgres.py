"""Tests of the registry on a real PostgreSQL: each file of DuckDB that a test names becomes a schema of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.registry import registry

_url: str | None = None
_schemas: dict[Path, PostgresPlace] = {}


def place_of(path: Path | None) -> PostgresPlace | None:
    """The schema that stands for a file, or a new one; None where the test runs on DuckDB."""
    if _url is None:
        return None
    new = PostgresPlace(SecretStr(_url), f"r{uuid.uuid4().hex}")
    return new if path is None else _schemas.setdefault(path.absolute(), new)


@contextmanager
def on_postgres(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Registries that are opened in the block are on PostgreSQL."""
    global _url  # noqa: PLW0603
    opened = registry._database

    def _opened(place, *args):
        return opened(place_of(place) if isinstance(place, Path) else place, *args)

    monkeypatch.setattr(registry, "_database", _opened)
    _url = url
    try:
        yield
    finally:
        _url = None
        _schemas.clear()
