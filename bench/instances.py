"""Instances in folders that go away, with as many queued specs as a measurement wants."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from factory_assets.cli.configuration import configuration_of
from factory_assets.cli.instance import write_env
from factory_assets.cli.ownership import own
from factory_assets.cli.processes import program, start, stop_tree
from factory_assets.defs.client import FactoryClient
from factory_assets.domain.specs import Spec
from factory_assets.registry import Registry
from factory_assets.settings import PROJECT_ROOT, Mode, Settings

FIRST = date(2026, 1, 1)
RANKS, LATE_RANKS = range(1, 31), range(31, 41)


@dataclass(frozen=True)
class BenchInstance:
    """A replay instance, which this process and its children work on while it is open."""

    home: Path
    settings: Settings
    registry: Registry
    workspace: Path

    def queue(self, days: int, specs_per_day: int) -> None:
        """Queue so many specs on each of the first dates."""
        for offset in range(days):
            day = FIRST + timedelta(days=offset)
            specs = [_spec(f"tool-{offset}-{number}") for number in range(specs_per_day)]
            self.registry.queue.add(
                day, specs, [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=datetime.now(UTC)
            )

    @contextmanager
    def at_work(self) -> Iterator[FactoryClient]:
        """Its whole daemon runs meanwhile, as under `factory up`: backfills are measured too."""
        argv = [program("dagster-daemon"), "run", "-w", str(self.workspace)]
        with (
            FactoryClient.open(self.workspace, self.settings.factory_data_dir) as client,
            own(self.settings.factory_data_dir) as ownership,
        ):
            daemon = start(argv, log=self.home / "daemon.log", cwd=Path.cwd(), ownership=ownership)
            try:
                while not client.daemon_is_running():
                    assert daemon.poll() is None, "the daemon did not start"
                    time.sleep(0.25)
                yield client
            finally:
                stop_tree(daemon.pid)


@contextmanager
def instance(
    days: int, environment: Mapping[str, str] | None = None, *, first: date = FIRST
) -> Iterator[BenchInstance]:
    """Make one over so many dates; the environment is as before afterwards."""
    before, folder = dict(os.environ), Path.cwd()
    with tempfile.TemporaryDirectory(prefix="factory-bench-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        values = {
            "DAGSTER_HOME": str(home),
            "FACTORY_MODE": Mode.REPLAY,
            "FACTORY_DATA_DIR": str(home / "data"),
            "FACTORY_START_DATE": first.isoformat(),
            "FACTORY_END_DATE": (first + timedelta(days=days - 1)).isoformat(),
            "FACTORY_DAY_BUDGET_USD": "100000",
            "FACTORY_MIRROR_DIR": str(home / "mirrored"),
            **(environment or {}),
        }
        write_env(home, values)
        (home / "data").mkdir()
        workspace = home / "workspace.yaml"
        workspace.write_text(
            "load_from:\n  - python_module: {module_name: bench.waiting_location, location_name: factory,"
            f" working_directory: {PROJECT_ROOT}}}\n"
        )
        os.environ.update(values)
        # Dagster's programs load the `.env` of the folder that they are started in over their environment.
        os.chdir(home)
        try:
            settings = Settings(_env_file=home / ".env")
            (home / "dagster.yaml").write_text(configuration_of(home, settings))
            yield BenchInstance(home, settings, Registry(settings.registry_place), workspace)
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(before)


def _spec(name: str) -> Spec:
    return Spec(
        name=name,
        problem="A problem.",
        source_papers=("2606.01234",),
        solution="A solution.",
        language="python",
        files=("tool/main.py",),
        estimated_lines=150,
        complexity="low",
        who_pays="Somebody.",
        integration_point="Somewhere.",
        moat="Something.",
    )


def seconds_to_end(client: FactoryClient, runs: Sequence[str]) -> float:
    """Wait for the runs that were just launched; the seconds that each took, one after the other."""
    started = time.monotonic()
    ends = client.wait(list(runs), lambda _run, _status: None, lambda: False)
    if not all(end.succeeded for end in ends):
        raise RuntimeError(next(end.error for end in ends if not end.succeeded))
    return (time.monotonic() - started) / len(runs)
