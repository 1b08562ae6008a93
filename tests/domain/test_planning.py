"""What a range of dates will take, reckoned from what is there and from what was usual so far."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from factory_assets.domain.builds import Usage
from factory_assets.domain.planning import DayState, Habits, habits, workload
from factory_assets.domain.statistics import DayActivity, FailedRepo, PhaseSeconds, Spend, Statistics

DAY = date(2026, 6, 1)
NOTHING_KNOWN = Habits(None, None, None, None)


def state(offset: int = 0, **changes: object) -> DayState:
    fields: dict[str, object] = {
        "day": DAY + timedelta(days=offset),
        "papers": None,
        "unread": 0,
        "analysed": False,
        "specs": 0,
        "waiting": 0,
    }
    fields |= changes
    return DayState(**{"waiting_share": float(str(fields["waiting"])), **fields})


def reckon(*days: DayState, usual: Habits = NOTHING_KNOWN):
    return workload(days, usual, specs_per_day=30, repo_budget_usd=5.0, workers=2)


def statistics(shipped: int, failed: int) -> Statistics:
    return Statistics(
        first=DAY,
        last=DAY,
        papers=0,
        analysed=0,
        specs=0,
        days=(DayActivity(day=DAY, shipped=shipped, failed=failed),),
        spend=(
            Spend(day=DAY, model="m", stage="build", usage=Usage(cost_usd=12.0)),
            Spend(day=DAY, model="m", stage="analyze", usage=Usage(cost_usd=99.0)),
        ),
        phases=(PhaseSeconds(phase="build", seconds=3600.0),),
        failed=tuple(FailedRepo(name=f"r{n}", day=DAY, rank=1, cause="x") for n in range(failed)),
        waiting=(),
    )


def test_a_year_that_nobody_gathered_is_reckoned_by_usual_days():
    work = reckon(*(state(offset) for offset in range(365)))
    assert work.days_to_gather == 365
    assert work.papers == 365 * 55
    assert work.requests == 11
    assert work.specs_expected == 365 * 30
    assert not work.known_cost


def test_what_is_done_is_not_counted_again():
    work = reckon(state(papers=60, analysed=True, specs=30, waiting=0))
    assert (work.days_to_gather, work.requests, work.days_to_analyse, work.builds) == (0, 0, 0, 0)
    assert (work.build_dollars, work.build_hours) == (0.0, 0.0)


def test_specs_that_wait_are_builds_to_pay_for():
    work = reckon(state(papers=60, analysed=True, specs=30, waiting=7))
    assert work.builds == 7
    assert work.build_dollars == pytest.approx(35.0)
    assert work.build_hours == pytest.approx(7 * 20 / 60 / 2)


def test_a_large_spec_that_waits_counts_as_the_builds_it_may_take():
    work = reckon(state(papers=60, analysed=True, specs=1, waiting=1, waiting_share=4.0))
    assert work.builds == 1
    assert work.build_dollars == pytest.approx(20.0)
    assert work.build_hours == pytest.approx(4 * 20 / 60 / 2)


def test_a_date_without_papers_brings_no_specs():
    work = reckon(state(papers=0))
    assert (work.days_to_analyse, work.papers_to_analyse, work.specs_expected) == (1, 0, 0)


def test_papers_that_came_later_are_read_but_bring_no_full_days_specs():
    work = reckon(state(papers=60, unread=4, analysed=True))
    assert (work.papers_to_analyse, work.specs_expected) == (4, 0)


def test_own_builds_replace_the_bounds_once_there_are_enough():
    few = habits([], statistics(shipped=2, failed=1))
    assert few.build_dollars is None
    enough = habits([], statistics(shipped=4, failed=2))
    assert enough.build_dollars == pytest.approx(2.0)
    assert enough.build_minutes == pytest.approx(10.0)
    work = reckon(state(papers=60, analysed=True, waiting=3), usual=enough)
    assert work.known_cost
    assert work.build_dollars == pytest.approx(6.0)


def test_usual_days_are_the_busy_ones_that_were_gathered():
    usual = habits(
        [state(papers=40, analysed=True, specs=20), state(papers=60), state(papers=0), state()],
        statistics(0, 0),
    )
    assert (usual.papers_per_day, usual.specs_per_day) == (50.0, 20.0)
