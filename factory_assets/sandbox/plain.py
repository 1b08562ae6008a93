"""Running without containment: a clean environment, and a supervisor that ends every descendant."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from factory_assets.domain.agents import Command, CommandResult
from factory_assets.sandbox import supervisor
from factory_assets.sandbox.bare_python import bare_python
from factory_assets.sandbox.base import Confines, Program
from factory_assets.sandbox.capture import capture
from factory_assets.sandbox.egress import EgressRules
from factory_assets.sandbox.limits import ResourceLimits, limited
from factory_assets.sandbox.results import result_of, rules_of
from factory_assets.sandbox.toolchains import clean_environment, search_path
from factory_assets.sandbox.watch import watched
from factory_assets.sandbox.watchdog import Watchdog


class PlainSandbox:
    """Runs programs as the factory's own user, who can read and write all that this user can.

    `reason` says why there is no containment on this machine.
    """

    def __init__(self, reason: str, *, toolchains: tuple[Path, ...], limits: ResourceLimits) -> None:
        self._reason = reason
        self._limits = limits
        self._path = search_path(bare_python(), tuple(path for path in toolchains if path.exists()))

    @property
    def protections(self) -> tuple[str, ...]:
        """Nothing contains the command."""
        return ()

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not on, and why."""
        return (
            f"no containment: {self._reason}",
            "files: programs can read and write all that this user can, the credentials' files too",
            "network: not restricted, not watched; a proxy puts the credential in, but nothing makes programs use it",
            "processes: a supervisor ends what they started, unless they end the supervisor first",
            f"limits, by a watchdog in the same way: {self._limits.in_words()}",
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
        egress = program.confines.egress
        return {**base, **(egress.environment if egress else {}), **program.env_around}

    @contextmanager
    def confine(self, rules: EgressRules | None) -> Iterator[Confines]:
        """The confines of one program: its egress proxy is a port of the host's loopback."""
        with ExitStack() as held:
            egress = None
            if rules is not None:
                from factory_assets.sandbox.proxy_thread import open_local_egress  # noqa: PLC0415  heavy

                egress = held.enter_context(open_local_egress(rules))
            yield Confines(self._limits, egress)

    def wrap(self, program: Program, *, info_fd: int | None = None) -> list[str]:
        """The command line that starts `program` under the supervisor; there is no namespace to inform of."""
        del info_fd
        return [
            *[sys.executable, "-I", "-S", str(Path(supervisor.__file__)), str(os.getpid())],
            *limited(program.started, program.confines.limits),
        ]

    def run(self, command: Command) -> CommandResult:
        """Run to the end or the time-out; nothing it started is left running."""
        workspace = command.workspace.resolve()
        started = time.monotonic()
        with self.confine(rules_of(command)) as confines, watched() as watch:
            home = watch.home
            (home / "tmp").mkdir()
            program = Program(command.argv, workspace, confines, env=command.env)
            process = subprocess.Popen(
                self.wrap(program),
                env=self.environment(replace(program, home=home)),
                cwd=workspace,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            folders = (workspace, home)
            watchdog = Watchdog(confines.limits, folders, lambda: process.pid, process.terminate)
            with watchdog:
                captured = capture(process, timeout_seconds=command.timeout_seconds, stop=process.terminate)
            watch.unwatched.append("the network of a command that nothing contains")
            seconds = time.monotonic() - started
            return result_of(process, captured, watchdog, confines, seconds=seconds, watch=watch)
