"""Sending alerts that are due: one request per cause and place, tried again at the next look where it failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue, SecretStr

from factory_assets.domain.alerts import AlertStore, KnownAlert

SECONDS = 10.0


@dataclass(frozen=True)
class Places:
    """Where alerts go; both addresses are secrets, since whoever knows them can post there."""

    webhook: SecretStr | None
    slack: SecretStr | None

    def __bool__(self) -> bool:
        return self.webhook is not None or self.slack is not None


@dataclass(frozen=True)
class Told:
    """What became of the alerts that were due: causes told, and why others could not be."""

    causes: tuple[str, ...]
    failures: tuple[str, ...]


def send_due(store: AlertStore, places: Places, *, now: datetime) -> Told:
    """Send every alert that is due to every place.

    One that a place did not take stays due: the next look sends it again, also to a place that has it already,
    since twice is better than never.
    """
    causes, failures = [], []
    for alert in store.due_alerts(now):
        troubles = [trouble for trouble in _post(alert, places) if trouble]
        failures += troubles
        if not troubles:
            store.mark_told(alert.cause, now=now)
            causes.append(alert.cause)
    return Told(tuple(causes), tuple(failures))


def _post(alert: KnownAlert, places: Places) -> list[str | None]:
    targets: Sequence[tuple[str, SecretStr | None, Callable[[KnownAlert], JsonValue]]] = (
        ("webhook", places.webhook, _webhook_body),
        ("Slack", places.slack, _slack_body),
    )
    return [_post_to(name, url, body(alert)) for name, url, body in targets if url is not None]


def _post_to(name: str, url: SecretStr, body: JsonValue) -> str | None:
    import httpx

    try:
        answer = httpx.post(url.get_secret_value(), json=body, timeout=SECONDS, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The error's own text can hold the address.
        return f"{name}: {type(error).__name__}"
    return None if answer.is_success else f"{name}: it answered {answer.status_code}"


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
