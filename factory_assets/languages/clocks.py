"""How the programs of a language are told another time than it is."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

from factory_assets.sandbox.clock import faketime_library

Clock = Callable[[int, Path], dict[str, str] | str]
"""The variables by which the clock is so many seconds ahead in a clone, or in words why that cannot be had."""

GO_CACHE = ".go-cache"
GO_OVERLAY = "overlay.json"
GO_SECONDS_AHEAD = "CLOCK_AHEAD_SECONDS"
"""What the clock that Go's builds are given reads: see gates/go_cache.py."""


def library_clock(ahead: int, _: Path) -> dict[str, str] | str:
    """By libfaketime, for whatever asks the C library."""
    library = faketime_library()
    if library is None:
        return "libfaketime is not installed"
    return {"LD_PRELOAD": str(library), "FAKETIME": f"+{ahead}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def cargo_clock(ahead: int, clone: Path) -> dict[str, str] | str:
    """By the same for what cargo starts, not for the compiler, whose own allocator it stops for ever.

    See https://doc.rust-lang.org/cargo/reference/config.html#targettriplerunner.
    """
    told = library_clock(ahead, clone)
    if isinstance(told, str):
        return told
    runner = " ".join(["env", *(f"{name}={value}" for name, value in told.items())])
    return {f"CARGO_TARGET_{platform.machine().upper()}_UNKNOWN_LINUX_GNU_RUNNER": runner}


def go_clock(ahead: int, clone: Path) -> dict[str, str] | str:
    """By a clock that is compiled in."""
    if not (clone / GO_CACHE / GO_OVERLAY).is_file():
        return "this release of Go reads the clock in a way that is not known"
    return {GO_SECONDS_AHEAD: str(ahead)}
