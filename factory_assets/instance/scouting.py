"""Scouting for one instance: the catalogues in which it looks up whether what specs describe exists already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from factory_assets.domain.clock import Clock
from factory_assets.domain.redaction import Redactor
from factory_assets.domain.specs import QueuedSpec
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.instance.services import Services
from factory_assets.instance.tools import Tools
from factory_assets.instance.turns import ServerTurns
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.domain.novelty import Novelty
    from factory_assets.novelty.catalogues import Catalogue

Notify = Callable[[str], None]


class Scouting:
    """Looks specs up."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        clock: Clock,
        *,
        replay: Replay,
        secrets: Secrets,
        tools: Tools,
        turns: ServerTurns,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._replay = replay
        self._secrets = secrets
        self._tools = tools
        self._turns = turns

    def look_up(self, specs: Sequence[QueuedSpec], notify: Notify) -> dict[int, Novelty]:
        """What is known of the novelty of these specs, by id.

        Those whose build has not begun are looked up, unless everything is known of them since a few days.

        Raises:
            RegistryBusyError, InfrastructureError: of the registry alone; a service that fails is in the result.
        """
        redact = self._secrets.redactor()
        with redact.stage(notify) as told:
            return self._look_up(specs, redact, told)

    def _look_up(self, specs: Sequence[QueuedSpec], redact: Redactor, notify: Notify) -> dict[int, Novelty]:
        from factory_assets.novelty.stage import KEPT_FOR, Wanted, look_up

        registry, floor = self._registry, self._settings.factory_novelty_floor
        shares = self._settings.factory_novelty_shares
        known = registry.novelty.of([queued.id for queued in specs])
        now = self._clock.now()
        stale = [
            queued
            for queued in specs
            if queued.started_at is None
            and not (
                (found := known.get(queued.id))
                and found.holds(since=now - KEPT_FOR, floor=floor, shares=shares)
            )
        ]
        catalogues = self._catalogues(notify) if stale else []
        for queued in stale:
            wanted = Wanted(
                queued.spec,
                tuple(registry.evidence.papers_of(queued)),
                registry.novelty.own_repos(queued.id),
            )
            found = look_up(
                wanted,
                catalogues,
                registry.novelty,
                floor=floor,
                shares=shares,
                now=self._clock.now,
                clean=redact,
            )
            registry.novelty.record(queued.id, found)
            notify(f"{queued.spec.name}: {found}")
            known[queued.id] = found
        return known

    def _catalogues(self, notify: Notify) -> list[Catalogue]:
        from factory_assets.novelty.catalogues import GitHub, Npm, PaperPages, Pypi

        services = Services(
            self._settings,
            self._replay,
            self._turns,
            notify,
            later="Nothing is to be done: it is looked up again before the spec is built.",
        )
        indexes = self._tools.indexes()
        replay = self._replay.url if self._replay.is_on else None
        npm = services.of("npm", fix="Check the network, and FACTORY_NPM_URL or npm's registry.")
        pypi = services.of("PyPI", fix="Check the network, and FACTORY_PYPI_URL or pip's index.")
        return [
            PaperPages(*services.paper_pages()),
            GitHub(*services.github_search()),
            Npm(npm, lambda: replay or indexes.npm_url),
            Pypi(pypi, lambda: f"{replay}/simple" if replay else indexes.pypi_url),
        ]
