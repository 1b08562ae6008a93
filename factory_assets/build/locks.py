"""One build per spec at a time, over all processes of the machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory_assets.domain.errors import FactoryError


class SpecBusyError(FactoryError):
    """Another run holds this spec."""


@contextmanager
def spec_lock(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of one spec; it is let go when the process ends, however it ends.

    Raises:
        SpecBusyError: naming the process that holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "r+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = stream.read().strip() or "unknown"
            raise SpecBusyError(
                f"Another run is building this spec (process {holder}).",
                where=name,
                mend="Wait for that run to end, or cancel it in the UI.",
            ) from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield
