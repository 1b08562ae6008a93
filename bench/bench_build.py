"""A build without its agent's time, a whole Dagster run of one, and the memory that such a run takes.

Run it alone with `python -m bench.bench_build`.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil

from bench.verdict import verdict
from factory_assets.building.outcome import Shipped
from factory_assets.cli.instance import write_env
from factory_assets.domain.agents import Command, CommandResult
from factory_assets.domain.specs import QueuedSpec, rank_key
from factory_assets.instance import Instance
from factory_assets.instance.tools import Tools
from factory_assets.sandbox import Confines, EgressRules, Program, Sandbox
from factory_assets.settings import PROJECT_ROOT, Mode, Settings

DAYS = (date(2026, 6, 17), date(2026, 6, 18))
RANKS, SPECS_A_DAY = 4, 3
TIMED_RUNS = 3
SAMPLE_SECONDS = 0.1
TARGET = 2.0
_MIB = 2**20


@dataclass(frozen=True)
class _Build:
    """One build in this process; all times in seconds."""

    name: str
    whole: float
    agent: float
    commands: float

    @property
    def beyond_agent(self) -> float:
        return self.whole - self.agent

    @property
    def of_factory(self) -> float:
        return self.beyond_agent - self.commands


@dataclass(frozen=True)
class _Run:
    """One Dagster run as a process of its own; `agent` is 0 where there was nothing to build."""

    name: str
    whole: float
    agent: float = 0.0


@dataclass(frozen=True)
class _Memory:
    """Peaks in MiB: of the factory's process, of all that it started, and of both at one moment."""

    factory: float
    started: float
    together: float


