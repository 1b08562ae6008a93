"""Which dates and ranks are partitions: settings say so, and they may change under a spec that is queued."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from factory_assets.domain.specs import QueuedSpec


@dataclass(frozen=True)
class Lacking:
    """Why there is no partition to launch a spec on.

    Args:
        missing: what is missing and which setting says so, as part of a sentence.
        what: the same as a sentence.
        fix: what makes one.
    """

    missing: str
    what: str
    fix: str


@dataclass(frozen=True)
class Places:
    """The partitions of an instance: the days from `first` to `last` (today, where it is None), `ranks` each."""

    first: date
    last: date | None
    ranks: int

    def have(self, day: date, today: date) -> bool:
        """Whether the date is a partition: not so after settings were changed, or a clock that was ahead was set."""
        return self._lacks_date(day, today) is None

    def lacking(self, queued: QueuedSpec, today: date) -> Lacking | None:
        """Why the spec cannot be launched, whatever else it waits for; None where its date and rank are a partition."""
        if queued.day is None or queued.rank is None:
            return Lacking(
                "free rank",
                "It waits for a free rank, so there is no partition to launch.",
                f"It gets a rank on the next date that has one free; FACTORY_RANKS is {self.ranks} a date.",
            )
        if queued.rank > self.ranks:
            cause = f"FACTORY_RANKS is {self.ranks}"
            return Lacking(
                f"partition: {cause}",
                f"Its rank has no partition any more: {cause}.",
                f"Set FACTORY_RANKS to {queued.rank} or more.",
            )
        return self._lacks_date(queued.day, today)

    def _lacks_date(self, day: date, today: date) -> Lacking | None:
        if day < self.first:
            cause, fix = (
                f"FACTORY_START_DATE is {self.first}",
                f"Set FACTORY_START_DATE to {day} or earlier.",
            )
        elif self.last is not None and day > self.last:
            cause, fix = f"FACTORY_END_DATE is {self.last}", f"Set FACTORY_END_DATE to {day} or later."
        elif day > today:
            cause, fix = f"it is {today} (UTC)", f"Check this machine's clock, or wait until {day}."
        else:
            return None
        return Lacking(f"partition: {cause}", f"Its date has no partition: {cause}.", fix)
