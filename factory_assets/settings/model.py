"""All settings of one instance, and what follows from several of them."""

from __future__ import annotations

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from factory_assets.domain.redaction import is_recognisable, secrets_in_url
from factory_assets.settings.access import CitationSettings, ClaudeSettings, MirrorSettings
from factory_assets.settings.archive import ArchiveSettings
from factory_assets.settings.builds import BuildSettings, SandboxSettings
from factory_assets.settings.cluster import ClusterSettings
from factory_assets.settings.ideas import IdeaSettings
from factory_assets.settings.instance import InstanceSettings, Mode
from factory_assets.settings.keeping import KeepingSettings
from factory_assets.settings.models import ModelSettings, RouterSettings
from factory_assets.settings.operating import AlertSettings, ScheduleSettings, UiSettings, WatchSettings
from factory_assets.settings.papers import GatherSettings, PartitionSettings


class Settings(
    ClaudeSettings,
    MirrorSettings,
    CitationSettings,
    BuildSettings,
    ModelSettings,
    RouterSettings,
    SandboxSettings,
    GatherSettings,
    ArchiveSettings,
    PartitionSettings,
    IdeaSettings,
    InstanceSettings,
    ClusterSettings,
    KeepingSettings,
    UiSettings,
    AlertSettings,
    WatchSettings,
    ScheduleSettings,
    BaseSettings,
):
    """The settings of one instance. Field names are the environment's names in lower case."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    @property
    def analyzes_by_batch(self) -> bool:
        """Whether the daily analysis asks in message batches; a recording has nothing to save, and what
        research brings is asked about candidate by candidate.
        """
        return (
            self.factory_analyze_by == "batch"
            and self.factory_specs_from == "papers"
            and self.factory_mode is Mode.LIVE
        )

    @property
    def shared_router_url(self) -> str | None:
        """The router of another host that this one's calls go through, in place of one of its own."""
        return self.llm_router_url if self.factory_router_key and self.factory_mode is Mode.LIVE else None

    @property
    def gateway_url(self) -> str | None:
        """The gateway behind this host's own router that is asked first; none in replay mode."""
        return self.llm_router_url if self.factory_mode is Mode.LIVE and not self.shared_router_url else None

    @property
    def mirrors_to_github(self) -> bool:
        """Whether repos go to GitHub, and not to a local folder: never in replay mode."""
        return self.factory_mode is Mode.LIVE and self.github_token is not None

    def secrets(self) -> dict[str, tuple[str, ...]]:
        """The secret values that are set, by the setting they stand in: every SecretStr, every password in a URL."""
        found = {name: _secrets_of(getattr(self, name)) for name in type(self).model_fields}
        return {name.upper(): values for name, values in found.items() if values}

    def weak_secrets(self) -> list[str]:
        """The settings whose secret is too short or too ordinary a word to be recognised in a text."""
        return [
            name
            for name, values in self.secrets().items()
            if not all(is_recognisable(value) for value in values)
        ]


def _secrets_of(value: object) -> tuple[str, ...]:
    """The text itself where it is a secret, each of the URLs in it, and what opens doors in them."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str):
        return ()
    urls = [word for word in text.split() if "://" in word]
    inner = [secret for url in urls for secret in secrets_in_url(url)]
    return tuple(dict.fromkeys([*([text, *urls] if isinstance(value, SecretStr) else ()), *inner]))
