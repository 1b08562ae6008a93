"""Sending alerts that are due: one request per cause and place, tried again at the next look where no place took it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from pydantic import JsonValue, SecretStr

from factory_assets.domain.alerts import Alert, KnownAlert
from factory_assets.domain.errors import InputError
from factory_assets.domain.ports import AlertStore

SECONDS = 10.0
URLS_SETTING = "FACTORY_ALERT_URLS"


@dataclass(frozen=True)
class AlertPlaces:
    """Where alerts go; all these addresses are secrets, since whoever knows them can post there.

    Args:
        webhook: gets each alert as JSON.
        slack: a Slack incoming webhook, or one that takes Slack's form.
        urls: of apprise.
    """

    webhook: SecretStr | None
    slack: SecretStr | None
    urls: tuple[SecretStr, ...] = ()

    def __bool__(self) -> bool:
        return self.webhook is not None or self.slack is not None or bool(self.urls)


@dataclass(frozen=True)
class _Place:
    """One place that is set: its name, what to correct where it is dead, and how an alert is brought there."""

    name: str
    setting: str
    post: Callable[[KnownAlert], str | None]


@dataclass(frozen=True)
class Told:
    """What became of the alerts that were due: causes told, and which places did not take one, and why."""

    causes: tuple[str, ...]
    failures: tuple[str, ...]


def send_due(store: AlertStore, places: AlertPlaces, *, now: datetime) -> Told:
    """Send every alert that is due to every place.

    One that no place took stays due. One that a single place did not take is told: sent again at each look it would
    flood the other. That the place is dead becomes an alert itself, so that the other one tells of it.
    """
    causes, failures = [], []
    targets = list(_targets(places))
    for alert in store.due(now):
        answers = [(place, place.post(alert)) for place in targets]
        troubles = [(place, trouble) for place, trouble in answers if trouble]
        failures += [f"{place.name}: {trouble}" for place, trouble in troubles]
        if len(troubles) == len(answers):
            continue
        store.mark_told(alert.cause, now=now)
        causes.append(alert.cause)
        for place, trouble in troubles:
            store.note(_dead(place, trouble, alert.link), now=now)
    return Told(tuple(causes), tuple(failures))


def _dead(place: _Place, trouble: str, link: str) -> Alert:
    return Alert(
        cause=f"no alerts: {place.name}",
        title=f"Alerts do not arrive at the {place.name}",
        text=f"{trouble}. Correct {place.setting} or take it out.",
        link=link,
    )


def _targets(places: AlertPlaces) -> Iterator[_Place]:
    if (webhook := places.webhook) is not None:
        yield _Place(
            "webhook", "FACTORY_ALERT_WEBHOOK", lambda alert: _post_to(webhook, _webhook_body(alert))
        )
    if (slack := places.slack) is not None:
        yield _Place(
            "Slack webhook", "FACTORY_SLACK_WEBHOOK", lambda alert: _post_to(slack, _slack_body(alert))
        )
    for number, url in enumerate(places.urls, start=1):
        yield _Place(f"alert URL {number}", f"URL {number} of {URLS_SETTING}", partial(_send_to, url))


def _send_to(url: SecretStr, alert: KnownAlert) -> str | None:
    from factory_assets.network.apprise_urls import send

    body = f"{alert.text}\n{alert.link}"
    return send(url, title=f"{alert.title}{_often(alert)}", body=body, seconds=SECONDS)


def _post_to(url: SecretStr, body: JsonValue) -> str | None:
    import httpx

    from factory_assets.network.clients import ask

    try:
        answer = ask("POST", url.get_secret_value(), body=body, timeout=SECONDS)
    except InputError as error:
        return str(error)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The error's own text can hold the address.
        return type(error).__name__
    return None if answer.is_success else f"It answered {answer.status_code}"


def _webhook_body(alert: KnownAlert) -> JsonValue:
    return {
        "cause": alert.cause,
        "title": alert.title,
        "text": alert.text,
        "link": alert.link,
        "times": alert.times,
        "since": alert.first_at.isoformat(),
        "last": alert.last_at.isoformat(),
    }


def _slack_body(alert: KnownAlert) -> JsonValue:
    """Slack's incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""
    text = f"*{_escaped(alert.title)}*{_often(alert)}\n{_escaped(alert.text)}\n<{alert.link}|Open in Dagster>"
    return {"text": text}


def _often(alert: KnownAlert) -> str:
    return f" ({alert.times} times since {alert.first_at:%Y-%m-%d %H:%M} UTC)" if alert.times > 1 else ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
