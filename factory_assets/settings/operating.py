"""What an operator sees of the factory, and when it works by itself."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator

from factory_assets.domain.times import check_zone
from factory_assets.settings.kinds import Cron, WebAddress

_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here
# The owners that Dagster accepts.
_OWNER = re.compile(r"team:.+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")


class UiSettings(BaseModel):
    """The UI."""

    factory_ui_host: str = Field("127.0.0.1", description="Address the UI listens on.")
    factory_ui_port: int = Field(3000, ge=1, le=65535, description="Port the UI listens on.")
    factory_ui_url: WebAddress | None = Field(
        None,
        description="Address at which the operator opens the UI, for links; FACTORY_UI_HOST and _PORT by default.",
    )
    factory_owner: str = Field("team:factory", description="Owner of the assets in the UI.")

    @field_validator("factory_owner", mode="after")
    @classmethod
    def _dagster_owner(cls, owner: str) -> str:
        if not _OWNER.fullmatch(owner):
            raise ValueError(f"{owner!r} is neither an e-mail address nor team:name")
        return owner

    @property
    def ui_url(self) -> str:
        """Where the operator opens the UI."""
        return (self.factory_ui_url or self._ui_at(self.factory_ui_host)).rstrip("/")

    @property
    def local_ui_url(self) -> str:
        """Where this machine reaches the UI: one that listens on every address is asked on loopback."""
        return self._ui_at(_LOOPBACK_OF.get(self.factory_ui_host, self.factory_ui_host))

    def _ui_at(self, host: str) -> str:
        return f"http://{f'[{host}]' if ':' in host else host}:{self.factory_ui_port}"


class AlertSettings(BaseModel):
    """Alerts."""

    factory_alert_webhook: SecretStr | None = Field(None, description="URL that gets each alert as JSON.")
    factory_slack_webhook: SecretStr | None = Field(
        None, description="Slack incoming webhook that gets each alert."
    )
    factory_alert_urls: SecretStr | None = Field(
        None,
        description="apprise URLs that get each alert (https://appriseit.com: mail, Telegram, Teams, ntfy and many"
        " more), with blanks between.",
    )

    @field_validator("factory_alert_urls", mode="after")
    @classmethod
    def _urls(cls, urls: SecretStr | None) -> SecretStr | None:
        for number, url in enumerate(_words(urls), start=1):
            # The text must not show the URL: all of it may be a secret.
            if not _is_url(url):
                raise ValueError(f"word {number} is no URL, as ntfy://topic; blanks part URLs")
        return urls

    @property
    def alert_urls(self) -> tuple[SecretStr, ...]:
        """The apprise URLs that get each alert."""
        return tuple(map(SecretStr, _words(self.factory_alert_urls)))


def _is_url(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return re.match(r"[A-Za-z][\w+.-]*://.", text) is not None


def _words(secret: SecretStr | None) -> list[str]:
    return secret.get_secret_value().split() if secret else []


class WatchSettings(BaseModel):
    """For whoever watches over it."""

    factory_metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of FACTORY_UI_HOST for /metrics, which Prometheus reads, and /health; none by default.",
    )
    factory_log_format: Literal["text", "json"] = Field(
        "text", description="How the programs of `make up` write their logs: text, or json, an object a line."
    )


class ScheduleSettings(BaseModel):
    """When the factory works by itself."""

    factory_timezone: str = Field("UTC", description="Time zone of the schedules.")
    factory_gather_cron: Cron = Field(
        "0 * * * *", description="When papers are gathered, as a cron expression."
    )
    factory_analyze_cron: Cron = Field("0 6 * * *", description="When settled dates are analysed.")
    factory_build_cron: Cron = Field("30 6 * * *", description="When the queued specs are launched.")
    factory_mirror_cron: Cron = Field("0 23 * * *", description="When shipped repos are published.")
    factory_report_cron: Cron = Field("0 7 * * *", description="When the report is made.")

    @field_validator("factory_timezone", mode="after")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        check_zone(name)
        return name
