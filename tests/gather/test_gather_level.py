"""A date far below its usual level is noticed; a quiet weekend is not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from factory_assets.gather.level import low_days

NOW = datetime(2026, 7, 15, tzinfo=UTC)
MONDAY = date(2026, 6, 29)


def usual_weeks(papers: int = 60) -> dict[date, int]:
    """Three full weeks before MONDAY; weekends are nearly empty."""
    days = [MONDAY - timedelta(days=back) for back in range(1, 22)]
    return {day: papers if day.weekday() < 5 else 2 for day in days}


def test_a_working_day_far_below_the_usual_is_low():
    history = usual_weeks() | {MONDAY: 3}
    (low,) = low_days({MONDAY: 3}, history, NOW)
    assert (low.day, low.papers, low.usual) == (MONDAY, 3, 60)


def test_a_day_a_little_below_the_usual_is_fine():
    assert low_days({MONDAY: 16}, usual_weeks() | {MONDAY: 16}, NOW) == []


def test_a_weekend_is_never_low():
    saturday = MONDAY - timedelta(days=2)
    assert low_days({saturday: 0}, usual_weeks(), NOW) == []


def test_a_day_that_is_not_settled_yet_is_not_judged():
    now = datetime(2026, 6, 30, tzinfo=UTC)
    assert low_days({MONDAY: 1}, usual_weeks(), now) == []


def test_a_young_factory_knows_no_usual_level():
    young = {MONDAY - timedelta(days=back): 60 for back in (3, 4, 5, 6)}
    assert low_days({MONDAY: 0}, young, NOW) == []


def test_a_whole_window_of_low_days_is_low_although_it_is_most_of_the_history():
    window = {MONDAY + timedelta(days=offset): 1 for offset in range(5)}
    assert [low.day for low in low_days(window, usual_weeks() | window, NOW)] == list(window)
