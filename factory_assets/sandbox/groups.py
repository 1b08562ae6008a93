"""Control groups (cgroup v2): the kernel's own limits on memory and threads, where this user may make one.

The watchdog stands in for them elsewhere, and beside them: a group knows nothing of disks.
See https://docs.kernel.org/admin-guide/cgroup-v2.html.
"""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from factory_assets.sandbox.limits import ResourceLimits

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_NEEDED = frozenset({"memory", "pids"})


@dataclass(frozen=True)
class ControlGroup:
    """A group for one run."""

    folder: Path

    @classmethod
    def create(cls, parent: Path, limits: ResourceLimits) -> ControlGroup:
        """Make a group with these limits below `parent`.

        Raises:
            OSError: when the kernel does not let this user.
        """
        folder = parent / f"factory-{os.getpid()}-{secrets.token_hex(4)}"
        folder.mkdir()
        for name, value in (
            ("memory.max", str(limits.memory_bytes)),
            ("memory.oom.group", "1"),
            ("pids.max", str(limits.threads)),
        ):
            (folder / name).write_text(value, encoding="ascii")
        # Absent where the kernel has no swap.
        with suppress(FileNotFoundError):
            (folder / "memory.swap.max").write_text("0", encoding="ascii")
        return cls(folder)

    def entered(self, argv: list[str]) -> list[str]:
        """`argv`, started inside the group."""
        return ["/bin/sh", "-c", 'echo 0 > "$0" && exec "$@"', str(self.folder / "cgroup.procs"), *argv]

    def exceeded(self, limits: ResourceLimits) -> str | None:
        """Which limit the kernel has enforced, in words."""
        if _count(self.folder / "memory.events", "oom_kill"):
            return limits.too_much_memory
        if _count(self.folder / "pids.events", "max"):
            return limits.too_many_threads
        return None

    def remove(self) -> None:
        """Remove the group when its processes are gone."""
        with suppress(OSError):
            self.folder.rmdir()


def find_group_parent(*, root: Path = _ROOT, own: Path = _OWN) -> Path | None:
    """The nearest group around this process below which limited groups can be made; None where there is none.

    A group that holds processes of its own cannot give its controllers on, so it is mostly the parent of this
    process's own group, and only where that was delegated to this user (systemd's `Delegate=yes`).
    """
    if sys.platform != "linux" or not (root / "cgroup.controllers").is_file():
        return None
    try:
        lines = own.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    path = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), None)
    if path is None:
        return None
    for folder in (root / path, *(root / path).parents):
        if not folder.is_relative_to(root):
            break
        if _delegated(folder):
            _sweep(folder)
            return folder
    return None


def _delegated(folder: Path) -> bool:
    try:
        controllers = (folder / "cgroup.subtree_control").read_text(encoding="ascii").split()
    except OSError:
        return False
    writable = all(os.access(path, os.W_OK) for path in (folder, folder / "cgroup.procs"))
    return writable and set(controllers) >= _NEEDED


def _sweep(parent: Path) -> None:
    """Remove the empty groups of workers that were killed; the kernel refuses those in use."""
    for folder in parent.glob("factory-*-*"):
        ControlGroup(folder).remove()


def _count(events: Path, name: str) -> int:
    try:
        lines = events.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(value) for key, _, value in (line.partition(" ") for line in lines) if key == name)
