"""Shifts and what they add up to."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Protocol


class ShiftError(ValueError):
    """A shift that cannot be."""


class Kind(enum.Enum):
    DAY = "day"
    NIGHT = "night"
    WEEKEND = "weekend"

    @classmethod
    def of(cls, begin: datetime) -> "Kind":
        if begin.weekday() >= 5:
            return cls.WEEKEND
        return cls.DAY if 7 <= begin.hour < 19 else cls.NIGHT


@dataclass(frozen=True, order=True)
class Shift:
    begin: datetime
    person: str = field(compare=False)
    length: timedelta = field(default=timedelta(hours=8), compare=False)

    def __post_init__(self) -> None:
        if self.length <= timedelta(0):
            raise ShiftError(f"{self.person}: a shift has to last ({self.length})")

    @property
    def end(self) -> datetime:
        return self.begin + self.length

    def overlaps(self, other: "Shift") -> bool:
        return self.begin < other.end and other.begin < self.end


class Clock(Protocol):
    def now(self) -> datetime: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(timezone.utc)


class Report(ABC):
    @abstractmethod
    def render(self, totals: "list[Total]") -> str:
        raise NotImplementedError


@dataclass
class Total:
    person: str
    hours: float
    by_kind: dict[str, float]


def totals(shifts: Iterable[Shift]) -> list[Total]:
    """Hours a person, most first."""
    hours: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for shift in sorted(shifts):
        hours[shift.person][Kind.of(shift.begin).value] += shift.length / timedelta(hours=1)
    found = [Total(person, sum(kinds.values()), dict(kinds)) for person, kinds in hours.items()]
    return sorted(found, key=lambda one: (-one.hours, one.person))


def conflicts(shifts: Iterable[Shift]) -> list[tuple[Shift, Shift]]:
    """Pairs of neighbours that overlap."""
    ordered = sorted(shifts)
    return [(one, two) for one, two in zip(ordered, ordered[1:]) if one.overlaps(two)]
