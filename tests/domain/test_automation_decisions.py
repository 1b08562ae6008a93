"""What the schedules and the sensor decide, without Dagster."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from factory_assets.domain.announcements import is_settled, settled_at
from factory_assets.domain.automation import (
    Budget,
    Crashes,
    Hold,
    Launches,
    choose_launches,
    dates_to_ask_again,
    days_to_analyse,
    gathered_too_early,
    given_up,
    launch_order,
    trailing_window,
)
from factory_assets.domain.builds import BudgetLimits, BuildStatus, WaitCause
from factory_assets.domain.specs import QueuedSpec, Spec

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)


def queued(name: str, *, day: date = date(2026, 6, 17), rank: int = 1) -> QueuedSpec:
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
        day=day,
        rank=rank,
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


@pytest.mark.parametrize(
    ("gathered_to", "start"),
    [
        (date(2026, 7, 14), date(2026, 7, 8)),
        (date(2026, 6, 23), date(2026, 6, 17)),
        (date(2026, 6, 3), date(2026, 6, 1)),
        (date(2026, 8, 1), date(2026, 7, 8)),
    ],
    ids=["an hour ago", "three weeks ago", "near the first partition", "with a clock that was ahead"],
)
def test_the_window_after_a_pause_begins_where_the_one_before_it_did(gathered_to: date, start: date) -> None:
    window = trailing_window(
        date(2026, 7, 14), days=7, first=date(2026, 6, 1), last=None, gathered_to=gathered_to
    )
    assert window == (start, date(2026, 7, 14))


def test_what_is_missing_of_earlier_dates_is_asked_for_again_for_two_weeks() -> None:
    now = datetime(2026, 7, 14, 8, tzinfo=UTC)
    window = (date(2026, 7, 8), date(2026, 7, 14))
    young, old = now - timedelta(days=14), now - timedelta(days=15)
    incomplete = {
        date(2026, 7, 1): young,
        date(2026, 7, 2): now,
        date(2026, 7, 3): old,
        date(2026, 7, 4): young,
        date(2026, 7, 9): young,
    }
    assert dates_to_ask_again(incomplete, window, now) == [
        (date(2026, 7, 1), date(2026, 7, 2)),
        (date(2026, 7, 4), date(2026, 7, 4)),
    ]
    assert given_up(incomplete, now) == {date(2026, 7, 3)}


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


def test_a_date_gathered_before_its_announcement_waits_for_the_next_gather_over_it() -> None:
    # Announced on Thursday evening, US Eastern.
    wednesday, announced = date(2026, 6, 17), datetime(2026, 6, 19, 0, tzinfo=UTC)
    window = (date(2026, 6, 14), date(2026, 6, 20))
    early = {wednesday: announced - timedelta(seconds=1)}
    assert gathered_too_early(early, window) == [wednesday]
    assert gathered_too_early({wednesday: announced}, window) == []
    assert gathered_too_early(early, (date(2026, 6, 18), date(2026, 6, 24))) == []
    assert gathered_too_early(early, None) == []


def choose(
    specs: Sequence[QueuedSpec],
    *,
    busy: Collection[str] = (),
    spent: float = 0.0,
    day: float = 50.0,
    repo_usd: Mapping[str, float] | None = None,
    shares: Mapping[str, float] | None = None,
    crashes: Mapping[str, Crashes] | None = None,
) -> Launches:
    """With five dollars a repo, and nothing launched before."""
    limits = BudgetLimits(repo_usd=5, day_usd=day, phase_usd={})
    budget = Budget(limits=limits, spent_usd=spent, repo_usd=repo_usd or {}, shares=shares or {})
    return choose_launches(specs, busy=busy, budget=budget, launched_before=0, now=NOW, crashes=crashes)


def names(launches: Launches) -> list[str]:
    return [queued.spec.name for queued in launches.specs]


def test_a_spec_that_has_a_run_is_not_launched_again() -> None:
    launches = choose([queued("one-tool"), queued("other-tool", rank=2)], busy={"one-tool"})
    assert names(launches) == ["other-tool"]
    assert launches.already_running == 1


def test_launches_stop_at_what_the_days_budget_covers_with_the_runs_in_flight() -> None:
    specs = [queued(f"tool-{letter}", rank=rank) for rank, letter in enumerate("abcd", start=1)]
    launches = choose(specs, busy={"running-tool"}, spent=4, day=20)
    assert names(launches) == ["tool-a", "tool-b"]
    assert launches.held_by_budget == 2


def test_what_a_running_repo_has_spent_or_reserved_is_not_counted_a_second_time() -> None:
    specs = [queued(f"tool-{letter}", rank=rank) for rank, letter in enumerate("abcd", start=1)]
    # Three of its five dollars are spent or reserved: they are in the day's nine already, two more may come.
    launches = choose(specs, busy={"running-tool"}, spent=9, day=26, repo_usd={"running-tool": 3})
    assert names(launches) == ["tool-a", "tool-b", "tool-c"]


def test_a_repo_that_goes_on_needs_only_what_is_left_of_its_budget() -> None:
    specs = [queued("half-done", rank=1), queued("fresh-tool", rank=2)]
    assert names(choose(specs, spent=43, repo_usd={"half-done": 3})) == ["half-done", "fresh-tool"]
    assert names(choose(specs, spent=43)) == ["half-done"]


def test_a_large_spec_takes_its_own_share_of_the_day() -> None:
    specs = [queued("large-tool", rank=1), queued("tool-a", rank=2), queued("tool-b", rank=3)]
    assert names(choose(specs, day=26, shares={"large-tool": 4.0})) == ["large-tool", "tool-a"]


def test_a_spec_that_no_day_has_room_for_holds_back_no_other() -> None:
    specs = [queued("large-tool", rank=1), queued("tool-a", rank=2)]
    launches = choose(specs, day=15, shares={"large-tool": 4.0})
    assert names(launches) == ["tool-a"]
    assert launches.held_by_budget == 1


def test_a_running_repo_that_overshot_its_budget_gives_no_other_room() -> None:
    specs = [queued("tool-a", rank=1), queued("tool-b", rank=2)]
    launches = choose(specs, busy={"running-tool"}, spent=42, repo_usd={"running-tool": 7})
    assert names(launches) == ["tool-a"]


def test_an_exhausted_budget_launches_nothing_and_says_how_many_wait_for_it() -> None:
    launches = choose([queued("one-tool")], spent=49)
    assert launches.specs == ()
    assert launches.held_by_budget == 1
    assert launches.held == (
        "for budget: 1 (the day's is used up or set aside; it turns at 00:00 UTC, or raise FACTORY_DAY_BUDGET_USD)",
    )


def test_a_spec_whose_runs_end_red_without_a_verdict_waits_longer_each_time() -> None:
    assert [Crashes(count, NOW).not_before - NOW for count in (1, 2, 3, 4, 20)] == [
        timedelta(0),
        timedelta(minutes=10),
        timedelta(minutes=20),
        timedelta(minutes=40),
        timedelta(hours=6),
    ]
    specs = [queued("sound-tool", rank=1), queued("crashing-tool", rank=2)]
    launches = choose(specs, crashes={"crashing-tool": Crashes(2, NOW - timedelta(minutes=9))})
    assert names(launches) == ["sound-tool"]
    assert launches.held_by_crashes == 1
    assert names(choose(specs, crashes={"crashing-tool": Crashes(2, NOW - timedelta(minutes=10))})) == [
        "sound-tool",
        "crashing-tool",
    ]


def backlog() -> list[QueuedSpec]:
    """Six dates with two specs each, in no order; old-a is the oldest."""
    letters = "abcdef"
    return [
        queued(f"tool-{letter}-{rank}", day=date(2026, 6, 10) + timedelta(days=number), rank=rank)
        for number, letter in enumerate(letters)
        for rank in (2, 1)
    ]


def order(specs: Sequence[QueuedSpec], launched_before: int) -> list[str]:
    return [launch.queued.spec.name for launch in launch_order(specs, launched_before)]


def test_newest_dates_go_first_and_each_fifth_launch_is_the_oldest() -> None:
    assert order(backlog(), 0) == [
        "tool-f-1",
        "tool-f-2",
        "tool-e-1",
        "tool-e-2",
        "tool-a-1",
        "tool-d-1",
        "tool-d-2",
        "tool-c-1",
        "tool-c-2",
        "tool-a-2",
        "tool-b-1",
        "tool-b-2",
    ]


def test_the_oldest_gets_its_turn_also_when_specs_are_launched_one_at_a_time() -> None:
    waiting, launched = backlog(), []
    for before in range(10):
        name = order(waiting, before)[0]
        launched.append(name)
        waiting = [item for item in waiting if item.spec.name != name]
    assert launched == order(backlog(), 0)[:10]


def test_priorities_keep_the_order_in_dagsters_queue_below_what_a_person_launches() -> None:
    priorities = [launch.priority for launch in launch_order(backlog(), 0)]
    assert priorities == sorted(priorities, reverse=True)
    assert max(priorities) < 0


def test_a_newer_date_that_is_queued_later_goes_before_all_that_waits() -> None:
    newer = queued("new-tool", day=date(2026, 6, 16), rank=40)
    (launch,) = launch_order([newer], 12)
    assert launch.priority > max(waiting.priority for waiting in launch_order(backlog(), 0))


def test_a_refused_credential_is_tried_again_at_most_every_ten_minutes() -> None:
    hold = Hold(cause=WaitCause.CREDENTIAL, reason="401", fix="A new key.", since=NOW, credential="one")
    ten = timedelta(minutes=10)
    assert not hold.may_probe(NOW + ten - timedelta(seconds=1), None)
    assert hold.may_probe(NOW + ten, None)
    assert not hold.may_probe(NOW + 2 * ten - timedelta(seconds=1), NOW + ten)
    assert hold.may_probe(NOW + 2 * ten, NOW + ten)


def test_a_stop_that_keeps_coming_back_is_tried_ever_more_seldom_and_at_the_time_that_it_tells() -> None:
    hold = Hold(cause=WaitCause.CREDENTIAL, reason="402", fix="Pay.", since=NOW, credential="one", tries=3)
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    assert hold.probe_pause == 80 * minute
    assert hold.opens_at == NOW + 6 * hour
    last_probe = NOW + 5 * hour
    assert not hold.may_probe(NOW + 6 * hour - minute, last_probe)
    assert hold.may_probe(NOW + 6 * hour, last_probe)
    assert not hold.may_probe(NOW + 6 * hour + minute, NOW + 6 * hour)
