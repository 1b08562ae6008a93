"""A stand-alone script: runs one program and, at the end, kills every process that came from it.

It is started as `python -I -S supervisor.py PARENT_PID PROGRAM ARGUMENTS…`, so it may import nothing but the
standard library, and little of that: it is started for every command, and its imports would be most of what it costs.
As a child sub-reaper it inherits whatever detaches itself, and SIGTERM (which it also gets when its parent dies)
makes it end everything. On systems other than Linux detached processes escape it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KILL_SECONDS = 10.0
_STOPS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def main() -> int:
    """Run the program and return its exit code, 128 and the signal's number where a signal ended it."""
    parent, *argv = sys.argv[1:]
    # Signals are waited for, not handled: the death of a parent with several threads sends SIGTERM several times, and
    # a handler that raises would break off the killing as well.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_STOPS, signal.SIGCHLD})
    # Elsewhere than on Linux a signal that nothing handles is dropped even while it is blocked.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _adopt_orphans()
    if os.getppid() != int(parent):
        return 128 + signal.SIGTERM
    try:
        return _wait_for(_start(argv, before))
    finally:
        _kill_descendants()


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _start(argv: list[str], mask: Iterable[int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    # The last two are ignored by every Python, and a program would inherit that.
    for name in (*_STOPS, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(name, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.setsid()
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - running this program is the script's purpose
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201 - its output is the report
        os._exit(127)


def _wait_for(program: int) -> int:
    """Reap whatever ends, until the program itself does or this process is asked to stop."""
    while True:
        received = signal.sigwait({*_STOPS, signal.SIGCHLD})
        if received in _STOPS:
            return 128 + received
        for pid, status in _ended():
            if pid == program:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code


def _ended() -> Iterator[tuple[int, int]]:
    """The children that have ended by now, each with its status; one signal may stand for several of them."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


def _kill_descendants() -> None:
    deadline = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < deadline:
        for pid in _descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        for _ in _ended():
            pass
        if not _descendants():
            return
        time.sleep(0.01)


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    open_ends = [os.getpid()]
    while open_ends:
        below = children.get(open_ends.pop(), [])
        found += below
        open_ends += below
    return found


def _processes() -> list[tuple[int, int]]:
    """Every process with its parent."""
    if sys.platform != "linux":
        import subprocess  # noqa: PLC0415  heavy

        # The list holds `ps` itself as a child, which is gone by the time it is killed or counted again.
        listing = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False
        )
        rows = (line.split() for line in listing.stdout.splitlines())
        return [(int(pid), int(parent)) for pid, parent in rows]
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs more time than the whole scan
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - as above
                # The second field, the name, may hold spaces and parentheses.
                found.append((int(name), int(file.read().rpartition(b")")[2].split()[1])))
    return found


if __name__ == "__main__":
    sys.exit(main())
