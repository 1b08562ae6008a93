"""How the programs of a language are told another time than it is."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.sandbox.clock import clock_ahead

GO_CACHE = ".go-cache"
GO_OVERLAY = "overlay.json"
GO_SECONDS_AHEAD = "CLOCK_AHEAD_SECONDS"
"""What the clock that Go's builds are given reads: see gates/go_cache.py."""


@dataclass(frozen=True)
class Told:
    """What a command is given to be told another time: words before its own, and variables."""

    before: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


Clock = Callable[[int, Path], Told | str]
"""How the clock is so many seconds ahead in a clone, or in words why that cannot be had."""


def library_clock(ahead: int, _: Path) -> Told | str:
    """By libfaketime, for whatever asks the C library."""
    before = clock_ahead(ahead)
    return "faketime is not installed" if before is None else Told(before)


def cargo_clock(ahead: int, clone: Path) -> Told | str:
    """By the same for what cargo starts, not for the compiler, whose own allocator it stops for ever.

    See https://doc.rust-lang.org/cargo/reference/config.html#targettriplerunner.
    """
    told = library_clock(ahead, clone)
    if isinstance(told, str):
        return told
    # The variable is split at spaces, whatever is quoted; and cargo leaves alone what lies in its folder.
    script = clone / "target" / f"clock-ahead-{ahead}"
    if len(str(script).split()) > 1:
        return f"cargo starts no program by a path with a space, such as {clone}"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec {shlex.join(told.before)} "$@"\n')
    script.chmod(0o755)
    runner = f"CARGO_TARGET_{platform.machine().upper()}_UNKNOWN_LINUX_GNU_RUNNER"
    return Told(env={runner: f"sh {script}"})


def go_clock(ahead: int, clone: Path) -> Told | str:
    """By a clock that is compiled in."""
    if not (clone / GO_CACHE / GO_OVERLAY).is_file():
        return "this release of Go reads the clock in a way that is not known"
    return Told(env={GO_SECONDS_AHEAD: str(ahead)})
