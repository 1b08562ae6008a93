"""Two simulated weeks of the factory, and what has to hold at their end."""

from __future__ import annotations

import os
import shutil
import time as wall
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest
from postgres_server import postgres
from soak_checks import SoakChecks, left_processes, storage_bytes
from soak_simulation import Simulation
from soak_specs import SPECS_A_DAY, SoakSource
from soak_world import SimulatedArxiv, SimulatedClock, SoakAgents, Turn, soak_instance

from factory_assets.build_defs import build_defs
from factory_assets.domain.announcements import is_settled
from factory_assets.domain.builds import Phase
from factory_assets.replay.server import ReplayServer
from factory_assets.settings import PROJECT_ROOT, Mode, Settings

FIRST, DAYS, WORKERS = date(2026, 6, 3), int(os.environ.get("SOAK_DAYS", "14")), 2
# Tuesday and Wednesday of the second week: back on Thursday at 00:05.
OFF = datetime(2026, 6, 9, 0, 5, tzinfo=UTC), datetime(2026, 6, 11, 0, 5, tzinfo=UTC)
KEEP_DAYS = 5
# Runs of a day that make no partition that lasts: gathers, the report, housekeeping, builds that are put off.
RUNS_A_DAY = 32
MOST_BYTES_A_RUN = 400_000
LAUNCHED_WITHIN = timedelta(hours=1)
_TOOLS = ("git", "make", "bash", "python3")


@pytest.fixture
def database() -> Iterator[str | None]:
    """The PostgreSQL of the registry, where SOAK_REGISTRY names it."""
    if os.environ.get("SOAK_REGISTRY", "duckdb") == "duckdb":
        yield None
        return
    with postgres() as url:
        yield url


@pytest.mark.soak
def test_two_weeks_with_the_machine_off_for_two_days(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database: str | None,
) -> None:
    if missing := [tool for tool in _TOOLS if not shutil.which(tool)]:
        pytest.skip(f"{', '.join(missing)} not installed")
    began = wall.monotonic()
    settings = _settings(tmp_path, database)
    home = _home(tmp_path, settings, monkeypatch)
    source = SoakSource(FIRST, DAYS)
    clock = SimulatedClock(datetime.combine(FIRST, time(), UTC))
    agents, turn = SoakAgents(source, clock), Turn()
    end = datetime.combine(FIRST + timedelta(days=DAYS), time(), UTC)
    with (
        ReplayServer(recordings=source.recordings(), github_searches=10_000) as server,
        dg.DagsterInstance.from_config(str(home)) as instance,
    ):
        parts = soak_instance(settings, server=server, agents=agents, clock=clock, turn=turn)
        resources: dict[str, object] = {"registry": parts.registry, "instance": parts, "clock": clock}
        simulation = Simulation(
            build_defs(settings, resources),
            instance,
            resources=resources,
            clock=clock,
            arxiv=SimulatedArxiv(server, source),
            turn=turn,
            workers=WORKERS,
            off=OFF,
        )
        simulation.run(FIRST, DAYS)
        settled = [day for day in source.days if is_settled(day, _last_analysis(end))]
        checks = SoakChecks(settings.factory_data_dir, parts.registry, settings.factory_mirror_dir)
        runs, stored = instance.get_runs_count(), storage_bytes(settings.factory_data_dir)
        figures = simulation.figures
        faults = [
            *figures.errors,
            *checks.analyses(settled, papers=sum(len(parts.registry.papers.of_day(day)) for day in settled)),
            *checks.endings(),
            *checks.repos(),
            *checks.mirrors(),
            *checks.ledger(),
            *checks.reservations(),
            *checks.runs(instance),
            *checks.run_files(instance),
            *checks.disk(),
            *left_processes((str(settings.factory_data_dir),)),
            *_wrong_ends(source, checks),
            *(
                f"{queued.spec.name} waits for nothing, and was not launched"
                for queued in parts.registry.queue.launchable(end - LAUNCHED_WITHIN, settings.budget_limits)
            ),
        ]
        papers = sum(len(parts.registry.papers.of_day(day)) for day in source.days)
    # What is kept: the latest run of each partition, and all of the last days.
    most_runs = 2 * len(checks.specs) + len(settled) + DAYS + RUNS_A_DAY * (KEEP_DAYS + 1)
    twice = len(agents.phases) - len(set(agents.phases))
    table = {
        "simulated days, of which off": f"{DAYS}, {(OFF[1] - OFF[0]).days}",
        "ticks, missed": f"{figures.ticks.total()}, {figures.missed}",
        "papers gathered": papers,
        "settled dates, analyses": f"{len(settled)}, {figures.runs['analyze']} runs",
        "specs": f"{len(checks.specs)}: {_counted(checks.statuses)}",
        "builds at once, at most": turn.most_at_once,
        "builds put off by a rate limit": agents.limits_met,
        "runs launched": f"{figures.runs.total()}: {_counted(figures.runs)}",
        "runs that failed": f"{figures.failed_runs.total()}: {_counted(figures.failed_runs)}",
        "agent phases, done twice": f"{len(agents.phases)}, {twice}",
        "runs kept": f"{runs} (at most {most_runs})",
        "run storage": f"{stored / 1e6:.1f} MB, {stored / max(runs, 1) / 1e3:.0f} kB a run",
        "seconds": f"{wall.monotonic() - began:.0f}",
    }
    with capsys.disabled():
        print("\nsoak, simulated")
        print("\n".join(f"  {name:<32} {value}" for name, value in table.items()))
    faults += [f"{runs} runs are kept"] if runs > most_runs else []
    faults += [f"{stored} bytes are kept"] if stored > runs * MOST_BYTES_A_RUN else []
    assert not faults, "\n".join(faults)
    assert len(checks.specs) == SPECS_A_DAY * len(settled)
    assert DAYS <= KEEP_DAYS + 1 or runs < figures.runs.total()
    assert checks.statuses["shipped"] > len(checks.specs) / 2
    assert agents.limits_met > 0
    reviews = [phase for phase in agents.phases if phase[1] is not Phase.REVIEW]
    assert len(reviews) == len(set(reviews))


def _wrong_ends(source: SoakSource, checks: SoakChecks) -> list[str]:
    ends = {queued.spec.name: str(queued.status) for queued in checks.specs}
    return [
        f"{name} is {status}"
        for name, status in ends.items()
        if status not in {"queued", "failed" if source.specs[name].is_refused else "shipped"}
    ]


def _last_analysis(end: datetime) -> datetime:
    return datetime.combine(end.date() - timedelta(days=1), time(6), UTC)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))


def _settings(root: Path, database: str | None) -> Settings:
    return Settings(
        _env_file=None,
        factory_registry_url=database,
        factory_mode=Mode.REPLAY,
        factory_data_dir=root / "data",
        factory_start_date=FIRST,
        factory_end_date=FIRST + timedelta(days=DAYS - 1),
        factory_ranks=8,
        factory_specs_per_day=SPECS_A_DAY,
        factory_arxiv_interval=0,
        factory_mirror_interval=0,
        # Its specs say the same: none is to wait because another is there already.
        factory_novelty_floor=0,
        factory_mirror_dir=root / "mirrored",
        factory_gather_cron="0 */6 * * *",
        factory_keep_days=KEEP_DAYS,
        build_workers=WORKERS,
    )


def _home(root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = root / "home"
    home.mkdir()
    shutil.copyfile(PROJECT_ROOT / "dagster.yaml", home / "dagster.yaml")
    settings.factory_data_dir.mkdir()
    monkeypatch.setenv("FACTORY_DATA_DIR", str(settings.factory_data_dir))
    return home
