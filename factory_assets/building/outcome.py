"""How one run of a build ends: one of four values, from the attempt to the asset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from factory_assets.building.report import BuildReport
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import FactoryError


class Stops(StrEnum):
    """What stops every other build as well."""

    MACHINE = "this machine lacks what every build needs, whatever its language"
    MODEL = "the model's API refuses whoever asks"


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What happened, where, and how to fix it, as an error says it."""

    what: str
    where: str
    fix: str

    @property
    def error(self) -> FactoryError:
        """The same for what shows or raises errors."""
        return FactoryError(self.what, where=self.where, fix=self.fix)

    def __str__(self) -> str:
        return str(self.error)


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """The repo passed its gates and is tagged, by this run or by an earlier one that died."""

    report: BuildReport


@dataclass(frozen=True, kw_only=True)
class Refused(_Told):
    """The spec has failed: a gate refused what a phase made, or the agent ended without doing its phase."""

    by: Literal["gate", "agent"]
    report: BuildReport


@dataclass(frozen=True, kw_only=True)
class Deferred(_Told):
    """The build could not go on for reasons that are not its own; it used up no attempt.

    `cause` says what it waits for, `until` the earliest time (UTC) to start it again: None where that is a setting,
    or what `stops` every build. `error_met` is what put it off, in its own words, where that was an error.
    """

    cause: WaitCause
    until: datetime | None
    stops: Stops | None
    report: BuildReport
    error_met: FactoryError | None = None


@dataclass(frozen=True, kw_only=True)
class Busy(_Told):
    """Another run holds the spec; nothing was touched, so that there is nothing to report."""


Outcome = Shipped | Refused | Deferred | Busy


class EndedError(Exception):
    """Carries the outcome up from the depth of an attempt. Builder.build alone catches it."""

    def __init__(self, outcome: Refused | Deferred) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome
