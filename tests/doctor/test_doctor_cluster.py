"""The doctor's checks of what several machines share, against a real PostgreSQL and a real Redis."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import postgres_server
import pytest
import redis_server
from pydantic import SecretStr

from factory_assets.doctor.cluster import check_broker, check_dagster_storage
from factory_assets.doctor.result import CheckResult, DoctorInputs, Severity
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.worker_places import WorkerPlaces

NOWHERE = "http://127.0.0.1:9"
MISSING = [*postgres_server.missing_programs(), *redis_server.missing_programs()]
needs_servers = pytest.mark.skipif(bool(MISSING), reason=f"not here: {MISSING}")


@pytest.fixture
def inputs(tmp_path: Path) -> DoctorInputs:
    return DoctorInputs(
        live=True,
        data_dir=tmp_path,
        claude_config=tmp_path / ".claude",
        anthropic_url=NOWHERE,
        github_url=NOWHERE,
    )


def test_a_machine_of_its_own_is_asked_for_neither(inputs: DoctorInputs) -> None:
    assert check_dagster_storage(inputs) is None
    assert check_broker(inputs) is None


@needs_servers
def test_servers_that_answer_pass(inputs: DoctorInputs) -> None:
    with postgres_server.postgres() as database, redis_server.redis_server() as broker:
        inputs = replace(inputs, dagster_url=SecretStr(database), broker_url=SecretStr(broker))
        storage, queue = check_dagster_storage(inputs), check_broker(inputs)
    assert storage is not None
    assert storage.ok
    assert "PostgreSQL" in storage.found
    assert "100 connections at most" in storage.found
    assert queue is not None
    assert queue.ok
    assert queue.found.startswith("Redis ")


@needs_servers
def test_more_builds_let_out_than_the_workers_take_is_a_warning_and_so_is_none_that_answers(
    inputs: DoctorInputs,
) -> None:
    def result_of(pool: int, **workers: int) -> CheckResult:
        result = check_broker(replace(here, worker_places=lambda: WorkerPlaces(pool, workers)))
        assert result is not None
        return result

    def silent() -> WorkerPlaces:
        raise InfrastructureError("The database is away.", fix="Start it.")

    with redis_server.redis_server() as broker:
        here = replace(inputs, broker_url=SecretStr(broker))
        fits = result_of(3, one=2, another=1)
        assert fits.ok
        assert (
            "2 workers can take 3 builds at once (another 1, one 2), as BUILD_WORKERS lets out" in fits.found
        )
        for wrong, said in (
            (result_of(4, one=2, another=1), "lets 4 out: up to 1 build may wait at the broker"),
            (result_of(2, one=3), "the other places stay idle"),
            (result_of(2), "No worker answers at the broker"),
        ):
            assert (wrong.ok, wrong.severity) == (False, Severity.WARNING)
            assert said in wrong.found
            assert "--builds" in wrong.fix
        unknown = check_broker(replace(here, worker_places=silent))
    assert unknown is not None
    assert (unknown.ok, unknown.severity, unknown.fix) == (False, Severity.WARNING, "Start it.")


@needs_servers
def test_a_wrong_password_of_the_broker_is_an_error_that_does_not_show_it(inputs: DoctorInputs) -> None:
    with redis_server.redis_server() as broker:
        wrong = broker.replace(redis_server.PASSWORD, "another-word-1")
        result = check_broker(replace(inputs, broker_url=SecretStr(wrong)))
    assert result is not None
    assert (result.ok, result.severity) == (False, Severity.ERROR)
    assert "FACTORY_CELERY_BROKER" in result.found
    assert "another-word-1" not in result.found + result.fix


def test_servers_that_are_away_stop_the_factory(inputs: DoctorInputs) -> None:
    away = replace(
        inputs,
        dagster_url=SecretStr("postgresql://u:word-of-pg-1@127.0.0.1:1/none"),
        broker_url=SecretStr("redis://:word-of-redis-1@127.0.0.1:1/0"),
    )
    for result in (check_dagster_storage(away), check_broker(away)):
        assert result is not None
        assert (result.ok, result.severity) == (False, Severity.ERROR)
        assert "efused" in result.found
        assert "word-of" not in result.found + result.fix
