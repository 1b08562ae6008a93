"""What a program and all it started take of this machine, as Linux's /proc tells it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field

_PAGE = os.sysconf("SC_PAGE_SIZE")
# So often everything is read anew, because the number of an ended process comes again.
_FULL_SCAN_EVERY = 20


@dataclass(frozen=True)
class Load:
    """How many processes and threads there are, and their resident memory, shared pages counted each time."""

    processes: int
    threads: int
    resident_bytes: int


@dataclass
class Descendants:
    """The descendants of one process, which must inherit the orphans among them (as a namespace's first does).

    A process once seen is not looked at again for its parent, so that a look costs little on a busy machine.
    """

    root: int
    _inside: set[int] = field(default_factory=set)
    _outside: set[int] = field(default_factory=set)
    _scans: int = 0

    def look(self) -> Load:
        """What they take now."""
        self._find()
        threads = resident = 0
        for pid in self._inside:
            with suppress(OSError, IndexError, ValueError):
                fields = _fields(pid)
                threads += int(fields[17])
                resident += int(fields[21]) * _PAGE
        return Load(len(self._inside), threads, resident)

    def proportional_bytes(self) -> int:
        """Their memory with each shared page counted once; where it cannot be read, resident memory."""
        return sum(_proportional(pid) for pid in self._inside)

    def _find(self) -> None:
        if self._scans % _FULL_SCAN_EVERY == 0:
            self._inside, self._outside = set(), set()
        self._scans += 1
        alive = {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208 - ten times as fast
        self._inside &= alive
        self._outside &= alive
        parents: dict[int, int] = {}
        for pid in alive - self._inside - self._outside:
            with suppress(OSError, IndexError, ValueError):
                parents[pid] = int(_fields(pid)[1])
        for pid in parents:
            self._place(pid, parents)

    def _place(self, pid: int, parents: dict[int, int]) -> None:
        """Follow the line of parents. It may break off at one that has just ended: then the next look tells."""
        line = [pid]
        while not self._placed(line[-1]) and (parent := parents.get(line[-1])):
            line.append(parent)
        if line[-1] == self.root or line[-1] in self._inside:
            self._inside.update(line)
            self._inside.discard(self.root)
        elif line[-1] in self._outside or parents.get(line[-1]) == 0:
            self._outside.update(line)

    def _placed(self, pid: int) -> bool:
        return pid == self.root or pid in self._inside or pid in self._outside


def _fields(pid: int) -> list[bytes]:
    """/proc/PID/stat from its third field on: the second, the name, may hold spaces and parentheses."""
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - read some thousand times a minute
        return file.read().rpartition(b")")[2].split()


def _proportional(pid: int) -> int:
    with suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123 - as above
        for line in file:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError, IndexError):
        return int(_fields(pid)[21]) * _PAGE
    return 0
