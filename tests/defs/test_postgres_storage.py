"""Dagster's storage in a real PostgreSQL: by a setting, in a schema of the mode's own, with few connections."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest
import sqlalchemy
from defs_commands import Commands
from postgres_server import missing_programs, postgres
from sqlalchemy.pool import NullPool

from factory_assets.defs.postgres_storage import storage_url
from factory_assets.defs.storage import open_storage
from factory_assets.domain.errors import InfrastructureError
from factory_assets.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=f"not here: {missing_programs()}")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def commands(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Commands]:
    """An instance whose storage is in the database, prepared."""
    commands = Commands(tmp_path, monkeypatch, capsys)
    commands.write_replay({"FACTORY_DAGSTER_URL": server, "FACTORY_REGISTRY_URL": server})
    assert commands("prepare").code == 0
    monkeypatch.setenv("DAGSTER_HOME", str(commands.home))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(commands.data))
    yield commands
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS dagster_replay CASCADE")
        connection.execute("DROP SCHEMA IF EXISTS factory_replay CASCADE")


def test_runs_are_kept_in_the_schema_of_the_mode_and_no_file_is_made(commands: Commands, server: str) -> None:
    with open_storage(commands.data) as instance:
        run = dg.DagsterRun(job_name="build")
        instance.add_run(run)
        instance.report_engine_event("seen", run)
        assert [entry.message for entry in instance.all_logs(run.run_id)] == ["seen"]
    with psycopg.connect(server) as connection:
        assert connection.execute("SELECT run_id FROM dagster_replay.runs").fetchall() == [(run.run_id,)]
        assert connection.execute("SELECT to_regclass('public.runs')").fetchone() == (None,)
    assert not list(commands.home.rglob("runs.db"))


def test_the_address_is_not_written_into_dagster_yaml(commands: Commands) -> None:
    text = (commands.home / "dagster.yaml").read_text()
    assert "FactoryPostgresStorage" in text
    assert "pass-word-of-ideas" not in text


def test_taking_the_setting_out_brings_the_files_back(commands: Commands) -> None:
    commands.write_replay()
    assert commands("prepare").code == 0
    assert (commands.home / "dagster.yaml").read_text() == (PROJECT_ROOT / "dagster.yaml").read_text()


def test_a_connection_to_a_host_that_is_cut_off_ends_within_half_a_minute_on_either_side(
    server: str, tmp_path: Path
) -> None:
    """By the system's own times a question waits for a quarter of an hour, and a gone host's is kept for two."""
    settings = Settings(_env_file=None, factory_data_dir=tmp_path, factory_dagster_url=server)
    engine = sqlalchemy.create_engine(storage_url(settings), poolclass=NullPool)
    with engine.connect() as connection:
        told = connection.connection.driver_connection.info.dsn_parameters
        set_there = connection.exec_driver_sql(
            "SELECT name, setting FROM pg_settings WHERE name LIKE 'tcp%%' OR name LIKE 'idle_in_transaction%%'"
        )
        server_side = {name: int(setting) for name, setting in set_there}
    waits = int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"])
    assert waits <= 30
    assert int(told["tcp_user_timeout"]) <= 30_000
    assert server_side["idle_in_transaction_session_timeout"] == 60_000
    assert "-ctcp_user_timeout=20000" in told["options"], "a UNIX socket shows none"


def test_no_connection_is_held_once_a_question_is_answered(commands: Commands, server: str) -> None:
    with open_storage(commands.data) as instance, psycopg.connect(server, autocommit=True) as watcher:
        run = dg.DagsterRun(job_name="build")
        instance.add_run(run)
        instance.report_engine_event("seen", run)
        # The server notices a moment later that one was closed.
        deadline = time.monotonic() + 10
        while (held := _connections(watcher)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert held == 0


def _connections(watcher: psycopg.Connection) -> int:
    found = watcher.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    ).fetchone()
    return found[0] if found else 0


def test_a_database_that_does_not_answer_is_told_with_the_setting_and_without_the_password(
    commands: Commands, tmp_path: Path
) -> None:
    commands.write_replay({"FACTORY_DAGSTER_URL": "postgresql://u:hidden-word-1@127.0.0.1:1/none"})
    with pytest.raises(InfrastructureError) as failed, open_storage(commands.data):
        pass
    assert "FACTORY_DAGSTER_URL" in str(failed.value)
    assert "refused" in str(failed.value)
    assert "hidden-word-1" not in str(failed.value)


@pytest.mark.parametrize("missing", ["FACTORY_REGISTRY_URL", "FACTORY_DAGSTER_URL", "FACTORY_GIT_DIR"])
def test_builds_on_several_machines_need_all_that_these_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    commands = Commands(tmp_path, monkeypatch, capsys)
    values = {
        "FACTORY_REGISTRY_URL": "postgresql://host/factory",
        "FACTORY_DAGSTER_URL": "postgresql://host/dagster",
        "FACTORY_GIT_DIR": "/shared/git",
        "FACTORY_CELERY_BROKER": "redis://host/0",
    }
    commands.write_replay({name: value for name, value in values.items() if name != missing})
    ended = commands("prepare")
    assert ended.code == 1
    assert missing in ended.err


def test_an_instance_without_these_settings_imports_nothing_of_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = Commands(tmp_path, monkeypatch, capsys)
    commands.write_replay()
    assert commands("prepare").code == 0
    ended = commands.python(
        "import sys, dagster as dg, factory_assets.definitions\n"
        "dg.DagsterInstance.get().run_launcher\n"
        "print(sorted({'dagster_postgres', 'dagster_celery', 'celery', 'redis', 'psycopg2'} & set(sys.modules)))"
    )
    assert (ended.code, ended.out) == (0, "[]"), ended.err
