"""The program by which another one is told another time than it is."""

from __future__ import annotations

import shutil

# faketime waits for everybody who holds its pipe, a process that a test has left behind too; nobody here needs one.
_WITHOUT_PIPE = 'exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec "$@"'


def clock_ahead(seconds: int) -> tuple[str, ...] | None:
    """What to put before a command whose clock is to be so many seconds ahead; None where faketime is missing.

    See https://github.com/wolfcw/libfaketime. Its library alone, preloaded, will not do: the first process makes a
    semaphore and removes it when any of its forks ends, and what starts just then fails (wolfcw/libfaketime#56).
    """
    program = shutil.which("faketime")
    if program is None:
        return None
    return (program, "--exclude-monotonic", "-f", f"+{seconds}", "sh", "-c", _WITHOUT_PIPE, "sh")
