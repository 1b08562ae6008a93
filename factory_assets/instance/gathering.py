"""Gathering for one instance: where papers come from, by which topics, and where they are kept."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.domain.clock import Clock
from factory_assets.instance.scouting import USER_AGENT
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.gather.report import GatherReport

Notify = Callable[[str], None]


class Gathering:
    """Fetches papers and stores them."""

    def __init__(
        self, settings: Settings, registry: Registry, clock: Clock, replay: Replay, secrets: Secrets
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._replay = replay
        self._secrets = secrets

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
        from factory_assets.gather.arxiv import ArxivSource
        from factory_assets.gather.stage import gather
        from factory_assets.gather.topics import load_topics

        settings = self._settings
        # arXiv counts requests over all programs of a machine, so this file is the machine's.
        shared = settings.factory_data_dir if self._replay.is_on else Path(tempfile.gettempdir())
        with self._secrets.redactor().stage(notify) as told:
            source = ArxivSource(
                url=f"{self._replay.url}/api/query" if self._replay.is_on else settings.factory_arxiv_url,
                interval=settings.factory_arxiv_interval,
                lock_path=shared / "software-factory-arxiv.lock",
                user_agent=USER_AGENT,
                notify=told,
            )
            return gather(
                days,
                source=source,
                topics=load_topics(settings.factory_topics_file),
                store=self._registry.papers,
                now=self._clock.now(),
                notify=told,
                max_per_topic=settings.factory_max_per_topic,
                brought=brought,
            )
