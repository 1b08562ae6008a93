"""How much of the machine an untrusted program may take, and the words for what it passed."""

from __future__ import annotations

from dataclasses import dataclass

_MIB, _GIB = 1024**2, 1024**3
# Also what one folder in memory (/tmp, an empty HOME) may hold.
FILE_BYTES = _GIB
SHARED_MEMORY_BYTES = 256 * _MIB
# Threads are cheap: a Go or Rust build has some dozens in each process.
_THREADS_A_PROCESS = 8


@dataclass(frozen=True)
class ResourceLimits:
    """What one program may take together with all that it starts. `disk_bytes` is for its own folders."""

    memory_bytes: int = 4 * _GIB
    processes: int = 512
    disk_bytes: int = 2 * _GIB
    file_bytes: int = FILE_BYTES

    @property
    def threads(self) -> int:
        """The most threads."""
        return self.processes * _THREADS_A_PROCESS

    @property
    def too_many_processes(self) -> str:
        """Why a program was stopped that made too many processes."""
        return f"more than {self.processes} processes"

    @property
    def too_many_threads(self) -> str:
        """Why a program was stopped that made too many threads."""
        return f"more than {self.threads} threads"

    @property
    def too_much_memory(self) -> str:
        """Why a program was stopped that took too much memory."""
        return f"more than {self.memory_bytes / _GIB:.3g} GiB of memory"

    @property
    def too_much_disk(self) -> str:
        """Why a program was stopped that wrote too much."""
        return f"more than {self.disk_bytes / _GIB:.3g} GiB of files"

    def in_words(self) -> str:
        """All of them, for an operator."""
        return (
            f"memory {self.memory_bytes / _GIB:.3g} GiB, {self.processes} processes,"
            f" files {self.disk_bytes / _GIB:.3g} GiB, one file {self.file_bytes / _GIB:.3g} GiB"
        )


def limited(argv: tuple[str, ...], limits: ResourceLimits) -> list[str]:
    """`argv` under the limits that a process sets for itself: no core files, no larger file than allowed.

    The shell is also there so that a name that is not found gives 127 and not bubblewrap's 1.
    """
    # POSIX counts the limit on files in blocks of 512 bytes.
    # It is refused where the limit is a lower one already.
    script = f'ulimit -c 0; ulimit -f {limits.file_bytes // 512} 2>/dev/null; exec "$@"'
    return ["/bin/sh", "-c", script, "sh", *argv]
