"""A queue that is stopped: nothing is launched until what stopped it is fixed, or may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from automation_ticks import (
    MONDAY_LATER,
    THURSDAY,
    gather,
    minutes_later,
    queue_two,
    repos,
    sense,
    spec_named,
    tick,
)
from defs_factory import DefsFactory

from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import WaitCause


def stop(
    factory: DefsFactory, *, minutes_ago: float = 0, credential: str = "expired", tries: int = 0
) -> None:
    """The queue as a refused credential leaves it."""
    factory.credential.value = credential
    factory.registry.holds.record(
        Hold(
            cause=WaitCause.CREDENTIAL,
            reason="The model's credential was refused: 401.",
            fix="Put a valid key into ANTHROPIC_API_KEY.",
            since=datetime.now(UTC) - timedelta(minutes=minutes_ago),
            credential=factory.credential.digest(),
            tries=tries,
        )
    )
    factory.instance.event_log_storage.set_concurrency_slots("builds", 0)


def slots(factory: DefsFactory) -> int | None:
    limits = factory.instance.event_log_storage.get_pool_limits()
    return next((limit.limit for limit in limits if limit.name == "builds"), None)


STOPPED = (
    "Nothing that needs a model is launched. The model's credential was refused: 401."
    " Fix: Put a valid key into ANTHROPIC_API_KEY."
)


def test_while_the_queue_is_stopped_nothing_is_launched_and_every_tick_says_why(kept: DefsFactory) -> None:
    queue_two(kept)
    gather(kept, THURSDAY)
    stop(kept)
    assert sense(kept) == STOPPED
    assert tick(kept, "build_daily", MONDAY_LATER) == STOPPED
    assert tick(kept, "analyze_daily", MONDAY_LATER) == STOPPED
    assert slots(kept) == 0
    assert kept.credential.probes == 0


def test_another_credential_lifts_the_stop_at_the_next_tick(factory: DefsFactory) -> None:
    queue_two(factory)
    stop(factory)
    factory.credential.value = "renewed"
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]
    assert factory.registry.holds.standing() == []
    assert slots(factory) == factory.settings.build_workers
    assert factory.credential.probes == 0


def test_the_same_credential_lifts_the_stop_once_a_free_probe_finds_it_good(factory: DefsFactory) -> None:
    queue_two(factory)
    stop(factory, minutes_ago=11)
    assert sense(factory) == STOPPED
    assert factory.credential.probes == 1
    factory.credential.accepted = frozenset({"expired"})
    a_minute_ago = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    assert sense(factory, cursor=a_minute_ago) == STOPPED
    assert factory.credential.probes == 1
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]
    assert slots(factory) == factory.settings.build_workers


@pytest.mark.parametrize(("tries", "minutes"), [(0, 60), (1, 120), (9, 360)])
def test_where_only_a_build_can_tell_the_stop_is_lifted_by_time_and_each_time_later(
    factory: DefsFactory, tries: int, minutes: int
) -> None:
    queue_two(factory)
    stop(factory, minutes_ago=minutes - 1, credential="login", tries=tries)
    assert sense(factory) == STOPPED
    stop(factory, minutes_ago=minutes, credential="login", tries=tries)
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]
    assert factory.registry.holds.tries(WaitCause.CREDENTIAL, datetime.now(UTC)) == tries + 1


def test_a_stop_that_comes_back_after_a_try_says_that_it_waits_longer(factory: DefsFactory) -> None:
    queue_two(factory)
    stop(factory, minutes_ago=11)
    factory.credential.accepted = frozenset({"expired"})
    (request, _) = sense(factory)
    factory.credential.accepted = frozenset()
    assert factory.run("build", request.partition_key, request.tags).success
    (hold,) = factory.registry.holds.standing()
    assert hold.tries == 1
    assert "tried every 20 minutes" in str(hold)


@pytest.mark.parametrize(("tries", "minutes"), [(0, 10), (2, 40)])
def test_what_a_machine_lacks_stops_the_builds_for_a_while_and_no_analysis(
    kept: DefsFactory, tries: int, minutes: int
) -> None:
    queue_two(kept)
    gather(kept, THURSDAY)
    hold = Hold(
        cause=WaitCause.TOOLCHAIN,
        reason="git is not installed.",
        fix="Install git.",
        since=datetime.now(UTC) - timedelta(minutes=minutes - 1),
        credential=kept.credential.digest(),
        tries=tries,
    )
    kept.registry.holds.record(hold)
    assert "git is not installed. Fix: Install git." in sense(kept)
    assert len(tick(kept, "analyze_daily", MONDAY_LATER)) == 1
    kept.registry.holds.record(replace(hold, since=hold.since - timedelta(minutes=1)))
    assert repos(sense(kept)) == ["cache-probe", "tree-probe"]
    assert kept.credential.probes == 0


def test_a_build_whose_credential_is_refused_stops_automation_until_it_is_renewed(
    factory: DefsFactory,
) -> None:
    queue_two(factory)
    factory.credential.value = "expired"
    (request, _) = sense(factory)
    assert factory.run("build", request.partition_key, request.tags).success
    words = sense(factory)
    assert isinstance(words, str)
    assert "401 invalid x-api-key" in words
    factory.credential.value = "good"
    minutes_later(factory)
    (again, _) = sense(factory)
    assert again.tags["factory/repo"] == "cache-probe"
    assert again.run_key != request.run_key
    assert factory.run("build", again.partition_key, again.tags).success
    assert spec_named(factory, "cache-probe").status == "shipped"


def held(factory: DefsFactory, cause: WaitCause, *, until: datetime | None = None) -> None:
    """The queue as a refusal of the account or a model leaves it."""
    factory.registry.holds.record(
        Hold(
            cause=cause,
            reason="No more.",
            fix="Wait.",
            since=datetime.now(UTC) - timedelta(days=2),
            credential=factory.credential.digest(),
            until=until,
        )
    )
    factory.instance.event_log_storage.set_concurrency_slots("builds", 0)


def test_a_stop_with_a_date_of_return_ends_then_and_not_before(factory: DefsFactory) -> None:
    queue_two(factory)
    held(factory, WaitCause.USAGE_LIMIT, until=datetime.now(UTC) + timedelta(minutes=2))
    assert "No more. Fix: Wait." in sense(factory)
    held(factory, WaitCause.USAGE_LIMIT, until=datetime.now(UTC) - timedelta(minutes=2))
    assert repos(sense(factory)) == ["cache-probe", "tree-probe"]
    assert slots(factory) == factory.settings.build_workers
    assert factory.credential.probes == 0


@pytest.mark.parametrize("cause", [WaitCause.CREDIT, WaitCause.ACCOUNT, WaitCause.USAGE_LIMIT])
def test_a_state_of_the_account_stops_analyses_and_builds(kept: DefsFactory, cause: WaitCause) -> None:
    queue_two(kept)
    gather(kept, THURSDAY)
    held(kept, cause, until=datetime.now(UTC) + timedelta(days=2))
    assert "No more." in sense(kept)
    assert "No more." in tick(kept, "build_daily", MONDAY_LATER)
    assert "No more." in tick(kept, "analyze_daily", MONDAY_LATER)
    assert kept.credential.probes == 0


@pytest.mark.parametrize("cause", [WaitCause.MODEL, WaitCause.NOT_UNDERSTOOD])
def test_what_a_model_of_the_builds_refuses_stops_no_analysis(kept: DefsFactory, cause: WaitCause) -> None:
    queue_two(kept)
    gather(kept, THURSDAY)
    held(kept, cause, until=datetime.now(UTC) + timedelta(days=2))
    assert "No more." in sense(kept)
    assert len(tick(kept, "analyze_daily", MONDAY_LATER)) == 1


def test_what_the_model_of_the_analysis_refuses_stops_no_build(kept: DefsFactory) -> None:
    queue_two(kept)
    gather(kept, THURSDAY)
    held(kept, WaitCause.ANALYSIS_MODEL, until=datetime.now(UTC) + timedelta(days=2))
    kept.instance.event_log_storage.set_concurrency_slots("builds", 2)
    assert repos(sense(kept)) == ["cache-probe", "tree-probe"]
    assert "No more." in tick(kept, "analyze_daily", MONDAY_LATER)
    assert slots(kept) == 2


def test_a_build_that_meets_an_account_without_credit_stops_the_queue_with_one_text(
    factory: DefsFactory,
) -> None:
    queue_two(factory)
    factory.building.stopped_by = WaitCause.CREDIT
    (request, _) = sense(factory)
    assert factory.run("build", request.partition_key, request.tags).success
    words = sense(factory)
    assert isinstance(words, str)
    assert "no credit left" in words
    assert "Add credit" in words
    assert "credential was refused" not in words
    assert slots(factory) == 0
    assert spec_named(factory, "cache-probe").attempts == 0
    assert factory.building.built == ["cache-probe"]
