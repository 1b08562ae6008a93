"""Gathering for one instance: where papers come from, by which topics, and where they are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from factory_assets.domain.clock import Clock
from factory_assets.instance.archiving import Archiving
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.instance.services import USER_AGENT
from factory_assets.instance.turns import ServerTurns
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.gather.agreement import Difference
    from factory_assets.gather.report import GatherReport

Notify = Callable[[str], None]


class Gathering:
    """Fetches papers and stores them."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        clock: Clock,
        *,
        replay: Replay,
        secrets: Secrets,
        archiving: Archiving,
        turns: ServerTurns,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._replay = replay
        self._secrets = secrets
        self._archiving = archiving
        self._turns = turns

    @property
    def source_name(self) -> str:
        """Where papers come from, in words."""
        if self._replay.is_on:
            return "the replay server"
        return self._secrets.redactor()(self._settings.factory_arxiv_url)

    def gather(
        self, days: Sequence[date], notify: Notify, brought: Callable[[GatherReport], None]
    ) -> GatherReport:
        """Gather the papers of these dates; see gather.stage."""
        from factory_assets.gather.archived import ArchivedSource
        from factory_assets.gather.arxiv import ArxivSource
        from factory_assets.gather.stage import gather
        from factory_assets.gather.topics import load_topics

        settings = self._settings
        with self._secrets.redactor().stage(notify) as told:
            source = ArxivSource(
                url=f"{self._replay.url}/api/query" if self._replay.is_on else settings.factory_arxiv_url,
                politeness=self._turns.arxiv(),
                user_agent=USER_AGENT,
                notify=told,
            )
            return gather(
                days,
                source=ArchivedSource(self._archiving, source, told) if settings.factory_archive else source,
                topics=load_topics(settings.factory_topics_file),
                store=self._registry.papers,
                now=self._clock.now(),
                notify=told,
                max_per_topic=settings.factory_max_per_topic,
                brought=brought,
            )

    def differences(self, days: Sequence[date]) -> list[Difference]:
        """Where the registry and the archive tell different papers of a date that the archive holds."""
        from factory_assets.gather.agreement import differences
        from factory_assets.gather.topics import load_topics

        if not (held := self._archiving.holds(days)):
            return []
        return differences(
            sorted(held),
            stored=lambda day: [one.paper for one in self._registry.papers.of_day(day)],
            held=self._archiving,
            topics=load_topics(self._settings.factory_topics_file),
            is_capped=self._settings.factory_max_per_topic is not None,
        )
