"""Candidates of the idea engine, in a real PostgreSQL that the test starts."""

from __future__ import annotations

import io
import json
from pathlib import Path

import psycopg
import pytest
from imported_specs import GOOD, NOW, TODAY, spec
from postgres_server import missing_programs, postgres
from rich.console import Console

from factory_assets.cli.imports import import_from_database
from factory_assets.cli.instance import OpenedInstance
from factory_assets.cli.story import show_story
from factory_assets.domain.errors import InfrastructureError
from factory_assets.intake.database import DatabaseReport, import_candidates
from factory_assets.intake.folder import Intake
from factory_assets.registry import Registry
from factory_assets.registry.candidates import open_candidates
from factory_assets.settings import Settings

needs_postgres = pytest.mark.skipif(
    bool(missing_programs()), reason=f"PostgreSQL is not installed: {', '.join(missing_programs())}"
)
TABLE = (
    "CREATE TABLE candidates (id SERIAL PRIMARY KEY, status TEXT, spec_json JSONB, delivered_at TIMESTAMPTZ)"
)
CLUSTERS = (
    "CREATE TABLE clusters (id SERIAL PRIMARY KEY, problem_space TEXT, paper_ids TEXT[], score REAL, status TEXT,"
    " research_json JSONB, spec_json {kind})"
)
IDEAS = Path(__file__).parent / "ideas"


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture
def url(server):
    with psycopg.connect(server) as connection:
        connection.execute("DROP TABLE IF EXISTS candidates, clusters")
        connection.execute(TABLE)
    return server


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry.duckdb")


@pytest.fixture
def intake(registry):
    return Intake(store=registry.imports, day=TODAY, late_ranks=range(31, 41), now=NOW)


def add(url: str, status: str, candidate: object) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO candidates (status, spec_json) VALUES (%s, %s)", [status, json.dumps(candidate)]
        )


def take(url: str, intake: Intake) -> DatabaseReport:
    with open_candidates(url) as source:
        return import_candidates(source, intake)


def statuses(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT status FROM candidates ORDER BY id").fetchall()]


@needs_postgres
def test_ready_candidates_are_queued_and_marked_and_others_left(url, intake, registry):
    add(url, "synthesized", spec("tool-a"))
    add(url, "delivered", spec("tool-b"))
    add(url, "draft", spec("tool-c"))
    report = take(url, intake)
    assert (report.queued, report.known, report.refused) == (("tool-a", "tool-b"), (), ())
    assert statuses(url) == ["imported", "imported", "draft"]
    assert registry.queue.named("tool-c") is None


@needs_postgres
def test_a_candidate_that_cannot_be_taken_stays_as_it_is_with_its_reasons(url, intake):
    add(url, "synthesized", spec("tool-a", estimated_lines=9_000))
    add(url, "synthesized", spec("tool-b"))
    report = take(url, intake)
    assert report.queued == ("tool-b",)
    ((row_id, reasons),) = report.refused
    assert row_id == "1"
    assert reasons[0].startswith("estimated_lines: ")
    assert statuses(url) == ["synthesized", "imported"]


@needs_postgres
def test_a_run_that_died_before_the_marking_does_it_again_without_harm(url, intake):
    add(url, "synthesized", GOOD)
    with psycopg.connect(url) as held:
        # Whoever holds the row is importing it: this import leaves it alone.
        held.execute("SELECT * FROM candidates FOR UPDATE")
        assert take(url, intake).queued == ()
    assert take(url, intake).queued == ("log-cutter",)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE candidates SET status = 'synthesized'")
    report = take(url, intake)
    assert (report.queued, report.known) == ((), ("log-cutter",))
    assert statuses(url) == ["imported"]


@needs_postgres
def test_a_registry_that_fails_leaves_every_candidate_unmarked(url, intake, tmp_path):
    add(url, "synthesized", GOOD)
    broken = tmp_path / "broken.duckdb"
    broken.write_text("no database at all" * 1000)
    with pytest.raises(InfrastructureError):
        take(url, Intake(store=Registry(broken).imports, day=TODAY, late_ranks=range(31, 41), now=NOW))
    assert statuses(url) == ["synthesized"]


@needs_postgres
def test_a_database_without_the_table_says_what_is_missing(server, intake):
    with psycopg.connect(server) as connection:
        connection.execute("DROP TABLE IF EXISTS candidates")
    with pytest.raises(InfrastructureError, match="candidates") as caught:
        take(server, intake)
    assert "pass-word-of-ideas" not in str(caught.value)


def test_a_database_that_does_not_answer_is_one_clear_error_without_the_password(intake, tmp_path):
    url = f"postgresql://ideas:pass-word-of-ideas@/postgres?host={tmp_path}"
    with pytest.raises(InfrastructureError, match="failed") as caught:
        take(url, intake)
    assert "pass-word-of-ideas" not in str(caught.value)
    assert "IDEA_ENGINE_POSTGRES_URL" in str(caught.value)


def add_cluster(url: str, spec_json: object, *, kind: str = "JSONB", status: str = "synthesized") -> None:
    with psycopg.connect(url) as connection:
        connection.execute(CLUSTERS.format(kind=kind).replace("TABLE", "TABLE IF NOT EXISTS"))
        connection.execute(
            "INSERT INTO clusters (problem_space, paper_ids, score, status, research_json, spec_json)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [
                "agent reliability",
                ["2606.03003", "arXiv:2606.03003v2"],
                61.5,
                status,
                json.dumps({"techniques": ["a"]}),
                spec_json if spec_json is None or isinstance(spec_json, str) else json.dumps(spec_json),
            ],
        )


