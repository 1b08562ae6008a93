"""Where the toolchains of this machine are, and the PATH and environment that untrusted programs get."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
SYSTEM_ROOTS = (Path("/usr"), Path("/bin"), Path("/sbin"))
PROGRAMS = ("go", "node", "cargo", "bats")


def default_toolchains() -> tuple[Path, ...]:
    """Folders of the toolchains on PATH that lie outside the system's own, each with its programs in `bin`.

    A program that stands alone in a shared folder such as ~/.local/bin is given as that one file.
    """
    found = (shutil.which(program) for program in PROGRAMS)
    outside = (_toolchain(Path(path)) for path in found if path and not _in_system(Path(path).resolve()))
    return tuple(dict.fromkeys(path for path in outside if path))


def python_prefixes() -> tuple[Path, ...]:
    """The Python below the factory's own environment, by name and by what the names point to."""
    executable = Path(sys.executable).resolve()
    names = (Path(sys.base_prefix), executable.parent.parent)
    both = [path for name in names for path in (name, name.resolve())]
    return tuple(path for path in dict.fromkeys(both) if not _in_system(path))


def search_path(python: Path, toolchains: Sequence[Path]) -> str:
    """PATH: the bare Python first, so that pytest is the factory's choice, then toolchains and system."""
    bins = [path.parent if path.is_file() else path / "bin" for path in toolchains]
    return os.pathsep.join(dict.fromkeys([str(python / "bin"), *map(str, bins), *SYSTEM_PATH]))


def clean_environment(*, path: str, home: str, temporary: str) -> dict[str, str]:
    """The environment of an untrusted program: nothing is inherited.

    pytest loads no plugins of the factory's own environment: a repo that needs one must not pass by luck.
    """
    return {
        "PATH": path,
        "HOME": home,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TMPDIR": temporary,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def _toolchain(program: Path) -> Path | None:
    resolved = program.resolve()
    if resolved.name == "rustup":
        return _rust_toolchain()
    prefix = resolved.parent.parent
    if resolved.parent.name == "bin" and not _shared(prefix):
        return prefix
    return program


def _rust_toolchain() -> Path | None:
    """The default toolchain itself: rustup's own `cargo` would look for its settings in HOME."""
    home = Path(os.environ.get("RUSTUP_HOME", Path.home() / ".rustup"))
    try:
        name = tomllib.loads((home / "settings.toml").read_text(encoding="utf-8")).get("default_toolchain")
    except (OSError, tomllib.TOMLDecodeError):
        return None
    candidates = sorted((home / "toolchains").glob(f"{name}*")) if isinstance(name, str) else []
    return candidates[0] if candidates else None


def _shared(prefix: Path) -> bool:
    """Whether a prefix holds more than one toolchain: binding it would show private files."""
    home = Path.home()
    return prefix == home / ".local" or is_within(home, [prefix])


def _in_system(path: Path) -> bool:
    return is_within(path, SYSTEM_ROOTS)


def is_within(path: Path, roots: Iterable[Path]) -> bool:
    """Whether `path` is one of `roots` or lies below one."""
    return any(path == root or root in path.parents for root in roots)
