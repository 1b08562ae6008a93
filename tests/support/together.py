"""Processes that do the same thing at one moment."""

from __future__ import annotations

import subprocess
import sys

_LONGEST_ERROR = 3000
_WAITS = """
import sys
print("ready", flush=True)
sys.stdin.readline()
"""


def together(prepare: str, act: str, *arguments: str, times: int) -> list[tuple[int, str]]:
    """Run `prepare` in so many processes, then `act` in all of them at once; how each ended, and its last errors."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", f"{prepare}{_WAITS}{act}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(times)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate()[1][-_LONGEST_ERROR:] for process in processes]
    return [(process.returncode, error) for process, error in zip(processes, errors, strict=True)]
