"""Each test of the registry runs on DuckDB and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from postgres_server import missing_programs, postgres
from registry_on_postgres import on_postgres

# What is DuckDB's or PostgreSQL's own.
_OF_ONE = {
    "test_registry_copying",
    "test_registry_database",
    "test_registry_in_runs",
    "test_registry_postgres",
    "test_registry_turns",
}


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    if missing := missing_programs():
        pytest.skip(f"{' and '.join(missing)} of PostgreSQL are missing")
    with postgres() as url:
        yield url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.module.__name__.rpartition(".")[2] not in _OF_ONE:
        metafunc.fixturenames.append("database")
        metafunc.parametrize("database", ["duckdb", "postgres"], indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "duckdb":
        yield
        return
    with on_postgres(request.getfixturevalue("server"), monkeypatch):
        yield
