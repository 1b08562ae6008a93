"""Sending alerts that are due: one request per cause and place, tried again at the next look where no place took it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue, SecretStr

from factory_assets.domain.alerts import Alert, AlertStore, KnownAlert
from factory_assets.domain.errors import InputError

SECONDS = 10.0
_SETTINGS = {"webhook": "FACTORY_ALERT_WEBHOOK", "Slack webhook": "FACTORY_SLACK_WEBHOOK"}


@dataclass(frozen=True)
class Places:
    """Where alerts go; both addresses are secrets, since whoever knows them can post there."""

    webhook: SecretStr | None
    slack: SecretStr | None

    def __bool__(self) -> bool:
        return self.webhook is not None or self.slack is not None


@dataclass(frozen=True)
class Told:
    """What became of the alerts that were due: causes told, and which places did not take one, and why."""

    causes: tuple[str, ...]
    failures: tuple[str, ...]


def send_due(store: AlertStore, places: Places, *, now: datetime) -> Told:
    """Send every alert that is due to every place.

    One that no place took stays due. One that a single place did not take is told: sent again at each look it would
    flood the other. That the place is dead becomes an alert itself, so that the other one tells of it.
    """
    causes, failures = [], []
    for alert in store.due_alerts(now):
        answers = _post(alert, places)
        troubles = {place: trouble for place, trouble in answers.items() if trouble}
        failures += [f"{place}: {trouble}" for place, trouble in troubles.items()]
        if len(troubles) == len(answers):
            continue
        store.mark_told(alert.cause, now=now)
        causes.append(alert.cause)
        for place, trouble in troubles.items():
            store.note_alert(_dead(place, trouble, alert.link), now=now)
    return Told(tuple(causes), tuple(failures))


def _dead(place: str, trouble: str, link: str) -> Alert:
    return Alert(
        cause=f"no alerts: {place}",
        title=f"Alerts do not arrive at the {place}",
        text=f"{trouble}. Correct {_SETTINGS[place]} or take it out.",
        link=link,
    )


def _post(alert: KnownAlert, places: Places) -> dict[str, str | None]:
    """What each place that is set had against the alert; None where it took it."""
    targets: Sequence[tuple[str, SecretStr | None, Callable[[KnownAlert], JsonValue]]] = (
        ("webhook", places.webhook, _webhook_body),
        ("Slack webhook", places.slack, _slack_body),
    )
    return {name: _post_to(url, body(alert)) for name, url, body in targets if url is not None}


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
    often = f" ({alert.times} times since {alert.first_at:%Y-%m-%d %H:%M} UTC)" if alert.times > 1 else ""
    text = f"*{_escaped(alert.title)}*{often}\n{_escaped(alert.text)}\n<{alert.link}|Open in Dagster>"
    return {"text": text}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
