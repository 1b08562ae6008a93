"""Whether a repo works only before a date: its tests and its documented commands, with the clock set ahead.

Each language's record says how its programs are told another time. Files keep the dates of now, so what compares the
two can fail for that alone: it fails as well when the clock is a month ahead, and a failure that is the same then
proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from factory_assets.domain.agents import Command, CommandResult, CommandRunner
from factory_assets.domain.specs import Language
from factory_assets.gates.checkout import Checkout
from factory_assets.gates.documents_run import run_documented_commands
from factory_assets.gates.runners import OwnRun, TestRunner
from factory_assets.gates.watched import Watched
from factory_assets.languages import LANGUAGES
from factory_assets.languages.clocks import Told

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
    told: Told

    @property
    def protections(self) -> tuple[str, ...]:
        return self.commands.protections

    def run(self, command: Command) -> CommandResult:
        return self.commands.run(self.told.given(command))


@dataclass(frozen=True, kw_only=True)
class LaterRuns:
    """Runs a checkout's tests and commands at another time. All of them are known to work today."""

    language: Language
    checkout: Checkout
    commands: Watched
    seconds: float
    env: Mapping[str, str]

    def judge(self) -> Later:
        """Both, two years ahead."""
        told = self._told(_YEARS)
        if isinstance(told, str):
            return Later(left_out=(f"tests and commands two years ahead: {told}",))
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

    def _at(self, seconds: int) -> CommandRunner:
        told = self._told(seconds)
        if isinstance(told, str):
            return self.commands
        # What was seen is told by the command itself, without what sets its clock.
        return replace(self.commands, commands=_Clocked(self.commands.commands, told))

    def _told(self, seconds: int) -> Told | str:
        return LANGUAGES[self.language].clock(seconds, self.checkout.folder)

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
