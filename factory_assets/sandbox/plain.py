"""Running without containment: a clean environment, and a supervisor that ends every descendant."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from factory_assets.domain.agents import Command, CommandResult
from factory_assets.sandbox import supervisor
from factory_assets.sandbox.base import TIMED_OUT_EXIT_CODE, Program
from factory_assets.sandbox.capture import capture
from factory_assets.sandbox.toolchains import clean_environment, search_path


class PlainSandbox:
    """Runs programs as the factory's own user, who can read and write all that this user can.

    `reason` says why there is no containment on this machine.
    """

    def __init__(self, reason: str, *, toolchains: tuple[Path, ...]) -> None:
        self._reason = reason
        self._path = search_path(tuple(path for path in toolchains if path.exists()))

    @property
    def protections(self) -> tuple[str, ...]:
        """Nothing contains the command."""
        return ()

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not on, and why."""
        return (
            f"no containment: {self._reason}",
            "files: programs can read and write all that this user can",
            "network: not restricted",
            "processes: a supervisor ends what they started, unless they end the supervisor first",
        )

    @property
    def stop_signal(self) -> signal.Signals:
        """SIGTERM: the supervisor ends every descendant on it."""
        return signal.SIGTERM

    def which(self, program: str) -> Path | None:
        """Where a command would find `program`, or None."""
        found = shutil.which(program, path=self._path)
        return Path(found) if found else None

    def environment(self, program: Program) -> dict[str, str]:
        """The whole environment of a wrapped program, but for secrets; HOME is its home or its workspace."""
        home = program.home or program.workspace
        temporary = program.home / "tmp" if program.home else Path(tempfile.gettempdir())
        base = clean_environment(path=self._path, home=str(home), temporary=str(temporary))
        return {**base, **program.env}

    def wrap(self, program: Program, *, info_fd: int | None = None) -> list[str]:
        """The command line that starts `program` under the supervisor; there is no namespace to inform of."""
        del info_fd
        return [
            *[sys.executable, "-I", "-S", str(Path(supervisor.__file__)), str(os.getpid())],
            *program.argv,
        ]

    def run(self, command: Command) -> CommandResult:
        """Run to the end or the time-out; nothing it started is left running."""
        program = Program(command.argv, command.workspace.resolve(), env=command.env)
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="factory-home-", ignore_cleanup_errors=True) as home:
            (Path(home) / "tmp").mkdir()
            process = subprocess.Popen(
                self.wrap(program),
                env=self.environment(replace(program, home=Path(home))),
                cwd=program.workspace,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            captured = capture(process, timeout_seconds=command.timeout_seconds, stop=process.terminate)
        return CommandResult(
            exit_code=TIMED_OUT_EXIT_CODE if captured.timed_out else process.returncode,
            output=captured.output,
            timed_out=captured.timed_out,
            seconds=time.monotonic() - started,
        )
