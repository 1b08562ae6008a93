"""Specs into another factory's PostgreSQL, a real one: taken by both of its readers, and nobody's row changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ideas_fakes import PROBLEM, STEP, evidence_of
from imported_specs import NOW, TODAY
from postgres_server import missing_programs, postgres
from registry_samples import spec
from seed_importer import import_from_db

from factory_assets.domain.delivery import Delivered, Delivery
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.ideas.delivery import delivery_of
from factory_assets.intake.database import import_candidates
from factory_assets.intake.folder import Intake
from factory_assets.registry import Registry
from factory_assets.registry.candidates import open_candidates
from factory_assets.registry.deliveries import open_candidate_table, without_password

needs_postgres = pytest.mark.skipif(
    bool(missing_programs()), reason=f"PostgreSQL is not installed: {', '.join(missing_programs())}"
)
PAPER = "2606.01234"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    run(server, "DROP TABLE IF EXISTS candidates, clusters")
    return server


def run(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def delivery(name: str = "cache-probe", **changes: Any) -> Delivery:
    return delivery_of(spec(name, source_papers=(PAPER,), **changes), evidence_of(PROBLEM, STEP), score=61.5)


def put(url: str, *deliveries: Delivery) -> list[Delivered]:
    with open_candidate_table(url) as table:
        return [table.put(one) for one in deliveries]


@needs_postgres
def test_a_database_without_the_table_gets_it_and_the_seeds_importer_takes_the_rows(url: str) -> None:
    assert put(url, delivery(), delivery("second-tool")) == [Delivered.NEW] * 2
    taken = import_from_db(url)
    assert [one["name"] for one in taken] == ["cache-probe", "second-tool"]
    assert taken[0]["source_papers"] == [PAPER]
    assert import_from_db(url) == []
    assert put(url, delivery()) == [Delivered.BEFORE]
    assert run(url, "SELECT arxiv_id, title, score, status FROM candidates ORDER BY id") == [
        (PAPER, "Title of C1", 61.5, "imported"),
        (f"arXiv:{PAPER}", "Title of C1", 61.5, "imported"),
    ]


@needs_postgres
@pytest.mark.parametrize("kind", ["TEXT", "JSON", "JSONB"])
def test_this_factorys_own_intake_reads_them_back_from_a_table_of_any_form(
    url: str, kind: str, tmp_path: Path
) -> None:
    run(url, f"CREATE TABLE candidates (id SERIAL PRIMARY KEY, status TEXT, spec_json {kind})")
    assert put(url, delivery()) == [Delivered.NEW]
    registry = Registry(tmp_path / "registry.duckdb")
    intake = Intake(store=registry.imports, day=TODAY, late_ranks=range(31, 41), now=NOW)
    with open_candidates(url) as source:
        report = import_candidates(source, intake)
    assert (report.queued, report.refused) == (("cache-probe",), ())
    queued = registry.queue.named("cache-probe")
    assert queued is not None
    assert queued.spec.model_copy(update={"source_url": None}) == spec(source_papers=(PAPER,))
    assert put(url, delivery()) == [Delivered.BEFORE]


@needs_postgres
def test_rows_of_another_writer_are_never_changed(url: str) -> None:
    put(url)
    others = [
        (PAPER, "pending", None),
        (PAPER, "synthesized", "{"),
        ("2606.00002", "synthesized", json.dumps({"name": "cache-probe", "problem": "Theirs."})),
        ("2606.00003", "synthesized", json.dumps(["cache-probe"])),
        ("2606.00004", "skipped", ""),
    ]
    for row in others:
        run(url, "INSERT INTO candidates (arxiv_id, status, spec_json) VALUES (%s, %s, %s)", *row)
    assert put(url, delivery(), delivery("second-tool")) == [Delivered.TAKEN, Delivered.NEW]
    rows = run(url, "SELECT arxiv_id, status, spec_json FROM candidates ORDER BY id")
    assert rows[:-1] == others
    # idea-engine updates its rows by the paper's id, which must not meet this one.
    assert rows[-1][0] == f"arXiv:{PAPER}"


@needs_postgres
def test_two_deliveries_at_once_add_each_spec_once(url: str) -> None:
    names = [f"tool-{number}" for number in range(5)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: put(url, *map(delivery, names)), range(4)))
    assert sum(outcomes == [Delivered.NEW] * 5 for outcomes in done) == 1
    assert sum(outcomes == [Delivered.BEFORE] * 5 for outcomes in done) == 3
    assert run(url, "SELECT count(*) FROM candidates") == [(5,)]


@needs_postgres
def test_a_delivery_that_fails_in_between_leaves_no_row(url: str) -> None:
    put(url)
    run(url, "ALTER TABLE candidates ADD CONSTRAINT short CHECK (length(title) < 20)")
    long = delivery("second-tool").model_copy(update={"title": "x" * 30})
    with pytest.raises(InfrastructureError, match="short"):
        put(url, delivery(), long)
    assert run(url, "SELECT count(*) FROM candidates") == [(0,)]


@needs_postgres
def test_a_table_that_holds_no_specs_is_refused(url: str) -> None:
    run(url, "CREATE TABLE candidates (id TEXT PRIMARY KEY, title TEXT NOT NULL, status TEXT)")
    with pytest.raises(InfrastructureError, match="no column spec_json"):
        put(url, delivery())


def test_a_database_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(InfrastructureError) as told:
        put("postgresql://ideas:pass-word-of-ideas@127.0.0.1:1/ideas", delivery())
    assert "pass-word-of-ideas" not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ideas:pass-word@host/db",
        "postgresql://ideas@host/db?password=pass-word",
        "ftp://pass-word",
    ],
)
def test_an_address_with_a_password_or_of_another_kind_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InputError) as told:
        without_password(url)
    assert "pass-word" not in str(told.value)
    assert without_password("postgresql://ideas@host/db") == "postgresql://ideas@host/db"
