"""Whether a repo works only before a date: its tests and its documented commands, with the clock set ahead.

Programs that ask the C library for the time are told by libfaketime (https://github.com/wolfcw/libfaketime), Go's by
the overlay of gates/go_cache.py. Files keep the dates of now, so what compares the two can fail for that alone: it
fails as well when the clock is a month ahead, and a failure that is the same then proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.domain.specs import Language
from factory_assets.gates.checkout import GO_CACHE, Checkout
from factory_assets.gates.documents_run import run_documented_commands
from factory_assets.gates.go_cache import AHEAD, OVERLAY
from factory_assets.gates.runners import OwnRun, TestRunner
from factory_assets.sandbox.clock import faketime_library

_DAY = 24 * 60 * 60
_YEARS, _MONTH, _NOW = 730 * _DAY, 32 * _DAY, 0
_SHOWN_NAMES = 5


@dataclass(frozen=True)
class Later:
    """What was found out: faults, and in words what could not be."""

    faults: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Clocked:
    """Runs commands at another time."""

    commands: CommandRunner
    clock: Mapping[str, str]

    @property
    def protections(self) -> tuple[str, ...]:
        return self.commands.protections

    def run(self, command: Command) -> CommandResult:
        return self.commands.run(replace(command, env={**command.env, **self.clock}))


@dataclass(frozen=True, kw_only=True)
class LaterRuns:
    """Runs a checkout's tests and commands at another time. All of them are known to work today."""

    language: Language
    checkout: Checkout
    commands: CommandRunner
    seconds: float
    env: Mapping[str, str]

    def judge(self) -> Later:
        """Both, two years ahead."""
        missing = self._missing()
        if missing:
            return Later(left_out=(f"tests and commands two years ahead: {missing}",))
        ahead = self._tests(_YEARS)
        faults: list[str] = []
        left_out: list[str] = []
        if not ahead.green:
            failed = ", ".join(ahead.report.failed[:_SHOWN_NAMES]) or ahead.fault
            if (
                all(self._tests(seconds).green for seconds in (_NOW, _MONTH))
                and not self._tests(_YEARS).green
            ):
                faults.append(f"with the clock two years ahead, tests fail that pass today: {failed}")
            else:
                left_out.append(f"tests two years ahead: not for the date alone they fail: {failed}")
        fails = self._commands(_YEARS)
        if fails and not any(self._commands(seconds) for seconds in (_NOW, _MONTH)):
            faults += ["with the clock two years ahead, what works today does not:", *fails]
        return Later(tuple(faults), tuple(left_out))

    def _missing(self) -> str:
        """Why there is no other time here; empty where there is."""
        if self.language is not Language.GO:
            return "" if faketime_library() else "libfaketime is not installed"
        known = (self.checkout.folder / GO_CACHE / OVERLAY).is_file()
        return "" if known else "this release of Go reads the clock in a way that is not known"

    def _at(self, seconds: int) -> CommandRunner:
        clock = {AHEAD: str(seconds)}
        if self.language is not Language.GO:
            clock = {
                "LD_PRELOAD": str(faketime_library()),
                "FAKETIME": f"+{seconds}",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        return _Clocked(self.commands, clock)

    def _tests(self, seconds: int) -> OwnRun:
        self.checkout.restore()
        runner = TestRunner(
            language=self.language, checkout=self.checkout, commands=self._at(seconds), env=self.env
        )
        return runner.build_and_test(self.seconds)

    def _commands(self, seconds: int) -> tuple[str, ...]:
        return run_documented_commands(
            language=self.language,
            clone=self.checkout.folder,
            tree=self.checkout.tree,
            commands=self._at(seconds),
            seconds=self.seconds,
            env=self.env,
        )
