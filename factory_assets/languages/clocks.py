"""How the programs of a language are told another time than it is."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from factory_assets.domain.agents import Command
from factory_assets.sandbox.clock import clock_ahead

PYTHON_SLEEPS = Path(__file__).with_name("clock_ahead")
GO_CACHE = ".go-cache"
GO_OVERLAY = "overlay.json"
GO_SECONDS_AHEAD = "CLOCK_AHEAD_SECONDS"
"""What the clock that Go's builds are given reads: see gates/go_cache.py."""


@dataclass(frozen=True)
class Told:
    """What a command is given to be told another time: words before its own, variables, and search paths by their
    names, whose folders come before those that are there and are shown to it.
    """

    before: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    search: Mapping[str, Path] = field(default_factory=dict)

    def given(self, command: Command) -> Command:
        """The command with all of it."""
        search = {
            name: ":".join(filter(None, (str(folder), command.env.get(name))))
            for name, folder in self.search.items()
        }
        return replace(
            command,
            argv=(*self.before, *command.argv),
            env={**command.env, **self.env, **search},
            readable=(*command.readable, *self.search.values()),
        )


Clock = Callable[[int, Path], Told | str]
"""How the clock is so many seconds ahead in a clone, or in words why that cannot be had."""


def library_clock(ahead: int, _: Path) -> Told | str:
    """By libfaketime, for whatever asks the C library."""
    before = clock_ahead(ahead)
    return "faketime is not installed" if before is None else Told(before)


def python_clock(ahead: int, clone: Path) -> Told | str:
    """By the same, and with a sleep that stands it."""
    told = library_clock(ahead, clone)
    return told if isinstance(told, str) else replace(told, search={"PYTHONPATH": PYTHON_SLEEPS})


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
