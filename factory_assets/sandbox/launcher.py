"""A stand-alone script: replaces itself by a program in a clean environment, so that no value is in an argv.

It is started as `python -I -S launcher.py SPEC.json ARGUMENTS…` by the wrapper that `launch` writes, and may
import nothing but the standard library. Secrets come in its own environment; it keeps those that are named.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

INFO_DESCRIPTOR = 9
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program that the specification names."""
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if sys.platform == "linux":
        # The program asks for the same, but only some milliseconds after its start.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != spec["parent"]:
        sys.exit("The factory that started this program is gone.")
    # A signal to the worker's process group would end the supervisor together with the worker.
    if os.getpgrp() != os.getpid():
        os.setsid()
    kept = {name: os.environ[name] for name in spec["inherited"] if name in os.environ}
    info = os.open(spec["info_file"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    os.dup2(info, INFO_DESCRIPTOR, inheritable=True)
    Path(spec["pid_file"]).write_text(str(os.getpid()), encoding="ascii")
    # Ignored by every Python, and the program would inherit that.
    for name in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(name, signal.SIG_DFL)
    argv = [*spec["argv"], *sys.argv[2:]]
    os.execve(argv[0], argv, {**spec["env"], **kept})  # noqa: S606 - running this program is the script's purpose


if __name__ == "__main__":
    main()
