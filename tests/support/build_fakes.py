"""Hand-written stand-ins for what a build works with: agent, commands, journal and ledger."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from factory_assets.domain.acceptance import Acceptance, ScenarioResult
from factory_assets.domain.agents import AgentOutcome, AgentTask, Command, CommandResult, OutcomeKind
from factory_assets.domain.builds import (
    BuildStatus,
    GateVerdict,
    ModelCall,
    Phase,
    PhaseRecord,
    Reservation,
    ShippedRepo,
    Spending,
    Usage,
    WaitCause,
    check_transition,
)
from factory_assets.domain.errors import BudgetError, StatusError
from factory_assets.domain.readings import Reading
from factory_assets.domain.refusals import Refusal
from factory_assets.domain.specs import QueuedSpec
from factory_assets.secret_scan.rules import RuleFind

Act = Callable[[Path], OutcomeKind | None]


class ScriptedAgent:
    """Does in each phase what the test says: writes files and names the outcome (done if it names none)."""

    def __init__(self, acts: Mapping[Phase, Act], *, cost_usd: float = 0.01) -> None:
        self.acts = dict(acts)
        self.tasks: list[AgentTask] = []
        self.forgotten: list[Path] = []
        self.until: datetime | None = None
        self.refusal: Refusal | None = None
        self._cost_usd = cost_usd

    @property
    def phases(self) -> list[Phase]:
        return [phase_of(task) for task in self.tasks if task.resume is None]

    def run_agent(
        self, task: AgentTask, report: Callable[[str], None], meter: Callable[[Usage], None]
    ) -> AgentOutcome:
        self.tasks.append(task)
        meter(Usage(calls=3, input_tokens=100, output_tokens=20, cost_usd=self._cost_usd))
        named = next(t for t in reversed(self.tasks) if "\nPhase: " in t.prompt)
        kind = self.acts[phase_of(named)](task.workspace) or OutcomeKind.DONE
        report("wrote files")
        return AgentOutcome(
            kind=kind,
            detail=self.refusal.words
            if self.refusal
            else ("" if kind is OutcomeKind.DONE else "as the test wanted"),
            turns=3,
            usage=Usage(calls=3, input_tokens=100, output_tokens=20, cost_usd=self._cost_usd),
            seconds=0.5,
            session_id="session-1",
            model=task.model,
            until=self.until,
            refusal=self.refusal,
        )

    def forget(self, workspace: Path) -> None:
        self.forgotten.append(workspace)


def phase_of(task: AgentTask) -> Phase:
    match = re.search(r"^Phase: (\w+)$", task.prompt, re.MULTILINE)
    assert match is not None
    return Phase(match[1])


class SubprocessCommands:
    """Runs commands for real, contained by nothing, with this environment's Python first in PATH."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    @property
    def protections(self) -> tuple[str, ...]:
        return ("test process",)

    def run(self, command: Command) -> CommandResult:
        self.commands.append(command)
        started = time.monotonic()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {"PATH": path, "HOME": os.environ.get("HOME", "/"), **command.env}
        process = subprocess.Popen(
            command.argv,
            cwd=command.workspace,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            raw, _ = process.communicate(timeout=command.timeout_seconds)
            exit_code, timed_out = process.returncode, False
        except subprocess.TimeoutExpired:
            # With its children: a mutated loop in a subshell would run on for ever.
            os.killpg(process.pid, signal.SIGKILL)
            raw, _ = process.communicate()
            exit_code, timed_out = -9, True
        return CommandResult(
            exit_code,
            raw.decode(errors="replace"),
            timed_out=timed_out,
            seconds=time.monotonic() - started,
        )


class MemoryJournal:
    """Keeps one spec's rows in memory, by the same rules as the registry."""

    def __init__(self, queued: QueuedSpec) -> None:
        self.queued = queued
        self.records: dict[tuple[int, Phase], PhaseRecord] = {}
        self.verdicts: dict[tuple[int, str], GateVerdict] = {}
        self.statuses: list[BuildStatus] = [queued.status]
        self.readings: dict[tuple[str, str], Reading] = {}
        self.acceptance: Acceptance | None = None
        self.results: dict[tuple[str, Phase], tuple[ScenarioResult, ...]] = {}
        self.repo: ShippedRepo | None = None

    def start(self, spec_id: int, *, run_id: str, now: datetime) -> QueuedSpec:
        if self.queued.status is BuildStatus.SHIPPED:
            raise StatusError("It is shipped.", where=self.queued.spec.name)
        fresh = self.queued.status in {BuildStatus.QUEUED, BuildStatus.FAILED}
        self._set(BuildStatus.BUILDING, attempts=self.queued.attempts + fresh, started_at=now, run_id=run_id)
        return self.queued

    def enter_phase(self, spec_id: int, phase: Phase) -> None:
        self._set(phase.status)

    def finish_phase(self, spec_id: int, attempt: int, record: PhaseRecord) -> None:
        self.records[attempt, record.phase] = record

    def phases_of(self, spec_id: int, attempt: int) -> list[PhaseRecord]:
        return [self.records[attempt, phase] for phase in Phase if (attempt, phase) in self.records]

    def record_verdict(self, spec_id: int, attempt: int, verdict: GateVerdict, *, now: datetime) -> None:
        self.verdicts[attempt, verdict.gate] = verdict

    def record_reading(
        self, spec_id: int, attempt: int, *, commit: str, asked_as: str, reading: Reading, now: datetime
    ) -> None:
        self.readings[commit, asked_as] = reading

    def reading_of(self, spec_id: int, *, commit: str, asked_as: str) -> Reading | None:
        return self.readings.get((commit, asked_as))

    def record_acceptance(self, spec_id: int, acceptance: Acceptance, *, now: datetime) -> None:
        self.acceptance = acceptance

    def acceptance_of(self, spec_id: int) -> Acceptance | None:
        return self.acceptance

    def record_results(
        self,
        spec_id: int,
        attempt: int,
        *,
        commit: str,
        phase: Phase,
        results: Sequence[ScenarioResult],
        now: datetime,
    ) -> None:
        self.results[commit, phase] = tuple(results)

    def ship(self, spec_id: int, repo: ShippedRepo) -> None:
        self._set(BuildStatus.SHIPPED, shipped_at=repo.shipped_at)
        self.repo = repo

    def fail(self, spec_id: int, error_log: str) -> None:
        self._set(BuildStatus.FAILED, error_log=error_log)

    def defer(
        self,
        spec_id: int,
        *,
        cause: WaitCause,
        until: datetime | None,
        reason: str,
        limit_usd: float | None = None,
    ) -> None:
        claimed = self.queued.status is not BuildStatus.QUEUED
        self.queued = self.queued.model_copy(
            update={
                "attempts": self.queued.attempts - claimed,
                "not_before": until,
                "error_log": reason,
                "wait_cause": cause,
                "wait_limit_usd": limit_usd,
                "waits": self.queued.waits + (cause is WaitCause.INFRASTRUCTURE),
            }
        )
        if claimed:
            self._set(BuildStatus.QUEUED)

    def _set(self, status: BuildStatus, **changes: object) -> None:
        check_transition(self.queued.spec.name, self.queued.status, status)
        if self.statuses[-1] is not status:
            self.statuses.append(status)
        self.queued = self.queued.model_copy(update={"status": status, **changes})


class MemoryLedger:
    """Keeps the lines of the ledger, and what is reserved; every line is of the attempt at hand."""

    def __init__(self) -> None:
        self.calls: list[ModelCall] = []
        self.reserved: dict[str, Reservation] = {}
        self.metered: list[float] = []
        self.has_refused_another = False

    def record(self, call: ModelCall) -> None:
        self.calls.append(call)

    def reserve(self, reservation: Reservation, *, day_budget_usd: float) -> None:
        taken = sum(call.usage.cost_usd for call in self.calls)
        if taken + reservation.dollars > day_budget_usd:
            raise BudgetError("no room today", where=reservation.repo, limit_usd=day_budget_usd)
        self.reserved[reservation.id] = reservation

    def meter(self, reservation_id: str, usage: Usage) -> None:
        assert reservation_id in self.reserved
        self.metered.append(usage.cost_usd)

    def settle(self, reservation_id: str, call: ModelCall) -> None:
        self.record(call)
        self.reserved.pop(reservation_id)

    def refused_another(self, repo: str, phase: Phase) -> bool:
        return self.has_refused_another

    def spending(self, spec_id: int, attempt: int) -> Spending:
        phases = {call.phase for call in self.calls if call.phase is not None}
        return Spending(
            repo_usd=sum(call.usage.cost_usd for call in self.calls),
            phase_usd={
                phase: sum(call.usage.cost_usd for call in self.calls if call.phase is phase)
                for phase in phases
            },
            seconds=sum(call.seconds for call in self.calls),
        )


class NoRules:
    """A rule-based scanner that knows no rule: only the factory's own secrets are found then."""

    def find(self, files: Mapping[str, bytes]) -> list[RuleFind]:
        return []
