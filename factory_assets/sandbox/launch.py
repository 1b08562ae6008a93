"""Starting a long-lived program through another library: a wrapper to give it, and a way to end all of it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from factory_assets.sandbox import launcher
from factory_assets.sandbox.base import Confines, Program, Sandbox
from factory_assets.sandbox.namespace import WAIT_SECONDS, ProcessWatch, first_process
from factory_assets.sandbox.watchdog import Watchdog


@dataclass(frozen=True)
class Launch:
    """A wrapper script that starts a program contained, once, and what is known of the running one."""

    script: Path
    pid_file: Path
    info_file: Path
    stop_signal: signal.Signals
    folders: tuple[Path, ...]
    confines: Confines

    def watchdog(self) -> Watchdog:
        """What stops the program when it passes its limits."""
        return Watchdog(self.confines.limits, self.folders, self._child, self.stop, self.confines.group)

    def stop(self) -> None:
        """Tell the program and all it started to end. Does nothing when it never started or has ended."""
        pid = self._child()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, self.stop_signal)

    def end(self, *, seconds: float = WAIT_SECONDS) -> None:
        """Stop it, and wait until nothing of it is left."""
        try:
            first = first_process(self.info_file.read_bytes())
        except FileNotFoundError:
            first = None
        watch = ProcessWatch(first)
        outer = self._child()
        self.stop()
        if outer is not None:
            _reap(outer, seconds)
        watch.wait(seconds)

    def _child(self) -> int | None:
        """The started process, while it is still a child of this one: its number cannot mean another then."""
        try:
            pid = int(self.pid_file.read_text(encoding="ascii"))
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except (FileNotFoundError, ValueError, ChildProcessError):
            return None
        return pid


def write_launch(
    sandbox: Sandbox, program: Program, *, directory: Path, inherited: Sequence[str] = ()
) -> Launch:
    """Write a wrapper into `directory`, which the program must not be able to write.

    The wrapper passes its own arguments on and starts `program` in exactly the sandbox's environment and the
    variables of its own that `inherited` names: that is how secrets reach the program without standing in a
    command line or a file. It refuses to start for another parent than this process.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    launch = Launch(
        script=directory / "start",
        pid_file=directory / "pid",
        info_file=directory / "info.json",
        stop_signal=sandbox.stop_signal,
        folders=(program.workspace, *program.writable, *([program.home] if program.home else [])),
        confines=program.confines,
    )
    for stale in (launch.pid_file, launch.info_file):
        stale.unlink(missing_ok=True)
    spec = directory / "launch.json"
    spec.write_text(
        json.dumps(
            {
                "argv": sandbox.wrap(program, info_fd=launcher.INFO_DESCRIPTOR),
                "env": sandbox.environment(program),
                "inherited": list(inherited),
                "parent": os.getpid(),
                "pid_file": str(launch.pid_file),
                "info_file": str(launch.info_file),
            }
        ),
        encoding="utf-8",
    )
    start = shlex.join([sys.executable, "-I", "-S", str(Path(launcher.__file__)), str(spec)])
    launch.script.write_text(f'#!/bin/sh\nexec {start} "$@"\n', encoding="utf-8")
    launch.script.chmod(0o700)
    return launch


def _reap(pid: int, seconds: float) -> None:
    """Wait for a child to end without taking its exit status from whoever started it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return
        except ChildProcessError:
            return
        time.sleep(0.01)
