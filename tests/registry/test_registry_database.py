"""The registry's file: transactions, processes, crashes, migrations."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import duckdb
import pytest
import quick_registries
from layout import python_path
from registry_samples import DAY, NOW, labelled

from factory_assets.domain.errors import InfrastructureError, InputError, RegistryBusyError
from factory_assets.registry import Registry, migrate
from factory_assets.registry.duckdb_file import DuckDBFile
from factory_assets.registry.lock import WAIT_SECONDS, Patience

_PRELUDE = """
import os, sys, time
from pathlib import Path
sys.path[:0] = {tests!r}.split(os.pathsep)
from factory_assets.registry.duckdb_file import DuckDBFile
from factory_assets.registry import Registry
from registry_samples import DAY, NOW, labelled
path = Path(sys.argv[1])
"""


def _start(path: Path, body: str) -> subprocess.Popen[str]:
    tests = python_path(__file__)
    program = _PRELUDE.format(tests=tests) + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _holding(path: Path) -> subprocess.Popen[str]:
    """A process in the middle of a transaction that has written and not committed."""
    child = _start(
        path,
        """
        from factory_assets.registry import papers
        with DuckDBFile(path).transaction() as connection:
            batch = [labelled(arxiv_id=f"2606.{n:05d}") for n in range(5000)]
            papers.upsert_papers(connection, batch, now=NOW)
            print("holding", flush=True)
            sys.stdin.readline()
        """,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "holding\n"
    return child


def _let_go(child: subprocess.Popen[str]) -> None:
    _, errors = child.communicate("\n", timeout=20)
    assert child.returncode == 0, errors


@pytest.fixture(autouse=True)
def _made_by_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DuckDBFile, "_create", quick_registries.create)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "registry.duckdb"


def test_the_first_use_makes_the_folder_the_file_and_the_tables(path: Path) -> None:
    assert Registry(path).papers.of_day(DAY) == []
    with DuckDBFile(path).transaction() as connection:
        tables = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    assert {"raw_items", "build_queue", "repos", "llm_calls", "labels", "schema_migrations"} <= tables
    assert not path.with_name("registry.duckdb.new").exists()


def test_the_tables_have_the_columns_that_users_know(path: Path) -> None:
    expected = {
        "raw_items": "id source url title body score author created_at gathered_at fed_to_claude",
        "build_queue": "id name problem source_url solution language files estimated_lines status attempts"
        " queued_at started_at shipped_at error_log day rank",
        "repos": "name language problem source_url created_at last_maintained version lines_of_code"
        " has_tests tests_pass github_pushed github_push_at",
    }
    with DuckDBFile(path).transaction() as connection:
        for table, columns in expected.items():
            rows = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = $1", [table]
            ).fetchall()
            assert set(columns.split()) <= {row[0] for row in rows}


def test_opening_again_keeps_rows_and_applies_no_migration_twice(path: Path) -> None:
    Registry(path).papers.upsert([labelled()], now=NOW)
    count = """
        print(len(Registry(path).papers.of_day(DAY)))
        with DuckDBFile(path).transaction() as connection:
            versions = "SELECT version, count(*) FROM schema_migrations GROUP BY version ORDER BY version"
            print(connection.execute(versions).fetchall())
    """
    output, errors = _start(path, count).communicate(timeout=20)
    files = len(list((Path(migrate.__file__).parent / "migrations").glob("*.sql")))
    assert output.split("\n")[:2] == ["1", str([(number, 1) for number in range(1, files + 1)])], errors


def test_a_registry_of_a_newer_factory_is_refused(path: Path) -> None:
    with DuckDBFile(path).transaction() as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (99, '0099_later.sql', $1)", ["2027-01-01"])
    output, _ = _start(
        path,
        """
        from factory_assets.domain.errors import InputError
        try:
            Registry(path).papers.of_day(DAY)
        except InputError as error:
            print(error)
        """,
    ).communicate(timeout=20)
    assert "schema 99" in output
    assert str(path) in output
    assert "Update the factory" in output


def test_an_error_in_a_transaction_leaves_nothing_of_it(path: Path) -> None:
    def fail_half_way() -> None:
        with DuckDBFile(path).transaction() as connection:
            connection.execute("INSERT INTO labels VALUES ('2606.01234', 'kv-cache')")
            raise InputError("half way")

    with pytest.raises(InputError, match="half way"):
        fail_half_way()
    with DuckDBFile(path).transaction() as connection:
        assert connection.execute("SELECT count(*) FROM labels").fetchall() == [(0,)]


def test_the_busy_error_names_the_process_that_holds_the_registry(path: Path) -> None:
    child = _holding(path)
    started = time.monotonic()
    with pytest.raises(RegistryBusyError) as caught:
        Registry(path, Patience(0.3)).papers.of_day(DAY)
    assert 0.3 <= time.monotonic() - started < WAIT_SECONDS
    assert f"process {child.pid} (-c {path})" in str(caught.value)
    _let_go(child)
    assert len(Registry(path).papers.of_day(DAY)) == 5000


def test_a_patient_registry_says_for_whom_it_waits_and_then_goes_on(path: Path) -> None:
    child = _holding(path)
    said: list[str] = []

    def told(line: str) -> None:
        said.append(line)
        _let_go(child)

    assert len(Registry(path, Patience(600, untold=0.2, notify=told)).papers.of_day(DAY)) == 5000
    assert said[0].startswith(
        f"The registry is held by process {child.pid} (-c {path}); waiting for it up to "
    )


def test_a_transaction_waits_for_another_process_to_end(path: Path) -> None:
    child = _holding(path)
    timer = threading.Timer(0.4, _let_go, [child])
    timer.start()
    assert len(Registry(path).papers.of_day(DAY)) == 5000
    timer.join()


def test_the_busy_error_names_a_program_that_is_not_the_factory(path: Path) -> None:
    Registry(path).papers.upsert([labelled()], now=NOW)
    shell = _start(
        path,
        """
        import duckdb
        connection = duckdb.connect(str(path))
        print("open", flush=True)
        sys.stdin.readline()
        """,
    )
    assert shell.stdout is not None
    assert shell.stdout.readline() == "open\n"
    with pytest.raises(RegistryBusyError, match=str(shell.pid)):
        Registry(path, Patience(0.2)).papers.of_day(DAY)
    shell.communicate("\n", timeout=20)
    assert len(Registry(path).papers.of_day(DAY)) == 1


def test_a_transaction_inside_another_ends_with_the_busy_error(path: Path) -> None:
    registry = Registry(path, Patience(0.2))
    with DuckDBFile(path).transaction(), pytest.raises(RegistryBusyError):
        registry.papers.of_day(DAY)
    assert registry.papers.of_day(DAY) == []


def test_a_process_killed_in_a_transaction_leaves_what_was_before_it(path: Path) -> None:
    registry = Registry(path)
    registry.papers.upsert([labelled(arxiv_id="2606.00001", title="Before")], now=NOW)
    child = _holding(path)
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=20)
    (kept,) = registry.papers.of_day(DAY)
    assert kept.paper.title == "Before"
    assert registry.papers.upsert([labelled(arxiv_id="2606.00002")], now=NOW).new == 1


def test_a_process_killed_while_it_makes_the_file_leaves_nothing_in_the_way(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("registry.duckdb.new").write_bytes(b"half a file")
    assert Registry(path).papers.upsert([labelled()], now=NOW).new == 1


def test_processes_and_threads_that_write_at_once_lose_nothing(path: Path) -> None:
    body = """
    registry = Registry(path)
    for n in range(10):
        registry.papers.upsert([labelled(arxiv_id=f"2606.{FIRST + n:05d}")], now=NOW)
    """
    children = [_start(path, body.replace("FIRST", str(first))) for first in (1000, 2000)]
    registry = Registry(path)

    def write(first: int) -> None:
        for n in range(10):
            registry.papers.upsert([labelled(arxiv_id=f"2606.{first + n:05d}")], now=NOW)

    threads = [threading.Thread(target=write, args=[first]) for first in (3000, 4000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for child in children:
        _, errors = child.communicate(timeout=30)
        assert child.returncode == 0, errors
    assert len(registry.papers.of_day(DAY)) == 40


def test_a_forked_process_uses_the_registry_like_any_other(path: Path) -> None:
    output, errors = _start(
        path,
        """
        import os
        registry = Registry(path)
        registry.papers.upsert([labelled(arxiv_id="2606.00001")], now=NOW)
        child = os.fork()
        registry.papers.upsert([labelled(arxiv_id=f"2606.{1 if child else 2:05d}")], now=NOW)
        if child == 0:
            os._exit(0)
        print(os.waitpid(child, 0)[1], len(registry.papers.of_day(DAY)))
        """,
    ).communicate(timeout=30)
    assert output == "0 2\n", errors


def test_a_damaged_file_is_named_with_what_to_do(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(InfrastructureError) as caught:
        Registry(path).papers.of_day(DAY)
    assert str(path) in str(caught.value)
    assert "backup" in caught.value.fix
    assert path.read_bytes().startswith(b"this is no database")


def test_a_full_disk_is_named_and_leaves_what_was_before(path: Path) -> None:
    registry = Registry(path)
    registry.papers.upsert([labelled()], now=NOW)
    output, errors = _start(
        path,
        """
        import resource, random
        from factory_assets.domain.errors import InfrastructureError
        limit = path.stat().st_size + 100_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        noise = random.Random(1)
        text = lambda: "".join(chr(noise.randrange(33, 0x2000)) for _ in range(2000))
        try:
            batch = [labelled(arxiv_id=f"2606.{n:05d}", abstract=text()) for n in range(500)]
            Registry(path).papers.upsert(batch, now=NOW)
        except InfrastructureError as error:
            print(error.fix)
        """,
    ).communicate(timeout=30)
    assert "Free disk space" in output, errors
    assert len(registry.papers.of_day(DAY)) == 1
    assert registry.papers.upsert([labelled(arxiv_id="2606.00002")], now=NOW).new == 1


_ENGINE_AT_EXIT = """
import atexit, sys
from pathlib import Path
import duckdb
engines, connect = [], duckdb.connect
def kept(*arguments, **options):
    engines.append(connect(*arguments, **options))
    return engines[-1]
def look():
    for engine in engines:
        try:
            engine.execute("SELECT 1")
            print("open")
        except duckdb.ConnectionException:
            print("closed")
duckdb.connect = kept
atexit.register(look)  # hooks run last to first
from factory_assets.registry import Registry
Registry(Path(sys.argv[1])).holds.standing()
"""


def test_a_process_closes_its_engine_before_its_interpreter_goes(path: Path) -> None:
    """DuckDB tells of leaks on the terminal where one outlives it."""
    done = subprocess.run(
        [sys.executable, "-c", _ENGINE_AT_EXIT, str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("closed\n", "")


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(InfrastructureError, match="FACTORY_DATA_DIR"):
        Registry(tmp_path / "data" / "registry.duckdb").papers.of_day(DAY)


def test_a_registry_whose_file_was_removed_starts_empty(path: Path) -> None:
    registry = Registry(path)
    registry.papers.upsert([labelled()], now=NOW)
    path.unlink()
    assert registry.papers.of_day(DAY) == []


def test_the_file_opens_with_plain_duckdb_when_nobody_uses_it(path: Path) -> None:
    Registry(path).papers.upsert([labelled()], now=NOW)
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT title FROM raw_items").fetchall() == [("On 2606.01234",)]
