"""The file system that a contained program sees, as bubblewrap's arguments: an allowlist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_assets.sandbox.limits import FILE_BYTES, SHARED_MEMORY_BYTES
from factory_assets.sandbox.toolchains import is_within

HOME = Path("/home/someone")
"""A name that does not tell who runs the program."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "group", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "passwd", "pki", "ssl",
)  # fmt: skip
# In place of the host's: names are asked for at loopback, and libfaketime's date for a shell's own clock.
_OWN_ETC = tuple(sorted(Path(__file__).with_name("etc").iterdir()))


@dataclass(frozen=True)
class View:
    """Which real folders and files a program sees. What is not named does not exist for it.

    `hidden` stays invisible even where it lies below something shown. `placed` shows single files elsewhere.
    """

    readable: Sequence[Path]
    writable: Sequence[Path]
    hidden: Sequence[Path]
    home: Path | None
    homes: Path | None = None
    placed: Sequence[tuple[Path, Path]] = ()


def mount_arguments(view: View) -> list[str]:
    """Bubblewrap's arguments for `view`, parents before children, so that the nearest rule wins."""
    shown = [*view.readable, *view.writable, *map(Path, _SYSTEM)]
    rules = [
        *((path, ["--ro-bind", str(path), str(path)]) for path in view.readable),
        *((path, _cover(path)) for path in view.hidden if path.exists() and is_within(path, shown)),
        *((path, ["--bind", str(path), str(path)]) for path in view.writable),
    ]
    # Sorting is stable: of two rules for one path, the later one above stands.
    rules.sort(key=lambda rule: len(rule[0].parts))
    return [
        *_system_arguments(),
        *["--proc", "/proc", "--dev", "/dev", *_memory("/dev/shm", SHARED_MEMORY_BYTES)],  # noqa: S108 - its own
        *_memory("/tmp", FILE_BYTES),  # noqa: S108 - its own
        *_home_arguments(view),
        *(argument for _, arguments in rules for argument in arguments),
        *(argument for here, there in view.placed for argument in ("--ro-bind", str(here), str(there))),
        *["--remount-ro", "/"],
    ]


def _home_arguments(view: View) -> list[str]:
    if view.homes:
        return ["--bind", str(view.homes), str(HOME.parent)]
    return ["--bind", str(view.home), str(HOME)] if view.home else _memory(str(HOME), FILE_BYTES)


def _system_arguments() -> list[str]:
    arguments: list[str] = []
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for name in _ETC:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for file in _OWN_ETC:
        arguments += ["--ro-bind", str(file), f"/etc/{file.name}"]
    return arguments


def _memory(place: str, size: int) -> list[str]:
    """A folder in memory that holds so much: it counts as no process's memory."""
    return ["--size", str(size), "--tmpfs", place]


def _cover(path: Path) -> list[str]:
    return ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", "/dev/null", str(path)]
