"""How full a subscription's windows are, and what may still start in them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from subscription_headers import HEADER, NOW, headers

from factory_assets.router.windows import Windows


def test_status_tells_how_full_each_window_is_and_when_it_is_whole_again() -> None:
    windows = Windows().heard("anthropic", headers(five=0.83, seven=0.29), NOW)
    assert windows.lines(NOW) == [
        "anthropic: the 5-hour window is 83 % full, resets at 14:00 UTC",
        "anthropic: the 7-day window is 29 % full, resets on 2026-06-20 at 12:00 UTC",
    ]
    assert windows.lines(NOW + timedelta(hours=2)) == [
        "anthropic: the 7-day window is 29 % full, resets on 2026-06-20 at 12:00 UTC"
    ]


def test_a_build_that_would_outlast_the_window_at_its_pace_does_not_start() -> None:
    # 60 % in three hours: full at 14:00 at the earliest, which is when it is reset.
    at_pace = Windows().heard("a", headers(five=0.6), NOW)
    assert at_pace.room("a", 600, NOW).fits
    # 75 % in three hours: full at 13:00.
    too_fast = Windows().heard("a", headers(five=0.75), NOW)
    assert too_fast.room("a", 60, NOW).fits
    room = too_fast.room("a", 61, NOW)
    assert (room.fits, room.why) == (
        False,
        "the 5-hour window is 75 % full, resets at 14:00 UTC, and at this pace full at 13:00 UTC",
    )


def test_the_time_to_come_back_is_when_the_same_build_would_fit() -> None:
    windows = Windows().heard("a", headers(five=0.75), NOW)
    until = windows.room("a", 90, NOW).until
    assert until is not None
    assert NOW < until < NOW + timedelta(hours=2)
    assert windows.room("a", 90, until).fits
    assert not windows.room("a", 90, until - timedelta(minutes=5)).fits


def test_a_window_that_is_reset_before_it_is_full_keeps_nothing_from_starting() -> None:
    windows = Windows().heard("a", headers(five=0.95, five_resets=NOW + timedelta(minutes=5)), NOW)
    assert windows.room("a", 120, NOW).fits


def test_growth_of_late_counts_where_it_is_faster_than_over_the_whole_window() -> None:
    windows = Windows()
    for minutes, used in ((0, 0.2), (10, 0.3), (20, 0.4), (30, 0.5)):
        windows = windows.heard("a", headers(five=used), NOW + timedelta(minutes=minutes))
    now = NOW + timedelta(minutes=30)
    # 1 % a minute: full in 50 minutes, though over the window it is a quarter of that.
    assert windows.room("a", 50, now).fits
    assert not windows.room("a", 51, now).fits
    # An hour without use later, only the window's whole growth is left to go by.
    assert windows.room("a", 51, now + timedelta(minutes=65)).fits


def test_the_first_minutes_of_a_window_are_not_taken_for_its_pace() -> None:
    resets = NOW + timedelta(hours=5) - timedelta(minutes=1)
    windows = Windows().heard("a", headers(five=0.02, five_resets=resets), NOW)
    assert windows.room("a", 300, NOW).fits


@pytest.mark.parametrize(
    "told", [{"five": 1.0}, {"five": 0.99, "status": "rejected"}, {"_5h_status": "rejected"}]
)
def test_in_a_full_window_nothing_starts_before_it_is_reset(told: dict[str, object]) -> None:
    windows = Windows().heard("a", headers(**told), NOW)  # type: ignore[arg-type]
    room = windows.room("a", 0.1, NOW)
    assert (room.fits, room.until) == (False, NOW + timedelta(hours=2))
    assert room.why == "the 5-hour window is full, resets at 14:00 UTC"
    assert windows.room("a", 600, NOW + timedelta(hours=2)).fits


def test_a_full_week_is_waited_for_though_the_5_hour_window_is_empty() -> None:
    windows = Windows().heard("a", headers(five=0.0, seven=1.0), NOW)
    assert windows.room("a", 1, NOW).until == NOW + timedelta(days=3)


def test_the_window_of_one_family_of_models_is_shown_and_stops_no_build() -> None:
    told = headers(five=0.1, status="rejected", representative_claim="seven_day_opus", reset="1781870400")
    windows = Windows().heard("a", told, NOW)
    assert windows.room("a", 60, NOW).fits
    assert "a: the 7-day window (opus) is full, resets on 2026-06-19 at 12:00 UTC" in windows.lines(NOW)


def test_what_claude_code_tells_counts_as_the_headers_do() -> None:
    windows = Windows().told(
        "a",
        status="allowed_warning",
        rate_limit_type="five_hour",
        utilization=0.9,
        resets_at=int((NOW + timedelta(hours=2)).timestamp()),
        now=NOW,
    )
    assert windows.lines(NOW) == ["a: the 5-hour window is 90 % full, resets at 14:00 UTC"]
    for known, until in ((windows, NOW + timedelta(hours=2)), (Windows(), NOW + timedelta(minutes=15))):
        rejected = known.told(
            "a", status="rejected", rate_limit_type=None, utilization=None, resets_at=None, now=NOW
        )
        assert rejected.room("a", 1, NOW).until == until


def test_a_warning_without_a_share_is_told() -> None:
    windows = Windows().heard("a", headers(status="allowed_warning"), NOW)
    assert windows.lines(NOW)[0] == "a: the 5-hour window is nearly full, resets at 14:00 UTC"
    assert windows.room("a", 600, NOW).fits


def test_a_call_that_passes_ends_a_rejection() -> None:
    rejected = Windows().heard("a", headers(status="rejected"), NOW)
    passed = {HEADER + "status": "allowed", HEADER + "representative-claim": "seven_day"}
    assert not rejected.room("a", 1, NOW).fits
    assert rejected.heard("a", passed, NOW).room("a", 1, NOW).fits


def test_a_call_that_passes_ends_a_rejection_though_it_tells_nothing_else_that_is_new() -> None:
    passed = {HEADER + "status": "allowed", HEADER + "representative-claim": "seven_day"}
    rejected = Windows().heard("a", passed, NOW).heard("a", {HEADER + "5h-status": "rejected"}, NOW)
    assert not rejected.room("a", 1, NOW).fits
    assert rejected.heard("a", passed, NOW + timedelta(seconds=10)).room("a", 1, NOW).fits


def test_a_rejection_is_not_believed_for_longer_than_a_window_can_last() -> None:
    told = {HEADER + "status": "rejected", HEADER + "reset": "9999-12-31T23:59:59Z"}
    assert Windows().heard("a", told, NOW).room("a", 1, NOW).until == NOW + timedelta(minutes=15)


def test_what_an_answer_does_not_tell_again_still_holds_until_the_window_ends() -> None:
    windows = Windows().heard("a", headers(five=0.83, seven=0.29), NOW)
    windows = windows.heard("a", {HEADER + "status": "allowed"}, NOW + timedelta(minutes=30))
    assert windows.lines(NOW)[0] == "a: the 5-hour window is 83 % full, resets at 14:00 UTC"
    assert len(windows.lines(NOW)) == 2


def test_each_credential_has_windows_of_its_own() -> None:
    windows = Windows().heard("a", headers(five=1.0), NOW).heard("b", headers(five=0.1), NOW)
    assert (windows.room("a", 1, NOW).fits, windows.room("b", 1, NOW).fits) == (False, True)
    assert windows.room("never heard of", 600, NOW).fits


def test_a_window_that_was_reset_early_starts_anew() -> None:
    windows = Windows()
    for minutes, used in ((0, 0.5), (20, 0.9), (40, 0.05)):
        windows = windows.heard("a", headers(five=used), NOW + timedelta(minutes=minutes))
    assert windows.room("a", 600, NOW + timedelta(minutes=40)).fits
    windows = windows.heard("a", headers(five=0.45), NOW + timedelta(minutes=60))
    # 2 % a minute since then.
    assert windows.room("a", 27, NOW + timedelta(minutes=60)).fits
    assert not windows.room("a", 28, NOW + timedelta(minutes=60)).fits


def test_the_state_is_kept_as_json_and_what_cannot_be_read_is_forgotten() -> None:
    windows = Windows().heard("a", headers(five=0.83, seven=0.29), NOW)
    assert Windows.restored(windows.model_dump_json()) == windows
    assert Windows.restored('{"credentials": {"a": 1}}') == Windows.restored("") == Windows()


def test_nothing_new_is_nothing_to_keep() -> None:
    windows = Windows().heard("a", headers(five=0.83), NOW)
    assert windows.heard("a", headers(five=0.83), NOW + timedelta(seconds=30)) is windows
    assert windows.heard("a", {"content-type": "application/json"}, NOW) is windows
    assert windows.heard("a", headers(five=0.84), NOW + timedelta(seconds=30)) is not windows


def test_the_state_stays_small() -> None:
    windows = Windows()
    for minute in range(5000):
        now = NOW + timedelta(minutes=minute)
        told = headers(five=minute % 300 / 300, five_resets=now + timedelta(minutes=300 - minute % 300))
        windows = windows.heard("a", {**told, f"{HEADER}{minute % 900}d_x-utilization": "0.5"}, now)
    assert len(windows.model_dump_json()) < 10_000
    over = NOW + timedelta(days=1000)
    assert (
        "_x"
        not in windows.heard(
            "a", headers(five=0.5, five_resets=over + timedelta(hours=1)), over
        ).model_dump_json()
    )


@pytest.mark.parametrize(
    "odd", ["", "x", "nan", "inf", "-1", "83", "1e400", "9" * 5000, "9999-12-31T23:59:59Z", "2026-06-17"]
)
@pytest.mark.parametrize(
    "part", ["status", "representative-claim", "5h-utilization", "5h-reset", "5h-status", "reset"]
)
def test_headers_that_make_no_sense_are_as_none(part: str, odd: str) -> None:
    windows = Windows().heard("a", headers(five=0.1) | {HEADER + part: odd}, NOW)
    assert windows.room("a", 60, NOW).fits
    windows.lines(NOW)
    assert Windows.restored(windows.model_dump_json()) == windows
