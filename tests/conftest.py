"""What holds for every test: no credential and no instance of the machine it runs on is seen."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from cores import cores
from corpus_report import corpus_summary
from corpus_share import SHARE, in_share
from quick_registries import make_registries_quick
from router_world import end_routers

from factory_assets.settings import Mode, Settings

if TYPE_CHECKING:
    from defs_factory import DefsFactory

_LONG = frozenset({"browser", "end_to_end", "corpus", "soak", "cluster", "chaos"})
_FEWEST_WORKERS, _MOST_WORKERS = 2, 8


def pytest_configure(config: pytest.Config) -> None:
    """Run alike however the tests are started.

    What was compiled is kept, whatever the machine is told: else every worker and every program compiles it again.
    A shell that starts the tests in the background has SIGINT ignored; Dagster would ignore SIGTERM with it, and each
    run would wait for half a minute for programs that are asked to end.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """What `-n auto` is, where PYTEST_XDIST_AUTO_NUM_WORKERS does not say it.

    Half as many again as there are cores, for a test that starts programs waits for nearly half of its time; where
    tests of a long mark alone are asked for, no more than cores: what waits for a daemon's builds has limits. A worker
    takes up to a gigabyte.
    """
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    wanted = cores() if config.option.markexpr.strip() in _LONG else cores() * 3 // 2
    return min(max(wanted, _FEWEST_WORKERS), _MOST_WORKERS)


def pytest_report_header() -> list[str]:
    """Which part of the corpus is run, so that it can be run again."""
    return [f"corpus: {SHARE}"] if SHARE.of > 1 else []


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where tests of one mark are asked for, leave alone the files that have none: to import all takes long."""
    mark = config.option.markexpr.strip()
    if not mark.isidentifier() or not fnmatch(collection_path.name, "test_*.py"):
        return None
    return None if _may_have(collection_path, mark) else True


@cache
def _may_have(path: Path, mark: str) -> bool:
    text = path.read_text("utf-8")
    return any(word in text for word in _words_of(mark))


@cache
def _words_of(mark: str) -> tuple[str, ...]:
    """What a file that has tests of a mark says: the mark, or a module of tests/support that hands it on."""
    named = f"mark.{mark}"
    support = Path(__file__).with_name("support").glob("*.py")
    return named, *(path.stem for path in support if named in path.read_text("utf-8"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not in the corpus' share, and see that no test is missed where its mark alone is asked for."""
    for item in items:
        for mark in _LONG.intersection(mark.name for mark in item.iter_markers()):
            if not _may_have(item.path, mark):
                raise pytest.UsageError(f"{item.path} has tests of the mark {mark} and does not name it")
    left = [item for item in items if item.get_closest_marker("corpus") and not in_share(item.nodeid, SHARE)]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]


@pytest.fixture(autouse=True, scope="session")
def _quick_storages() -> None:
    make_registries_quick()
    if "dagster" in sys.modules:
        from quick_storages import make_storages_quick

        make_storages_quick()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


@pytest.fixture(autouse=True)
def _no_router_is_left() -> Iterator[None]:
    yield
    end_routers()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder with a short path: the path of a socket is limited, and pytest's folders are deep."""
    with TemporaryDirectory(prefix="short-") as name:
        yield Path(name)


@pytest.fixture
def replay_settings(tmp_path: Path) -> Settings:
    """A replay instance over the demo's dates, in a folder of its own."""
    return Settings(
        _env_file=None,
        factory_mode=Mode.REPLAY,
        factory_data_dir=tmp_path / "data",
        factory_start_date="2026-06-17",
        factory_end_date="2026-06-19",
        factory_ranks=4,
        factory_specs_per_day=3,
        factory_arxiv_interval=0,
        factory_mirror_interval=0,
        factory_mirror_dir=tmp_path / "mirrored",
    )


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance without a run: making its databases takes seconds, copying them does not."""
    import dagster as dg

    home = tmp_path_factory.mktemp("dagster-home")
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs()
        instance.get_materialized_partitions(dg.AssetKey("papers"))
    return home


@pytest.fixture
def factory(replay_settings: Settings) -> Iterator[DefsFactory]:
    """The definitions on an instance in memory."""
    import dagster as dg
    from defs_factory import DefsFactory

    with dg.DagsterInstance.ephemeral() as instance:
        yield DefsFactory(replay_settings, instance)


@pytest.fixture
def kept(replay_settings: Settings, empty_home: Path, tmp_path: Path) -> Iterator[DefsFactory]:
    """The same on disk: a schedule that looks at its instance takes none that lives in memory only."""
    import dagster as dg
    from defs_factory import DefsFactory

    home = tmp_path / "home"
    shutil.copytree(empty_home, home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield DefsFactory(replay_settings, instance)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many builds of the corpus were caught and how many shipped, where any ran."""
    for line in corpus_summary(terminalreporter.stats):
        terminalreporter.write_line(line)
