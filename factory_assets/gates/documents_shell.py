"""The shell in which documented commands are run: in a clone, with the repo's commands as if they were installed."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from pathlib import Path

from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.domain.text import strip_hidden, tail
from factory_assets.gates.environment import program_environment
from factory_assets.languages.entry_points import EntryPrograms

SECONDS_EACH = 30.0
SECONDS_ALL = 90.0


class Shell:
    """Runs scripts until the time is used up."""

    def __init__(
        self,
        clone: Path,
        programs: EntryPrograms,
        commands: CommandRunner,
        seconds: float,
        env: Mapping[str, str],
    ) -> None:
        self._clone = clone
        self._commands = commands
        self._ends = time.monotonic() + min(seconds, SECONDS_ALL)
        self._env = program_environment(clone, programs.entries, programs.tree, env)
        shims = {name: shlex.join(argv) for name, argv in programs.commands.items()}
        shims |= {"python": "python3", "npx": ""}
        # Bash reads functions from variables of this form: see "Functions" in its manual.
        self._env |= {f"BASH_FUNC_{name}%%": f'() {{ {start} "$@"; }}' for name, start in shims.items()}

    def run(self, script: str, seconds: float = SECONDS_EACH) -> CommandResult | None:
        """The result; None where there was no time for it, or it passed a limit."""
        left = min(seconds, self._ends - time.monotonic())
        if left <= 1:
            return None
        command = Command(
            argv=("bash", "-c", script), workspace=self._clone, timeout_seconds=left, env=self._env
        )
        result = self._commands.run(command)
        return None if result.timed_out or result.stopped else result


def evidence(result: CommandResult) -> str:
    """The end of what a command printed, safe to be shown."""
    return strip_hidden(tail(result.output, lines=12, chars=1500))
