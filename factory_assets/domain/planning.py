"""What work over some dates will take, reckoned before it is started from what such work took so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from factory_assets.domain.statistics import BUILD_STAGES, Statistics

# Seen over real days with the topics that come with the project; used until the factory has days of its own.
USUAL_PAPERS = 55
USUAL_BUILD_MINUTES = 20.0
# Fewer builds say little about the next one.
FEWEST_BUILDS = 5
PAPERS_PER_REQUEST = 2_000


@dataclass(frozen=True)
class DayState:
    """How far one date is. `papers` is None where it was not gathered; `waiting` counts specs not built yet.

    `waiting_share` is how many builds of the usual size those are worth.
    """

    day: date
    papers: int | None
    unread: int
    analysed: bool
    specs: int
    waiting: int
    waiting_share: float


@dataclass(frozen=True)
class Habits:
    """What the factory's own work took so far; None where there is too little of it."""

    papers_per_day: float | None
    specs_per_day: float | None
    build_dollars: float | None
    build_minutes: float | None


@dataclass(frozen=True)
class Workload:
    """The work that is left over some dates. Dollars of builds are bounds where `known_cost` is false."""

    days_to_gather: int
    papers: int
    requests: int
    days_to_analyse: int
    papers_to_analyse: int
    specs_waiting: int
    specs_expected: int
    build_dollars: float
    build_hours: float
    known_cost: bool

    @property
    def builds(self) -> int:
        """Builds, of specs that wait and of specs that analysis will add."""
        return self.specs_waiting + self.specs_expected


def habits(days: Sequence[DayState], statistics: Statistics) -> Habits:
    """What one date and one build usually take. Builds that failed count: they cost as well."""
    gathered = [day.papers for day in days if day.papers]
    analysed = [day.specs for day in days if day.analysed and day.papers]
    ended = statistics.shipped + len(statistics.failed)
    enough = ended >= FEWEST_BUILDS
    dollars = sum(line.dollars for line in statistics.spend if line.stage in BUILD_STAGES)
    minutes = sum(line.seconds for line in statistics.phases) / 60
    return Habits(
        papers_per_day=sum(gathered) / len(gathered) if gathered else None,
        specs_per_day=sum(analysed) / len(analysed) if analysed else None,
        build_dollars=dollars / ended if enough else None,
        build_minutes=minutes / ended if enough and minutes else None,
    )


def usual_build_minutes(statistics: Statistics) -> float:
    """What one build usually takes, by the wall clock."""
    found = habits([], statistics).build_minutes
    return USUAL_BUILD_MINUTES if found is None else found


def workload(
    days: Sequence[DayState],
    usual: Habits,
    *,
    specs_per_day: int,
    repo_budget_usd: float,
    workers: int,
) -> Workload:
    """What is left to do over these dates.

    Weekends and holidays bring few papers or none, so a date that was not gathered counts as a usual one: an
    estimate that is rather too high.
    """
    to_gather = [day for day in days if day.papers is None]
    expected_papers = USUAL_PAPERS if usual.papers_per_day is None else usual.papers_per_day
    papers_to_come = math.ceil(len(to_gather) * expected_papers)
    to_analyse = [day for day in days if not day.analysed or day.unread]
    expected_specs = specs_per_day if usual.specs_per_day is None else usual.specs_per_day
    fresh = sum(1 for day in to_analyse if not day.analysed and day.papers != 0)
    waiting = sum(day.waiting for day in days)
    specs_expected = math.ceil(fresh * expected_specs)
    builds = sum(day.waiting_share for day in days) + specs_expected
    minutes = USUAL_BUILD_MINUTES if usual.build_minutes is None else usual.build_minutes
    dollars = repo_budget_usd if usual.build_dollars is None else usual.build_dollars
    papers = papers_to_come + sum(day.papers or 0 for day in days)
    return Workload(
        days_to_gather=len(to_gather),
        papers=papers,
        requests=math.ceil(papers_to_come / PAPERS_PER_REQUEST) if to_gather else 0,
        days_to_analyse=len(to_analyse),
        papers_to_analyse=papers_to_come + sum(day.unread for day in to_analyse),
        specs_waiting=waiting,
        specs_expected=specs_expected,
        build_dollars=builds * dollars,
        build_hours=builds * minutes / 60 / workers,
        known_cost=usual.build_dollars is not None,
    )