def cluster_statuses(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT status FROM clusters ORDER BY id").fetchall()]


@needs_postgres
@pytest.mark.parametrize("kind", ["JSONB", "JSON", "TEXT"])
def test_both_tables_are_read_and_what_a_cluster_says_of_itself_is_kept(url, intake, kind, registry):
    add(url, "synthesized", json.loads((IDEAS / "first-generation.json").read_text()))
    add(url, "delivered", json.loads((IDEAS / "later-prompt.json").read_text()))
    add_cluster(url, json.loads((IDEAS / "fusion-cluster.json").read_text())["spec_json"], kind=kind)
    report = take(url, intake)
    assert set(report.queued) == {"cache-key-lint", "evidence-ledger", "tool-call-replay"}
    assert report.refused == ()
    assert (statuses(url), cluster_statuses(url)) == (["imported", "imported"], ["imported"])
    further = registry.stories.further_of(["tool-call-replay"])["tool-call-replay"]
    assert (further["score"], further["research_json"]) == (61.5, {"techniques": ["a"]})
    assert further["v1_scope"] == ["record", "replay"]
    assert "spec_json" not in further
    assert take(url, intake).queued == ()


@needs_postgres
def test_a_database_with_clusters_alone_is_read_and_their_papers_are_the_sources(url, intake, registry):
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE candidates")
    add_cluster(url, spec("tool-a", source_papers=[]))
    assert take(url, intake).queued == ("tool-a",)
    assert registry.queue.named("tool-a").spec.source_papers == ("2606.03003",)


@needs_postgres
def test_a_row_without_a_spec_is_told_and_holds_back_no_other(url, intake):
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO candidates (status, spec_json) VALUES ('synthesized', NULL)")
    add(url, "synthesized", None)
    add(url, "synthesized", spec("tool-a"))
    add_cluster(url, None)
    add_cluster(url, spec("tool-b"))
    report = take(url, intake)
    assert report.queued == ("tool-a", "tool-b")
    assert (report.pending, report.refused) == (("1", "2", "clusters/1"), ())
    assert statuses(url) == ["synthesized", "synthesized", "imported"]
    assert cluster_statuses(url) == ["synthesized", "imported"]


@needs_postgres
@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[1]",
        '"text"',
        '{"name": "half \\ud800"}',
        '{"name": "zero \\u0000"}',
        '{"score": NaN}',
        "[" * 50_000,
    ],
)
def test_one_bad_row_holds_back_no_other(url, intake, bad):
    add_cluster(url, spec("tool-a"), kind="TEXT")
    add_cluster(url, bad)
    add_cluster(url, spec("tool-b"))
    report = take(url, intake)
    assert report.queued == ("tool-a", "tool-b")
    assert [row_id for row_id, _ in report.refused] == ["clusters/2"]
    assert cluster_statuses(url) == ["imported", "synthesized", "imported"]


@needs_postgres
def test_the_command_tells_what_waits_for_a_rank_what_has_no_spec_and_what_was_refused(url, tmp_path):
    settings = Settings(
        _env_file=None,
        factory_data_dir=tmp_path / "data",
        idea_engine_postgres_url=url,
        factory_specs_per_day=1,
        factory_ranks=4,
    )
    for letter in "abc":
        add(url, "synthesized", spec(f"tool-{letter}"))
    add_cluster(url, None)
    add_cluster(url, spec("con"))
    console = Console(file=io.StringIO(), width=40)
    assert not import_from_database(OpenedInstance(tmp_path, settings), console)
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "3 queued, 0 were here already, 1 refused and left as they are."
    assert lines[1].startswith("  2 of them wait for a free rank (a date has ranks 4 to 4 for imports")
    assert "FACTORY_RANKS, which is 4" in lines[1]
    assert lines[2] == "  candidate clusters/1 has no spec yet."
    assert lines[3].startswith("  candidate clusters/2: name: con is a device's name on Windows")


@needs_postgres
def test_what_an_idea_says_beside_its_spec_is_shown_with_its_repo(url, intake, tmp_path, registry):
    add(url, "synthesized", spec("tool-a", price_point="$29 a seat", v1_scope=["CLI", "library"]))
    take(url, intake)
    console = Console(file=io.StringIO(), width=40)
    show_story(registry.stories.of_repo("tool-a"), console, git_dir=tmp_path)
    shown = console.file.getvalue()
    assert "price_point     $29 a seat\n" in shown
    assert 'v1_scope        ["CLI", "library"]\n' in shown
