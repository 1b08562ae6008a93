"""Containment by bubblewrap: own PID, network, IPC and mount namespaces around every untrusted program."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

from factory_assets.domain.agents import Command, CommandResult
from factory_assets.domain.errors import MissingToolError
from factory_assets.sandbox.base import TIMED_OUT_EXIT_CODE, Program
from factory_assets.sandbox.capture import capture
from factory_assets.sandbox.mounts import HOME, View, mount_arguments
from factory_assets.sandbox.namespace import ProcessWatch, first_process, read_info
from factory_assets.sandbox.toolchains import clean_environment, python_prefixes, search_path


class BubblewrapSandbox:
    """Runs programs in namespaces of their own; only their workspace can be written.

    The sandbox dies with the thread that started it, so start programs from a thread that outlives them.
    """

    def __init__(self, bwrap: Path, *, toolchains: tuple[Path, ...], hidden: tuple[Path, ...]) -> None:
        self._bwrap = bwrap
        self._toolchains = tuple(path for path in toolchains if path.exists())
        self._hidden = hidden
        self._path = search_path(self._toolchains)

    @property
    def protections(self) -> tuple[str, ...]:
        """What is on."""
        return (
            "processes: a PID namespace of its own; all of it ends with the command, its time or the worker",
            "files: only the workspace can be written; the clone, the registry and the homes do not exist",
            "network: none for commands; the host's for agents",
            "environment: clean; no capabilities; no terminal",
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not on."""
        return ("limits on memory, processes and disk", "a filter on the network of agents")

    @property
    def stop_signal(self) -> signal.Signals:
        """SIGKILL: the namespace dies with bubblewrap."""
        return signal.SIGKILL

    def which(self, program: str) -> Path | None:
        """Where a command would find `program`, or None."""
        found = shutil.which(program, path=self._path)
        return Path(found) if found else None

    def environment(self, program: Program) -> dict[str, str]:
        """The whole environment of a wrapped program, but for secrets."""
        base = clean_environment(path=self._path, home=str(HOME), temporary="/tmp")  # noqa: S108 - its own /tmp
        return {**base, **program.env}

    def wrap(self, program: Program, *, info_fd: int | None = None) -> list[str]:
        """The command line that starts `program` contained."""
        view = View(
            readable=(*python_prefixes(), *self._toolchains, *program.readable),
            writable=(program.workspace, *program.writable),
            hidden=self._hidden,
            home=program.home,
        )
        return [
            str(self._bwrap),
            *["--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-uts"],
            *["--unshare-cgroup-try", "--cap-drop", "ALL"],
            *([] if program.network else ["--unshare-net"]),
            *([] if info_fd is None else ["--info-fd", str(info_fd)]),
            *mount_arguments(view),
            *["--chdir", str(program.workspace), "--", *program.argv],
        ]

    def run(self, command: Command) -> CommandResult:
        """Run to the end or the time-out; nothing it started is left running."""
        workspace = command.workspace.resolve()
        program = Program(command.argv, workspace, network=command.network, env=command.env)
        started = time.monotonic()
        info_reader, info_writer = os.pipe()
        try:
            process = self._start(program, info_writer)
        except BaseException:
            os.close(info_reader)
            raise
        finally:
            os.close(info_writer)
        try:
            watch = ProcessWatch(first_process(read_info(info_reader)))
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(info_reader)
        try:
            captured = capture(process, timeout_seconds=command.timeout_seconds, stop=process.kill)
        finally:
            watch.wait()
        return CommandResult(
            exit_code=TIMED_OUT_EXIT_CODE if captured.timed_out else process.returncode,
            output=captured.output,
            timed_out=captured.timed_out,
            seconds=time.monotonic() - started,
        )

    def _start(self, program: Program, info_fd: int) -> subprocess.Popen[bytes]:
        # A shell starts the program, so that a name that is not found gives 127 and not bubblewrap's 1.
        shown = replace(program, argv=("/bin/sh", "-c", 'exec "$@"', "sh", *program.argv))
        try:
            return subprocess.Popen(
                self.wrap(shown, info_fd=info_fd),
                env=self.environment(program),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(info_fd,),
                start_new_session=True,
            )
        except OSError as error:
            raise MissingToolError(
                f"bubblewrap does not start: {error}.",
                where=str(self._bwrap),
                mend="Install bubblewrap again.",
            ) from error
