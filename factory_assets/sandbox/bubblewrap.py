"""Containment by bubblewrap: own PID, network, IPC and mount namespaces around every untrusted program."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from factory_assets.domain.agents import Command, CommandResult
from factory_assets.domain.errors import MissingToolError
from factory_assets.sandbox import relay, supervisor
from factory_assets.sandbox.bare_python import SHOWN, bare_python
from factory_assets.sandbox.base import Confines, Program
from factory_assets.sandbox.capture import capture
from factory_assets.sandbox.egress import EgressRules
from factory_assets.sandbox.groups import ControlGroup, find_group_parent
from factory_assets.sandbox.limits import ResourceLimits, limited
from factory_assets.sandbox.mounts import HOME, View, mount_arguments
from factory_assets.sandbox.namespace import ProcessWatch, first_process, read_info
from factory_assets.sandbox.results import result_of, rules_of
from factory_assets.sandbox.toolchains import clean_environment, python_prefixes, search_path
from factory_assets.sandbox.watch import Watch, watched
from factory_assets.sandbox.watchdog import Watchdog

_RELAY = Path("/run/factory/relay.py")
_SOCKET = Path("/run/factory/proxy")


class BubblewrapSandbox:
    """Runs programs in namespaces of their own; only their workspace can be written.

    The sandbox dies with the thread that started it, so start programs from a thread that outlives them.
    """

    def __init__(
        self,
        bwrap: Path,
        *,
        toolchains: tuple[Path, ...],
        hidden: tuple[Path, ...],
        limits: ResourceLimits,
    ) -> None:
        self._bwrap = bwrap
        self._toolchains = tuple(path for path in toolchains if path.exists())
        self._hidden = hidden
        self._python = bare_python()
        self._limits = limits
        self._group_parent = find_group_parent()

    @property
    def protections(self) -> tuple[str, ...]:
        """What is on."""
        by = "the kernel and a watchdog" if self._group_parent else "a watchdog"
        return (
            "processes: a PID namespace of its own; all of it ends with the command, its time or the worker",
            "files: only the workspace can be written; the clone, the registry and the homes do not exist",
            "Python: with pytest and pip alone, not the factory's own environment",
            "network: none, but for a proxy to the package registries and, for agents, the model API",
            "harm: what gates run has a home with planted files, and every attempt to leave loopback is seen",
            "credentials: a token of the router inside; the router puts the real one in",
            f"limits, by {by}: {self._limits.in_words()}",
            "environment: clean; no capabilities; no terminal",
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not on."""
        if self._group_parent:
            return ()
        return ("limits enforced by the kernel: no control group (cgroup v2) is delegated to this user",)

    @property
    def stop_signal(self) -> signal.Signals:
        """SIGTERM: the supervisor around bubblewrap ends all of it."""
        return signal.SIGTERM

    def which(self, program: str) -> Path | None:
        """Where a command would find `program`, or None."""
        found = shutil.which(program, path=search_path(self._python, self._toolchains))
        return Path(found) if found else None

    def environment(self, program: Program) -> dict[str, str]:
        """The whole environment of a wrapped program, but for secrets."""
        path = search_path(SHOWN, self._toolchains)
        base = clean_environment(path=path, home=str(HOME), temporary="/tmp")  # noqa: S108 - its own /tmp
        egress = program.confines.egress
        return {**base, **(egress.environment if egress else {}), **program.env_around}

    @contextmanager
    def confine(self, rules: EgressRules | None) -> Iterator[Confines]:
        """The confines of one program, with an egress proxy where there are rules for one."""
        with ExitStack() as held:
            egress = None
            if rules is not None:
                from factory_assets.sandbox.proxy_thread import open_egress  # noqa: PLC0415  heavy

                egress = held.enter_context(open_egress(rules))
            group = ControlGroup.create(self._group_parent, self._limits) if self._group_parent else None
            if group is not None:
                held.callback(group.remove)
            yield Confines(self._limits, egress, group)

    def wrap(self, program: Program, *, info_fd: int | None = None, block_fd: int | None = None) -> list[str]:
        """The command line that starts `program` contained; with `block_fd`, when a byte can be read there.

        Bubblewrap ties itself to its parent only some milliseconds after its start, and its child later still: a
        worker that is killed in between would leave both running. The supervisor is tied before it starts them.
        """
        egress, group = program.confines.egress, program.confines.group
        relayed = (
            ((Path(relay.__file__), _RELAY), (egress.socket, _SOCKET)) if egress and egress.socket else ()
        )
        view = View(
            readable=(*python_prefixes(), *self._toolchains, *program.readable),
            writable=(program.workspace, *program.writable),
            hidden=self._hidden,
            home=program.home,
            homes=program.homes,
            placed=((self._python, SHOWN), *relayed),
        )
        python = str(SHOWN / "bin" / "python3")
        through = [python, "-I", "-S", str(_RELAY), str(egress.port), str(_SOCKET)] if egress else []
        argv = [
            str(self._bwrap),
            *["--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc"],
            *["--unshare-uts", "--hostname", "localhost"],
            *["--unshare-net", "--unshare-cgroup-try", "--cap-drop", "ALL"],
            *([] if info_fd is None else ["--info-fd", str(info_fd)]),
            *([] if block_fd is None else ["--block-fd", str(block_fd)]),
            *mount_arguments(view),
            *["--chdir", str(program.workspace), "--"],
            *limited((*through, *program.started), program.confines.limits),
        ]
        supervised = [sys.executable, "-I", "-S", str(Path(supervisor.__file__)), str(os.getpid())]
        return [*supervised, *(group.entered(argv) if group else argv)]

    def run(self, command: Command) -> CommandResult:
        """Run to the end or the time-out; nothing it started is left running. Without reach it is watched."""
        workspace = command.workspace.resolve()
        started = time.monotonic()
        with ExitStack() as held:
            confines = held.enter_context(self.confine(rules_of(command)))
            watch = held.enter_context(watched()) if command.reach is None else None
            homes = watch.home.parent if watch else None
            program = Program(
                command.argv,
                workspace,
                confines,
                homes=homes,
                readable=tuple(folder.resolve() for folder in command.readable),
                env=command.env,
            )
            process, end = self._start(program, watch)
            folders = (workspace, homes) if homes else (workspace,)
            watchdog = Watchdog(
                confines.limits, folders, lambda: process.pid, process.terminate, confines.group
            )
            try:
                with watchdog:
                    captured = capture(
                        process, timeout_seconds=command.timeout_seconds, stop=process.terminate
                    )
            finally:
                end.wait()
            seconds = time.monotonic() - started
            return result_of(process, captured, watchdog, confines, seconds=seconds, watch=watch)

    def _start(self, program: Program, watch: Watch | None) -> tuple[subprocess.Popen[bytes], ProcessWatch]:
        """Start it. It begins when its namespaces are there and are watched."""
        info_reader, info_writer = os.pipe()
        block_reader, block_writer = os.pipe()
        with os.fdopen(info_reader, "rb", 0), os.fdopen(block_writer, "wb", 0) as begin:
            with os.fdopen(info_writer, "wb", 0), os.fdopen(block_reader, "rb", 0):
                process = self._popen(program, info_fd=info_writer, block_fd=block_reader)
            try:
                first = first_process(read_info(info_reader))
                end = ProcessWatch(first)
                if watch is not None and first is not None:
                    watch.follow(first)
                # It is gone already where bubblewrap itself failed.
                with suppress(BrokenPipeError):
                    begin.write(b"1")
            except BaseException:
                process.terminate()
                raise
        return process, end

    def _popen(self, program: Program, *, info_fd: int, block_fd: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.wrap(program, info_fd=info_fd, block_fd=block_fd),
                env=self.environment(program),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(info_fd, block_fd),
                start_new_session=True,
            )
        except OSError as error:
            raise MissingToolError(
                f"bubblewrap does not start: {error}.",
                where=str(self._bwrap),
                fix="Install bubblewrap again.",
            ) from error
