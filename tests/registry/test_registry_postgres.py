"""The registry on PostgreSQL: hosts that ask at once, one that dies, a server that goes away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psycopg
import pytest
from layout import python_path
from memory_registry import rows
from pydantic import SecretStr
from registry_samples import DAY, NOW, labelled, queue, ship

from factory_assets.domain.errors import InfrastructureError, InputError, RegistryBusyError
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.registry import Registry, postgres, repos
from factory_assets.registry.lock import Patience

_HOSTS, _NAMES = 8, 1_250
_PRELUDE = """
import json, os, sys
sys.path[:0] = os.environ["TESTS"].split(os.pathsep)
from pydantic import SecretStr
from registry_samples import DAY, NOW, labelled
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.registry import Registry, postgres
from factory_assets.registry.lock import Patience
registry = Registry(PostgresPlace(SecretStr(os.environ["URL"]), os.environ["SCHEMA"]), Patience(seconds=120))
"""


@pytest.fixture
def place(server: str, tmp_path: Path) -> PostgresPlace:
    return PostgresPlace(SecretStr(server), tmp_path.name)


def start(place: PostgresPlace, body: str, *arguments: str) -> subprocess.Popen[str]:
    """Another host: all that it has in common with others is the address."""
    told = {"TESTS": python_path(__file__), "URL": place.url.get_secret_value(), "SCHEMA": place.schema}
    return subprocess.Popen(
        [sys.executable, "-c", _PRELUDE + textwrap.dedent(body), *arguments],
        env=os.environ | told,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def holding(place: PostgresPlace) -> subprocess.Popen[str]:
    """A host in the middle of a transaction that has written and not committed."""
    host = start(
        place,
        """
        from factory_assets.registry import papers
        with registry._database.transaction() as connection:
            papers.upsert_papers(connection, [labelled(arxiv_id="2606.00001")], now=NOW)
            print("holding", flush=True)
            sys.stdin.readline()
        """,
    )
    assert host.stdout is not None
    assert host.stdout.readline() == "holding\n"
    return host


def test_of_eight_hosts_that_claim_at_once_one_gets_each_spec_and_none_is_lost(place: PostgresPlace) -> None:
    claiming = """
    names = [f"tool-{number}" for number in range(int(sys.argv[2]))]
    print("ready", flush=True)
    sys.stdin.readline()
    won = [name for name in names if registry.launches.claim({name: sys.argv[1]}, settled={}, now=NOW)]
    print(json.dumps(won))
    """
    hosts = [start(place, claiming, f"host-{number}", str(_NAMES)) for number in range(_HOSTS)]
    for host in hosts:
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
    won = [json.loads(told) for told in _all_together(hosts)]
    assert sorted(name for names in won for name in names) == sorted(f"tool-{n}" for n in range(_NAMES))
    kept = {row["name"]: row["run_key"] for row in rows(Registry(place), "SELECT * FROM launches")}
    assert kept == {name: f"host-{number}" for number, names in enumerate(won) for name in names}
    # Else they have not asked at once.
    assert sum(bool(names) for names in won) > 1


def _all_together(hosts: list[subprocess.Popen[str]]) -> list[str]:
    told = [""] * len(hosts)

    def let_go(number: int) -> None:
        told[number], _ = hosts[number].communicate("\n", timeout=240)

    threads = [threading.Thread(target=let_go, args=(number,)) for number in range(len(hosts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [host.returncode for host in hosts] == [0] * len(hosts)
    return told


def test_hosts_that_begin_at_once_make_the_tables_once(place: PostgresPlace) -> None:
    asking = "print(len(registry.papers.of_day(DAY)))"
    hosts = [start(place, asking) for _ in range(4)]
    assert _all_together(hosts) == ["0\n"] * 4


def test_a_host_that_is_killed_in_the_middle_leaves_nothing_and_holds_nobody_up(place: PostgresPlace) -> None:
    host = holding(place)
    host.kill()
    host.wait()
    registry = Registry(place)
    assert registry.papers.of_day(DAY) == []
    assert registry.papers.upsert([labelled()], now=NOW).new == 1


def test_who_waits_too_long_is_told_who_holds_the_registry(place: PostgresPlace) -> None:
    host = holding(place)
    with pytest.raises(RegistryBusyError, match=rf"locked by process {host.pid} "):
        Registry(place, Patience(seconds=0.3)).papers.upsert([labelled()], now=NOW)
    host.communicate("\n", timeout=20)
    assert Registry(place).papers.upsert([labelled(arxiv_id="2606.00001")], now=NOW).unchanged == 1


def test_who_only_reads_waits_for_nobody(place: PostgresPlace) -> None:
    reading = Registry(place, Patience(seconds=0.3)).reading()
    assert reading.papers.of_day(DAY) == []
    host = holding(place)
    assert reading.papers.of_day(DAY) == []
    host.communicate("\n", timeout=20)
    assert len(reading.papers.of_day(DAY)) == 1


def test_a_write_where_the_registry_is_only_read_is_an_error(place: PostgresPlace) -> None:
    with pytest.raises(InfrastructureError, match="only read"):
        Registry(place).reading().papers.upsert([labelled()], now=NOW)


def test_a_connection_that_was_lost_between_two_steps_is_made_anew(place: PostgresPlace) -> None:
    registry = Registry(place)
    registry.papers.upsert([labelled()], now=NOW)
    end_sessions(place)
    assert len(registry.papers.of_day(DAY)) == 1


def test_a_connection_that_is_lost_in_the_middle_is_one_clear_error_and_nothing_is_written(
    place: PostgresPlace,
) -> None:
    registry = Registry(place)
    with pytest.raises(InfrastructureError, match="The registry's database failed"):
        write_and_lose(registry, place)
    assert rows(registry, "SELECT * FROM incomplete_dates") == []


def write_and_lose(registry: Registry, place: PostgresPlace) -> None:
    with registry._database.transaction() as connection:
        at = NOW.replace(tzinfo=None)
        connection.execute("INSERT INTO incomplete_dates VALUES ($1, $2, 'x')", [DAY, at])
        end_sessions(place)
        connection.execute("SELECT 1")


def end_sessions(place: PostgresPlace) -> None:
    with psycopg.connect(place.url.get_secret_value(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND application_name LIKE 'process %'"
        )
    time.sleep(0.1)


def test_a_server_that_is_not_there_is_one_clear_error_without_the_password() -> None:
    nowhere = PostgresPlace(SecretStr("postgresql://me:pass-word@127.0.0.1:9/factory"), "s")
    with pytest.raises(InfrastructureError, match="FACTORY_REGISTRY_URL") as raised:
        Registry(nowhere, Patience(seconds=0.2)).papers.of_day(DAY)
    assert "pass-word" not in str(raised.value)


def test_a_registry_of_a_newer_factory_is_refused(place: PostgresPlace) -> None:
    registry = Registry(place)
    with registry._database.transaction() as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (999, 'x', $1)", [NOW.replace(tzinfo=None)])
    end_sessions(place)
    with pytest.raises(InputError, match="has schema 999"):
        registry.papers.of_day(DAY)


def test_what_is_left_to_mirror_is_found_in_an_index_among_all_that_is_mirrored(place: PostgresPlace) -> None:
    registry = Registry(place)
    ship(registry, *queue(registry, "cache-probe"))
    with registry._database.transaction() as connection:
        connection.execute(
            "INSERT INTO repos SELECT name || part, language, problem, source_url, created_at, last_maintained,"
            " version, lines_of_code, has_tests, tests_pass, TRUE, created_at, -part, commit, tests_executed, 'github'"
            " FROM repos CROSS JOIN generate_series(1, 20000) AS parts(part)"
        )
        connection.execute("ANALYZE repos")
        plan = connection.execute(f"EXPLAIN {repos._UNMIRRORED}", [["nowhere", "folder"]]).fetchall()
    assert any("repos_by_mirror" in line for (line,) in plan), plan
    assert [entry.repo.name for entry in registry.repos.unmirrored(to_github=True)] == ["cache-probe"]


def test_threads_of_a_process_share_one_connection(place: PostgresPlace) -> None:
    registry = Registry(place)
    threads = [threading.Thread(target=registry.papers.of_day, args=(DAY,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened = [
        schema for pid, _, schema in postgres._SESSIONS if pid == os.getpid() and schema == place.schema
    ]
    assert len(opened) == 1
    assert rows(registry, "SELECT count(*) AS n FROM pg_stat_activity WHERE pid = pg_backend_pid()") == [
        {"n": 1}
    ]
