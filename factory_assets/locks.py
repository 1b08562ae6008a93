"""The two locks for what one holder at a time may do, over all processes and their threads.

The kernel lets go of both when the process ends, however it ends, and no program that is started meanwhile holds them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock


def path_lock(path: Path, *, blocking: bool = True) -> BaseFileLock:
    """A lock for one holder, kept in a file that is made where it is missing and never removed.

    What the file holds is left as it is, and is the holder's to write. Held by `with`, or by `with lock.acquire():`.

    Raises, when it is acquired:
        filelock.Timeout: somebody holds it, where it is not `blocking`.
        OSError: the file cannot be made or opened, or its file system has no locks.
    """
    # A soft lock, which stands where a file system has no others, outlives its process.
    return FileLock(path, blocking=blocking, thread_local=False, fallback_to_soft=False)


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Wait for the lock of a folder and hold it for this block; nothing is written, so it may be one to read only."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
