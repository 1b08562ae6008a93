"""Whether a repo works only before a date: its tests, and the start of its commands, with the clock set ahead.

Programs that ask the C library for the time are told by libfaketime (https://github.com/wolfcw/libfaketime), Go's by
the overlay of gates/go_cache.py. Files keep the dates of now, so tests that compare the two can fail for that alone:
they fail as well when the clock is a month ahead, and a failure that is the same then proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.domain.specs import Language
from factory_assets.gates.checkout import GO_CACHE, Checkout
from factory_assets.gates.entry_points import find_entry_points
from factory_assets.gates.environment import gate_environment
from factory_assets.gates.go_cache import AHEAD, OVERLAY
from factory_assets.gates.runners import OwnRun, TestRunner
from factory_assets.languages.project_files import python_folders
from factory_assets.sandbox.clock import faketime_library

_DAY = 24 * 60 * 60
_YEARS, _MONTH, _NOW = 730 * _DAY, 32 * _DAY, 0
_COMMAND_SECONDS = 10.0
_MOST_COMMANDS = 5
_SHOWN_NAMES = 5


@dataclass(frozen=True)
class Later:
    """What was found out: faults, and in words what could not be."""

    faults: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LaterRuns:
    """Runs a checkout's tests and commands at another time. The tests are known to pass today."""

    language: Language
    checkout: Checkout
    commands: CommandRunner
    seconds: float
    env: Mapping[str, str]

    def judge(self) -> Later:
        """The tests two years ahead, and `--help` of each command, which a repo's own code begins before it ends."""
        if self._clock(_NOW) is None:
            return Later(left_out=(self._missing(),))
        ahead = self._tests(_YEARS)
        if ahead.green:
            return Later(faults=self._commands())
        if any(not self._tests(seconds).green for seconds in (_NOW, _MONTH)) or self._tests(_YEARS).green:
            return Later(
                faults=self._commands(),
                left_out=("the tests two years ahead: they do not fail because of the date alone",),
            )
        failed = ", ".join(ahead.report.failed[:_SHOWN_NAMES]) or ahead.fault or ahead.result.output[-200:]
        return Later(faults=(f"with the clock two years ahead, tests fail that pass today: {failed}",))

    def _missing(self) -> str:
        if self.language is Language.GO:
            return "the tests two years ahead: this release of Go reads the clock in a way that is not known"
        return "the tests two years ahead: libfaketime is not installed"

    def _clock(self, seconds: int) -> dict[str, str] | None:
        """The environment of a run at another time; None where that cannot be had."""
        if self.language is Language.GO:
            known = (self.checkout.folder / GO_CACHE / OVERLAY).is_file()
            return {AHEAD: str(seconds)} if known else None
        library = faketime_library()
        if library is None:
            return None
        return {"LD_PRELOAD": str(library), "FAKETIME": f"+{seconds}", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def _tests(self, seconds: int) -> OwnRun:
        self.checkout.restore()
        env = {**self.env, **(self._clock(seconds) or {})}
        runner = TestRunner(language=self.language, checkout=self.checkout, commands=self.commands, env=env)
        return runner.build_and_test(self.seconds)

    def _commands(self) -> tuple[str, ...]:
        entries = find_entry_points(self.language, self.checkout.tree).commands.values()
        starts = dict.fromkeys(entry.argv for entry in entries)
        return tuple(
            f"with the clock two years ahead, `{' '.join(argv)} --help` does not end as it does today"
            for argv in list(starts)[:_MOST_COMMANDS]
            if self._start(argv, _YEARS).exit_code != 0
            and self._start(argv, _NOW).exit_code == self._start(argv, _MONTH).exit_code == 0
        )

    def _start(self, argv: tuple[str, ...], seconds: int) -> CommandResult:
        folder = self.checkout.folder
        own = [str(folder / name) for name in python_folders(self.checkout.tree) if name]
        path = ":".join([*own, *filter(None, [self.env.get("PYTHONPATH", "")])])
        env = gate_environment(folder, {**self.env, **(self._clock(seconds) or {}), "PYTHONPATH": path})
        return self.commands.run(
            Command((*argv, "--help"), folder, timeout_seconds=min(self.seconds, _COMMAND_SECONDS), env=env)
        )
