"""Hand-written stand-ins for what a build works with: agent and commands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from factory_assets.domain.agents import AgentOutcome, AgentTask, Command, CommandResult, OutcomeKind
from factory_assets.domain.builds import Phase, Usage
from factory_assets.domain.refusals import Refusal
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
        # No two are alike: the ledger takes what is equal in everything, its moment too, for one line.
        usage = Usage(calls=3, input_tokens=99 + len(self.tasks), output_tokens=20, cost_usd=self._cost_usd)
        meter(usage)
        named = next(t for t in reversed(self.tasks) if "\nPhase: " in t.prompt)
        kind = self.acts[phase_of(named)](task.workspace) or OutcomeKind.DONE
        report("wrote files")
        return AgentOutcome(
            kind=kind,
            detail=self.refusal.words
            if self.refusal
            else ("" if kind is OutcomeKind.DONE else "as the test wanted"),
            turns=3,
            usage=usage,
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


class NoRules:
    """A rule-based scanner that knows no rule: only the factory's own secrets are found then."""

    def find(self, files: Mapping[str, bytes]) -> list[RuleFind]:
        return []
