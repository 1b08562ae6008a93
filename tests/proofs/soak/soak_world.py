"""The simulated machine: a clock, arXiv and Claude on loopback, and agents that play a script."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from arxiv_api import ArxivApi
from build_fakes import SubprocessCommands, phase_of
from soak_specs import SoakSource

from factory_assets.building.outcome import Outcome
from factory_assets.domain.agents import AgentOutcome, AgentTask, OutcomeKind
from factory_assets.domain.builds import Phase, Usage
from factory_assets.domain.specs import QueuedSpec
from factory_assets.instance import Instance
from factory_assets.instance.agents import Agents
from factory_assets.instance.builds import Builds
from factory_assets.instance.tools import Tools
from factory_assets.replay.server import ReplayServer
from factory_assets.settings import Settings

LIMITED_FOR = timedelta(hours=3)


class SimulatedClock:
    """Stands still until somebody sets it."""

    def __init__(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        assert now >= self._now, f"{now} is before {self._now}"
        self._now = now


class SoakAgents:
    """Write an honest small repo for each spec, or what a gate refuses, or are put off once by a rate limit."""

    def __init__(self, source: SoakSource, clock: SimulatedClock) -> None:
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._limited: set[str] = set()
        self._sessions: dict[str, tuple[str, Phase]] = {}
        self.limits_met = 0
        self.phases: list[tuple[str, Phase]] = []

    def run_agent(
        self, task: AgentTask, report: Callable[[str], None], meter: Callable[[Usage], None]
    ) -> AgentOutcome:
        with self._lock:
            name, phase, is_limited = self._begin(task)
        usage = Usage(calls=3, input_tokens=100, output_tokens=20, cost_usd=0.01)
        if is_limited:
            return self._outcome(task, f"{name} {phase}", OutcomeKind.RATE_LIMITED, Usage())
        meter(usage)
        if task.resume is None:
            self._source.specs[name].acts[phase](task.workspace)
            report("wrote files")
        return self._outcome(task, f"{name} {phase}", OutcomeKind.DONE, usage)

    def forget(self, workspace: Path) -> None:
        """They keep nothing on the disk."""

    def _begin(self, task: AgentTask) -> tuple[str, Phase, bool]:
        if task.resume is not None:
            return *self._sessions[task.resume], False
        found = re.search(r"^Repository: (\S+)$", task.prompt, re.MULTILINE)
        assert found is not None
        name, phase = found[1], phase_of(task)
        self._sessions[f"{name} {phase}"] = name, phase
        if self._source.specs[name].is_limited and name not in self._limited:
            self._limited.add(name)
            self.limits_met += 1
            return name, phase, True
        self.phases.append((name, phase))
        return name, phase, False

    def _outcome(self, task: AgentTask, session: str, kind: OutcomeKind, usage: Usage) -> AgentOutcome:
        is_limited = kind is OutcomeKind.RATE_LIMITED
        return AgentOutcome(
            kind=kind,
            detail="529 overloaded" if is_limited else "",
            turns=3,
            usage=usage,
            seconds=0.5,
            session_id=session,
            model=task.model,
            until=self._clock.now() + LIMITED_FOR if is_limited else None,
        )


class Turn:
    """Who may call Dagster: its set-up of a run is made for one run in a process, and builds run side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._building = 0
        self.most_at_once = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        with self._lock:
            yield

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Let another thread call Dagster for the time of a build."""
        self._building += 1
        self.most_at_once = max(self.most_at_once, self._building)
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()
            self._building -= 1


class _Tools(Tools):
    """The real tools, but for a sandbox that contains nothing."""

    def sandbox(self) -> SubprocessCommands:  # type: ignore[override]
        return SubprocessCommands()


class _Runners(Agents):
    """Runs the scripted agents."""

    scripted: SoakAgents

    def of(self, backend: str) -> SoakAgents:  # type: ignore[override]
        return self.scripted


class _BuildsInTurn:
    """The real builds, side by side while nothing calls Dagster."""

    def __init__(self, builds: Builds, turn: Turn) -> None:
        self._builds = builds
        self._turn = turn

    def build(self, queued: QueuedSpec, run_id: str, notify: Callable[[str], None]) -> Outcome:
        def tell(line: str) -> None:
            with self._turn.taken():
                notify(line)

        with self._turn.given_up():
            return self._builds.build(queued, run_id, tell)


def soak_instance(
    settings: Settings, *, server: ReplayServer, agents: SoakAgents, clock: SimulatedClock, turn: Turn
) -> Instance:
    """The real instance, by a simulated clock, before the replay server and the scripted agents."""
    made = Instance(settings, clock)
    made.replay.server = server
    made.tools = _Tools(settings, made.replay)
    made.agents = _Runners(settings, made.replay, made.secrets, made.tools, made.router)
    made.agents.scripted = agents
    made.builds = _BuildsInTurn(made.builds, turn)
    return made


class SimulatedArxiv:
    """Shows on the server what arXiv has announced by then."""

    def __init__(self, server: ReplayServer, source: SoakSource) -> None:
        self._server = server
        self._source = source
        self._shown = -1

    def turn_to(self, now: datetime) -> None:
        visible = self._source.visible(now)
        if len(visible) != self._shown:
            self._shown = len(visible)
            self._server.arxiv = ArxivApi(visible)
