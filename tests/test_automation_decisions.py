"""What the schedules and the sensor decide, without Dagster."""

from datetime import UTC, date, datetime, timedelta

from factory_assets.domain.announcements import is_settled, settled_at
from factory_assets.domain.automation import choose_launches, days_to_analyse, trailing_window
from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.specs import QueuedSpec, Spec


def queued(name: str) -> QueuedSpec:
    spec = Spec(
        name=name,
        problem="a problem",
        source_papers=("2606.01234",),
        solution="a solution",
        language="python",
        files=("tool/main.py",),
        estimated_lines=120,
        complexity="low",
        who_pays="teams",
        integration_point="CI",
        moat="tests",
    )
    return QueuedSpec(
        id=len(name),
        spec=spec,
        day=date(2026, 6, 17),
        rank=1,
        status=BuildStatus.QUEUED,
        attempts=0,
        queued_at=datetime(2026, 6, 18, tzinfo=UTC),
    )


def test_the_window_ends_today_and_never_starts_before_the_first_partition() -> None:
    window = trailing_window(date(2026, 6, 3), days=7, first=date(2026, 6, 1), last=None)
    assert window == (date(2026, 6, 1), date(2026, 6, 3))


def test_the_window_of_an_instance_that_has_ended_is_its_last_days() -> None:
    window = trailing_window(date(2026, 11, 1), days=2, first=date(2026, 6, 17), last=date(2026, 6, 19))
    assert window == (date(2026, 6, 18), date(2026, 6, 19))


def test_there_is_no_window_before_the_first_partition() -> None:
    assert trailing_window(date(2026, 5, 31), days=7, first=date(2026, 6, 1), last=None) is None


def test_a_wednesday_is_settled_on_thursday_night_eastern() -> None:
    # The last hours of a UTC Wednesday fall after Wednesday's cut-off, so they are announced on Thursday.
    assert settled_at(date(2026, 6, 17)) == datetime(2026, 6, 19, 6, tzinfo=UTC)


def test_what_friday_brings_after_the_cut_off_is_announced_on_monday() -> None:
    assert settled_at(date(2026, 6, 12)) == datetime(2026, 6, 16, 6, tzinfo=UTC)


def test_thursdays_afternoon_is_announced_on_sunday() -> None:
    assert settled_at(date(2026, 6, 11)) == datetime(2026, 6, 15, 6, tzinfo=UTC)


def test_a_weekend_is_announced_on_monday() -> None:
    assert (
        settled_at(date(2026, 6, 13)) == settled_at(date(2026, 6, 14)) == datetime(2026, 6, 16, 6, tzinfo=UTC)
    )


def test_winter_time_settles_an_hour_later_in_utc() -> None:
    assert settled_at(date(2026, 1, 14)) == datetime(2026, 1, 16, 7, tzinfo=UTC)


def test_over_a_year_every_date_settles_after_it_ended_in_order_and_within_four_days() -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    settled = [settled_at(day) for day in days]
    assert settled == sorted(settled)
    for day, moment in zip(days, settled, strict=True):
        ended = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
        assert timedelta(hours=20) <= moment - ended <= timedelta(days=4)
        assert not is_settled(day, moment - timedelta(seconds=1))
        assert is_settled(day, moment)


def test_a_settled_date_is_analysed_once_and_again_only_when_papers_came_later() -> None:
    now = datetime(2026, 6, 30, tzinfo=UTC)
    days = [date(2026, 6, 17), date(2026, 6, 18), date(2026, 6, 30)]
    assert days_to_analyse(days, set(), set(), now) == days[:2]
    assert days_to_analyse(days, {days[0], days[1]}, set(), now) == []
    assert days_to_analyse(days, {days[0], days[1]}, {days[0]}, now) == [days[0]]


def test_a_spec_that_has_a_run_is_not_launched_again() -> None:
    specs = [queued("one-tool"), queued("other-tool")]
    launches = choose_launches(specs, busy={"one-tool"}, spent_usd=0, repo_budget_usd=5, day_budget_usd=50)
    assert [item.spec.name for item in launches.specs] == ["other-tool"]
    assert launches.already_running == 1


def test_launches_stop_at_what_the_days_budget_covers_with_the_runs_in_flight() -> None:
    specs = [queued(f"tool-{letter}") for letter in "abcd"]
    launches = choose_launches(
        specs, busy={"running-tool"}, spent_usd=4, repo_budget_usd=5, day_budget_usd=20
    )
    assert [item.spec.name for item in launches.specs] == ["tool-a", "tool-b"]
    assert launches.held_by_budget == 2


def test_an_exhausted_budget_launches_nothing() -> None:
    launches = choose_launches(
        [queued("one-tool")], busy=set(), spent_usd=49, repo_budget_usd=5, day_budget_usd=50
    )
    assert launches.specs == ()
    assert launches.held_by_budget == 1
