"""One build per spec at a time, over all processes of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from factory_assets.domain.errors import FactoryError
from factory_assets.locks import path_lock


class SpecBusyError(FactoryError):
    """Another run holds this spec."""


@contextmanager
def spec_lock(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of one spec; it is let go when the process ends, however it ends.

    Raises:
        SpecBusyError: naming the process that holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.lock"
    try:
        held = path_lock(path, blocking=False).acquire()
    except Timeout:
        holder = path.read_text(encoding="ascii").strip() or "unknown"
        raise SpecBusyError(
            f"Another run is building this spec (process {holder}).",
            where=name,
            fix="Wait for that run to end, or cancel it in the UI.",
        ) from None
    with held:
        path.write_text(str(os.getpid()), encoding="ascii")
        yield


def lock_place(folder: Path) -> str:
    """Names where spec_lock holds among all machines: the running kernel, and the folder on it."""
    folder.mkdir(parents=True, exist_ok=True)
    stat = folder.stat()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {stat.st_dev}:{stat.st_ino}"