class _TimedSandbox:
    """A sandbox that adds up how long commands take; agents are started by `wrap` and not counted."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.seconds = 0.0

    @property
    def protections(self) -> tuple[str, ...]:
        return self._sandbox.protections

    @property
    def missing(self) -> tuple[str, ...]:
        return self._sandbox.missing

    @property
    def stop_signal(self) -> signal.Signals:
        return self._sandbox.stop_signal

    def which(self, program: str) -> Path | None:
        return self._sandbox.which(program)

    def confine(self, rules: EgressRules | None) -> AbstractContextManager[Confines]:
        return self._sandbox.confine(rules)

    def run(self, command: Command) -> CommandResult:
        started = time.monotonic()
        try:
            return self._sandbox.run(command)
        finally:
            self.seconds += time.monotonic() - started

    def environment(self, program: Program) -> dict[str, str]:
        return self._sandbox.environment(program)

    def wrap(self, program: Program, *, info_fd: int | None = None) -> list[str]:
        return self._sandbox.wrap(program, info_fd=info_fd)


class _TimedTools(Tools):
    """The real tools, with a sandbox that counts."""

    timed: _TimedSandbox | None = None

    def sandbox(self) -> Sandbox:
        if self.timed is None:
            self.timed = _TimedSandbox(super().sandbox())
        return self.timed

    @property
    def command_seconds(self) -> float:
        """What commands took so far."""
        return 0.0 if self.timed is None else self.timed.seconds


@dataclass(frozen=True)
class BuildInstance:
    """A replay instance in a folder that goes away, its demo specs queued."""

    home: Path
    parts: Instance
    tools: _TimedTools

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[BuildInstance]:
        """Make one, its specs queued."""
        with tempfile.TemporaryDirectory(prefix="factory-bench-") as folder:
            home = Path(folder)
            write_env(home, _settings_of(home))
            shutil.copyfile(PROJECT_ROOT / "dagster.yaml", home / "dagster.yaml")
            parts = Instance(Settings(_env_file=home / ".env"))
            parts.tools = tools = _TimedTools(parts.settings, parts.replay)
            parts.gathering.gather(DAYS, _unheard, lambda _part: None)
            for day in DAYS:
                parts.analysis.analyze(day, _unheard)
            yield cls(home, parts, tools)

    @property
    def specs(self) -> list[QueuedSpec]:
        """Those of the demo."""
        return self.parts.registry.queue.specs()

    def build(self, queued: QueuedSpec) -> _Build | None:
        """Build in this process; None where a gate refuses, as one of the demo's specs is recorded to end."""
        before = self.tools.command_seconds
        started = time.monotonic()
        outcome = self.parts.builds.build(queued, "bench", _unheard)
        if not isinstance(outcome, Shipped):
            return None
        whole = time.monotonic() - started
        commands = self.tools.command_seconds - before
        return _Build(queued.spec.name, whole=whole, agent=outcome.report.agent_seconds, commands=commands)

    def start(self, day: date, rank: int) -> subprocess.Popen[bytes]:
        """Start the Dagster run of one partition."""
        kept = {
            name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields
        }
        program = [
            sys.executable,
            "-m",
            "dagster",
            "asset",
            "materialize",
            "-m",
            "factory_assets.definitions",
        ]
        return subprocess.Popen(
            [*program, "--select", "built_repos", "--partition", f"{day}|{rank_key(rank)}"],
            cwd=self.home,
            env={**kept, **_settings_of(self.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def run(self, queued: QueuedSpec) -> _Run:
        """The Dagster run of one spec."""
        started = time.monotonic()
        process = self.start(*_place(queued))
        _check(process.wait(), queued.spec.name)
        whole = time.monotonic() - started
        phases = self.parts.registry.builds.phases_of(queued.id, attempt=1)
        return _Run(queued.spec.name, whole=whole, agent=sum(phase.seconds for phase in phases))

    def run_empty(self) -> _Run:
        """The Dagster run of a rank without a spec: what a run costs by itself."""
        started = time.monotonic()
        _check(self.start(DAYS[0], RANKS).wait(), "empty")
        return _Run("(a rank without a spec)", whole=time.monotonic() - started)

    def memory(self, queued: QueuedSpec) -> _Memory:
        """The peaks of the Dagster run of one spec."""
        process = self.start(*_place(queued))
        root = psutil.Process(process.pid)
        samples = [(0, 0)]
        while process.poll() is None:
            own, *others = [_shared_out(one) for one in (root, *_descendants(root))]
            samples.append((own, sum(others)))
            time.sleep(SAMPLE_SECONDS)
        _check(process.returncode, queued.spec.name)
        return _Memory(
            factory=max(own for own, _ in samples) / _MIB,
            started=max(others for _, others in samples) / _MIB,
            together=max(own + others for own, others in samples) / _MIB,
        )


def run() -> str:
    """Measure, and return the section for RESULTS.md."""
    with BuildInstance.open() as instance:
        builds = [build for queued in instance.specs if (build := instance.build(queued))]
    shipped = {build.name for build in builds}
    with BuildInstance.open() as instance:
        specs = [queued for queued in instance.specs if queued.spec.name in shipped]
        empty = instance.run_empty()
        runs = [instance.run(queued) for queued in specs[:TIMED_RUNS]]
        peaks = [instance.memory(queued) for queued in specs[TIMED_RUNS:]]
    return "\n".join([*_builds_text(builds), "", *_runs_text(empty, runs), "", *_memory_text(peaks), ""])


def _builds_text(builds: Sequence[_Build]) -> Iterator[str]:
    yield "## Build"
    yield ""
    yield (
        "The demo's repos that ship, each built from queued to shipped in this process by the real Claude Code against"
        " the replay server. *Agent* is the wall time of the three phases' agents, the start of Claude Code in its"
        " sandbox included. *Commands* is what the factory runs in the sandbox itself: the check of the language's"
        " tools, and in the last gates the repo's build, its tests (as they are, with one that fails, with faults put"
        " into the sources) and the commands that its documents name. The rest is the factory: scaffold, prompts, git,"
        " gates, registry, and of the scanner for secrets what no command runs beside."
    )
    yield ""
    yield "| repo | whole build | agent | without the agent | of it commands | of it the factory |"
    yield "|:--|--:|--:|--:|--:|--:|"
    for build in builds:
        yield (
            f"| {build.name} | {build.whole:.2f} s | {build.agent:.2f} s | {build.beyond_agent:.2f} s"
            f" | {build.commands:.2f} s | {build.of_factory:.2f} s |"
        )
    beyond = [build.beyond_agent for build in builds]
    own = [build.of_factory for build in builds]
    median = statistics.median(own)
    yield ""
    yield f"Without the agent: median {statistics.median(beyond):.2f} s, most {max(beyond):.2f} s."
    yield f"Of it the factory: median {median:.2f} s, most {max(own):.2f} s."
    yield ""
    yield verdict(
        f"the factory beyond the agent and the repo's own commands under {TARGET:g} s, by the median",
        () if median < TARGET else (f"{median - TARGET:.2f} s",),
    )


def _runs_text(empty: _Run, runs: Sequence[_Run]) -> Iterator[str]:
    yield "### The whole Dagster run"
    yield ""
    yield (
        "`dagster asset materialize --select built_repos --partition …` as a process of its own, from its launch to"
        " its end: the start of Python, the import of Dagster and of the definitions, the run with its events in"
        " SQLite, and the build. The daemon launches the same work from a code server; the wait for its next tick is"
        " not in it. The first line is a run that finds nothing to build."
    )
    yield ""
    yield "| run | launch to end | agent | without the agent | beyond the empty run |"
    yield "|:--|--:|--:|--:|--:|"
    for one in (empty, *runs):
        rest = one.whole - one.agent
        yield (
            f"| {one.name} | {one.whole:.2f} s | {one.agent:.2f} s | {rest:.2f} s | {rest - empty.whole:.2f} s |"
        )


def _memory_text(peaks: Sequence[_Memory]) -> Iterator[str]:
    yield "### Memory of a build run"
    yield ""
    yield (
        f"The highest of {len(peaks)} such runs, sampled every {SAMPLE_SECONDS:g} s: proportional set size (what"
        " processes share is counted once) of the run's process, and of everything it started. The replay server is a"
        " thread of the run's process here; in a live instance it is not."
    )
    yield ""
    yield "| the factory's process | Claude Code and what it runs | both at one moment |"
    yield "|--:|--:|--:|"
    yield (
        f"| {max(peak.factory for peak in peaks):.0f} MiB | {max(peak.started for peak in peaks):.0f} MiB"
        f" | {max(peak.together for peak in peaks):.0f} MiB |"
    )


def _settings_of(home: Path) -> dict[str, str]:
    return {
        "DAGSTER_HOME": str(home),
        "FACTORY_MODE": Mode.REPLAY,
        "FACTORY_DATA_DIR": str(home / "data"),
        "FACTORY_START_DATE": DAYS[0].isoformat(),
        "FACTORY_END_DATE": DAYS[-1].isoformat(),
        "FACTORY_RANKS": str(RANKS),
        "FACTORY_SPECS_PER_DAY": str(SPECS_A_DAY),
        "FACTORY_ARXIV_INTERVAL": "0",
        "FACTORY_MIRROR_INTERVAL": "0",
        "FACTORY_MIRROR_DIR": str(home / "mirrored"),
    }


def _place(queued: QueuedSpec) -> tuple[date, int]:
    if queued.day is None or queued.rank is None:
        raise RuntimeError(f"{queued.spec.name} has no rank, so it is no partition.")
    return queued.day, queued.rank


def _check(exit_code: int, name: str) -> None:
    if exit_code != 0:
        raise RuntimeError(f"The run of {name} ended with {exit_code}.")


def _descendants(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _shared_out(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _unheard(line: str) -> None:
    """Nobody listens to a measurement."""


if __name__ == "__main__":
    print(run())
