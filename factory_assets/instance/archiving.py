"""The archive of one instance: from where it is harvested, what it holds, and how that agrees with the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from factory_assets.domain.announcements import settled_at
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import InputError
from factory_assets.domain.papers import Paper
from factory_assets.instance.router import InstanceRouter
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.instance.services import USER_AGENT
from factory_assets.instance.turns import ServerTurns
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.archive import Archive
    from factory_assets.archive.catalogue import Catalogue
    from factory_assets.archive.embedded import Embedded
    from factory_assets.archive.report import HarvestReport
    from factory_assets.archive.space import Space

Notify = Callable[[str], None]


class Archiving:
    """Harvests, and tells what is held. Implements HeldPapers."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        clock: Clock,
        *,
        replay: Replay,
        secrets: Secrets,
        router: InstanceRouter,
        turns: ServerTurns,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._replay = replay
        self._secrets = secrets
        self._router = router
        self._turns = turns

    @cached_property
    def archive(self) -> Archive:
        """Its records."""
        from factory_assets.archive import Archive

        return Archive(self._settings.archive_dir)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Which dates of change are in it."""
        from factory_assets.archive.catalogue import Catalogue

        return Catalogue(self.archive)

    def space(self) -> Space:
        """Where papers that speak of the same lie near each other.

        Raises:
            InputError: vectors of a model are wanted, and none is named.
        """
        from factory_assets.archive.space import Space

        return Space(self.archive, None if self._learns else self._embedded())

    def make_ready(self, notify: Notify) -> None:
        """Bring up to date what questions are answered from; vectors that cost money wait for the first question."""
        from factory_assets.archive.ready import make_ready

        make_ready(self.archive, self.space() if self._learns else None, notify)

    @property
    def _learns(self) -> bool:
        # A replay instance reaches no server.
        return self._settings.factory_archive_space == "learned" or self._replay.is_on

    def _embedded(self) -> Embedded:
        from factory_assets.archive.embedded import Embedded
        from factory_assets.llm.routed_vectors import RoutedVectors

        model = self._settings.factory_embeddings_model
        if not model:
            raise InputError(
                "Papers are to be compared by embeddings, and no model of them is named.",
                where="FACTORY_ARCHIVE_SPACE",
                fix="Set FACTORY_EMBEDDINGS_MODEL, and FACTORY_EMBEDDINGS_URL or a backends file that lists it; or set"
                " FACTORY_ARCHIVE_SPACE=learned.",
            )
        return Embedded(
            RoutedVectors(
                access=lambda: self._router.access,
                model=model,
                day_usd=self._settings.factory_day_budget_usd,
                spent_usd=self._spent_today,
                ledger=self._registry.ledger,
                now=self._clock.now,
            )
        )

    def _spent_today(self) -> float:
        midnight = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return self._registry.ledger.spent_since(midnight)

    @property
    def source_name(self) -> str:
        """From where it is harvested, in words."""
        if self._replay.is_on:
            return "the replay server"
        return self._secrets.redactor()(self._settings.factory_oai_url)

    def harvest(self, first: date, last: date, notify: Notify) -> Iterator[HarvestReport]:
        """Harvest the records that changed on these dates, window by window, and make them ready for questions.

        See archive.harvest.
        """
        from factory_assets.archive.harvest import Harvester
        from factory_assets.archive.oai import OaiClient

        settings = self._settings
        with self._secrets.redactor().stage(notify) as told:
            client = OaiClient(
                url=f"{self._replay.url}/oai" if self._replay.is_on else settings.factory_oai_url,
                politeness=self._turns.arxiv(),
                user_agent=USER_AGENT,
                notify=told,
            )
            harvester = Harvester(
                client,
                self.archive,
                set_specs=settings.factory_oai_sets,
                notify=told,
                now=self._clock.now,
            )
            yield from harvester.harvest(first, last)
            self.make_ready(told)

    def next_dates(self) -> tuple[date, date]:
        """What the next harvest asks for: all since the last one, or since the first date partition."""
        from factory_assets.archive.harvest import next_first_day

        last = self.catalogue.last_harvest(self._settings.factory_oai_sets)
        first = self._settings.factory_start_date if last is None else next_first_day(last)
        today = self._clock.now().date()
        return min(first, today), today

    def holds(self, days: Sequence[date]) -> set[date]:
        """Those of some dates whose papers are all in the archive, as far as they are in its sets."""
        return self.catalogue.holds(
            days, self._settings.factory_oai_sets, settled=[settled_at(day) for day in days]
        )

    def papers_of(self, first: date, last: date) -> list[Paper]:
        """The papers first submitted on these dates, both included, that are in the archive; the oldest first."""
        return [record.paper for record in self.archive.of_dates(first, last)]

    def is_inside(self, paper: Paper) -> bool:
        """Whether a paper is in one of the sets."""
        from factory_assets.archive.sets import in_sets

        return in_sets(paper.categories, self._settings.factory_oai_sets)
