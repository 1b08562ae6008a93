"""Which dates are looked around again, and when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from factory_assets.domain.research import NOT_HELD, OpenDate
from factory_assets.domain.research_again import LOOK_AGAIN_FOR, choose_looks, next_look

NOW = datetime(2026, 6, 29, 6, tzinfo=UTC)
DAY = date(2026, 6, 17)


def open_date(
    day: date = DAY, *, since: float = 10, looked: float = 5, gap: str = "repositories: 403"
) -> OpenDate:
    """One since so many hours, which was looked around so many hours ago."""
    return OpenDate(
        day=day, since=NOW - timedelta(hours=since), looked_at=NOW - timedelta(hours=looked), gaps=(gap,)
    )


def days_of(
    *dates: OpenDate, under_way: frozenset[date] = frozenset(), with_archive: bool = True
) -> list[date]:
    return list(choose_looks(dates, under_way=under_way, with_archive=with_archive, now=NOW).days)


@pytest.mark.parametrize(
    ("open_hours", "pause"), [(0, 1), (0.5, 1), (1, 1), (2, 2), (16, 16), (30, 24), (300, 24)]
)
def test_the_pause_is_as_long_as_it_had_been_open_an_hour_at_least_and_a_day_at_most(
    open_hours: float, pause: float
) -> None:
    one = open_date(since=open_hours + 1, looked=1)
    assert next_look(one) - one.looked_at == timedelta(hours=pause)


def test_ten_at_a_time_are_asked_for_the_longest_untouched_first_and_the_others_wait() -> None:
    dates = [open_date(DAY + timedelta(days=number), since=60, looked=24 + number) for number in range(12)]
    chosen = choose_looks(dates, under_way=set(), with_archive=True, now=NOW)
    assert chosen.days == tuple(one.day for one in reversed(dates))[:10]
    assert {day for day, _ in chosen.waiting} == {dates[0].day, dates[1].day}


def test_what_is_under_way_or_was_given_up_is_left_alone() -> None:
    late = open_date(since=LOOK_AGAIN_FOR / timedelta(hours=1) + 1, looked=30)
    assert days_of(open_date(), under_way=frozenset({DAY})) == []
    chosen = choose_looks([late], under_way=set(), with_archive=True, now=NOW)
    assert (chosen.days, chosen.given_up) == ((), (late,))


def test_what_only_the_archive_can_tell_is_no_reason_to_look_without_one() -> None:
    lacks = open_date(gap=f"related papers: {NOT_HELD}, so that none like it was looked for")
    both = lacks.model_copy(update={"gaps": (*lacks.gaps, "repositories: 403")})
    assert days_of(lacks, with_archive=False) == []
    assert days_of(lacks) == days_of(both, with_archive=False) == [DAY]
