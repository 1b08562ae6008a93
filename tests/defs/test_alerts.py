"""Alerts: one message per cause, sent to real loopback receivers, never lost and never repeated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hook_receiver import Receiver
from pydantic import SecretStr

from factory_assets.alerts.send import AlertPlaces, Told, send_due
from factory_assets.domain.alerts import Alert
from factory_assets.network.apprise_urls import send
from factory_assets.registry import Registry

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry.duckdb")


def alert(repo: str = "tool-a") -> Alert:
    return Alert(
        cause="build: tests-pass",
        title="Builds were refused by tests-pass",
        text=f"{repo} <failed> & more",
        link="http://127.0.0.1:3000/runs",
    )


def test_many_repos_with_one_cause_are_one_message(registry, receiver):
    for number in range(5):
        registry.alerts.note(alert(f"tool-{number}"), now=NOW + timedelta(seconds=number))
    told = send_due(registry.alerts, AlertPlaces(receiver.url, None), now=NOW + timedelta(minutes=1))
    assert told.causes == ("build: tests-pass",)
    (body,) = receiver.bodies
    assert body["times"] == 5
    assert body["text"] == "tool-4 <failed> & more"
    assert body["link"] == "http://127.0.0.1:3000/runs"


def test_the_same_cause_is_told_again_after_a_day_and_not_before(registry, receiver):
    places = AlertPlaces(receiver.url, None)
    registry.alerts.note(alert(), now=NOW)
    send_due(registry.alerts, places, now=NOW)
    registry.alerts.note(alert(), now=NOW + timedelta(hours=3))
    assert send_due(registry.alerts, places, now=NOW + timedelta(hours=23)).causes == ()
    assert send_due(registry.alerts, places, now=NOW + timedelta(hours=24)).causes == ("build: tests-pass",)
    assert [body["times"] for body in receiver.bodies] == [1, 1]
    assert receiver.bodies[1]["since"] == "2026-06-20T15:00:00+00:00"


def test_a_cause_that_does_not_come_again_is_not_told_again(registry, receiver):
    registry.alerts.note(alert(), now=NOW)
    send_due(registry.alerts, AlertPlaces(receiver.url, None), now=NOW)
    assert (
        send_due(registry.alerts, AlertPlaces(receiver.url, None), now=NOW + timedelta(days=3)).causes == ()
    )
    assert len(receiver.bodies) == 1


def test_a_receiver_that_fails_gets_it_at_the_next_look(registry, receiver):
    registry.alerts.note(alert(), now=NOW)
    receiver.status = 503
    told = send_due(registry.alerts, AlertPlaces(receiver.url, None), now=NOW)
    assert (told.causes, told.failures) == ((), ("webhook: It answered 503",))
    receiver.status = 200
    assert send_due(registry.alerts, AlertPlaces(receiver.url, None), now=NOW).causes == (
        "build: tests-pass",
    )
    assert len(receiver.bodies) == 1


def test_a_place_that_is_dead_floods_the_other_one_with_nothing_and_is_told_there(registry, receiver):
    places = AlertPlaces(receiver.url, SecretStr("http://127.0.0.1:9/secret-part"))
    registry.alerts.note(alert(), now=NOW)
    for minute in range(60):
        told = send_due(registry.alerts, places, now=NOW + timedelta(minutes=minute))
        assert not told.failures or "Slack webhook: ConnectError" in told.failures
    assert [body["cause"] for body in receiver.bodies] == ["build: tests-pass", "no alerts: Slack webhook"]
    assert receiver.bodies[1]["text"] == "ConnectError. Correct FACTORY_SLACK_WEBHOOK or take it out."


def test_a_clock_that_was_ahead_keeps_no_cause_quiet(registry, receiver):
    ahead = NOW + timedelta(days=365)
    registry.alerts.note(alert(), now=ahead)
    send_due(registry.alerts, AlertPlaces(receiver.url, None), now=ahead)
    registry.alerts.note(alert(), now=NOW)
    assert send_due(registry.alerts, AlertPlaces(receiver.url, None), now=NOW).causes == (
        "build: tests-pass",
    )


def test_what_is_noted_once_a_day_is_counted_once_a_day(registry, receiver):
    morning = NOW.replace(hour=0)
    for hour in (12, 13, 25):
        at = morning + timedelta(hours=hour)
        registry.alerts.note(alert(), now=at, unless_since=at.replace(hour=0))
    (known,) = registry.alerts.due(NOW + timedelta(days=2))
    assert known.times == 2


def test_a_receiver_that_is_not_there_is_named_without_its_address(registry):
    registry.alerts.note(alert(), now=NOW)
    places = AlertPlaces(SecretStr("http://127.0.0.1:9/secret-part"), SecretStr("not a url secret-part"))
    told = send_due(registry.alerts, places, now=NOW)
    assert len(told.failures) == 2
    assert "secret-part" not in " ".join(told.failures)
    assert len(registry.alerts.due(NOW)) == 1


def test_slack_gets_its_own_form_with_a_link_and_escaped_text(registry, receiver):
    registry.alerts.note(alert(), now=NOW)
    registry.alerts.note(alert(), now=NOW)
    send_due(registry.alerts, AlertPlaces(None, receiver.url), now=NOW)
    (body,) = receiver.bodies
    assert body == {
        "text": "*Builds were refused by tests-pass* (2 times since 2026-06-20 12:00 UTC)\n"
        "tool-a &lt;failed&gt; &amp; more\n<http://127.0.0.1:3000/runs|Open in Dagster>"
    }


def apprise_url(receiver: Receiver) -> SecretStr:
    return SecretStr(receiver.url.get_secret_value().replace("http://", "json://"))


def test_an_alert_goes_to_each_apprise_url_with_its_title_text_and_link(registry, receiver):
    registry.alerts.note(alert(), now=NOW)
    registry.alerts.note(alert(), now=NOW)
    told = send_due(registry.alerts, AlertPlaces(None, None, (apprise_url(receiver),)), now=NOW)
    assert told == Told(("build: tests-pass",), ())
    (body,) = receiver.bodies
    assert body["title"] == "Builds were refused by tests-pass (2 times since 2026-06-20 12:00 UTC)"
    assert body["message"] == "tool-a <failed> & more\nhttp://127.0.0.1:3000/runs"


def test_an_apprise_url_that_fails_gets_it_at_the_next_look(registry, receiver):
    places = AlertPlaces(None, None, (apprise_url(receiver),))
    registry.alerts.note(alert(), now=NOW)
    receiver.status = 503
    assert send_due(registry.alerts, places, now=NOW) == Told((), ("alert URL 1: It answered 503",))
    receiver.status = 200
    assert send_due(registry.alerts, places, now=NOW).causes == ("build: tests-pass",)


def test_an_apprise_url_that_does_not_answer_in_time_is_given_up(receiver):
    with receiver.silent():
        trouble = send(apprise_url(receiver), title="title", body="body", seconds=0.2)
    assert trouble == "It did not answer in 0.2 s"


def test_what_is_wrong_with_apprise_urls_is_told_by_number_and_nothing_of_them_goes_anywhere(
    registry, receiver, caplog, capfd
):
    registry.alerts.note(alert(), now=NOW)
    urls = ("json://127.0.0.1:9/secret-part", "nosuch://secret-part", "mailto://secret-part:secret-part@[")
    places = AlertPlaces(None, None, (*map(SecretStr, urls), apprise_url(receiver)))
    with caplog.at_level(logging.DEBUG):
        told = send_due(registry.alerts, places, now=NOW)
    assert told.failures == (
        "alert URL 1: It did not take the message",
        "alert URL 2: apprise does not take this URL",
        "alert URL 3: apprise does not take this URL",
    )
    dead = {known.cause: known.text for known in registry.alerts.due(NOW)}
    assert dead["no alerts: alert URL 2"] == (
        "apprise does not take this URL. Correct URL 2 of FACTORY_ALERT_URLS or take it out."
    )
    assert "secret-part" not in f"{told} {dead} {caplog.text} {capfd.readouterr()}"
