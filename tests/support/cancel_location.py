"""A code location whose agents follow a script in the real sandbox, and sleep in a phase that the test names.

AGENT_SCRIPT_FOLDER is a folder of the test: while `sleep-PHASE` lies there, the agent of that phase starts programs
that sleep for AGENT_SLEEP_SECONDS, one in a session of its own. The agent of a repo named `idle-…` does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from build_fakes import phase_of
from build_material import good_acts

from factory_assets.build_defs import build_defs
from factory_assets.domain.agents import AgentOutcome, AgentTask, Command, CommandRunner, OutcomeKind
from factory_assets.domain.builds import Usage
from factory_assets.domain.specs import Language
from factory_assets.instance import Instance
from factory_assets.instance.agents import Agents
from factory_assets.settings import load_settings

_USAGE = Usage(calls=3, input_tokens=100, output_tokens=20, cost_usd=0.25)


class SleepyAgent:
    """Writes what the phase needs, and is told when to sleep."""

    def __init__(self, commands: CommandRunner) -> None:
        self._commands = commands
        self._script = Path(os.environ["AGENT_SCRIPT_FOLDER"])

    def run_agent(
        self, task: AgentTask, report: Callable[[str], None], meter: Callable[[Usage], None]
    ) -> AgentOutcome:
        phase = phase_of(task)
        meter(_USAGE)
        if not task.workspace.parent.name.startswith("idle-"):
            good_acts(Language.BASH)[phase](task.workspace)
        if (self._script / f"sleep-{phase}").exists():
            sleep = f"sleep {os.environ['AGENT_SLEEP_SECONDS']}"
            argv = ("sh", "-c", f"setsid {sleep} & {sleep} & {sleep}")
            self._commands.run(Command(argv=argv, workspace=task.workspace, timeout_seconds=300.0))
        return AgentOutcome(OutcomeKind.DONE, "", 3, _USAGE, 0.5, None, task.model)

    def forget(self, workspace: Path) -> None:
        """Nothing is kept."""


class SleepyAgents(Agents):
    """Runs the scripted one."""

    def of(self, backend: str) -> SleepyAgent:  # type: ignore[override]
        return SleepyAgent(self._tools.sandbox())


_parts = Instance(load_settings())
_parts.agents = SleepyAgents(_parts.settings, _parts.replay, _parts.secrets, _parts.tools, _parts.router)
defs = build_defs(_parts.settings, {"instance": _parts})
