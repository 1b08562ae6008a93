"""Citing for one instance: the source that tells who cites whom, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from factory_assets.domain.clock import Clock
from factory_assets.instance.secrets import Replay, Secrets
from factory_assets.instance.services import USER_AGENT
from factory_assets.instance.turns import ServerTurns
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.archive.citation_source import CitationSource
    from factory_assets.archive.citations import Citations

Notify = Callable[[str], None]

# A hundred requests a second at most (https://help.openalex.org/api/authentication/).
_OPENALEX_SECONDS = 0.1
# One request a second with a key; without, a hundred in five minutes, which all who have none share
# (https://www.semanticscholar.org/product/api).
_S2_SECONDS, _S2_SECONDS_WITHOUT_KEY = 1.1, 3.1
_S2_PAUSES, _S2_PAUSES_WITHOUT_KEY = (5.0, 20.0), (10.0, 30.0, 60.0)


class Citing:
    """Looks papers' citations up."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        clock: Clock,
        *,
        replay: Replay,
        secrets: Secrets,
        turns: ServerTurns,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._clock = clock
        self._replay = replay
        self._secrets = secrets
        self._turns = turns

    def graph(self, notify: Notify) -> Citations:
        """Who cites whom. Whoever holds it meets each fault of the source once, in a line to `notify`."""
        from factory_assets.archive.citations import Citations

        redact = self._secrets.redactor()

        def told(line: str) -> None:
            notify(redact(line))

        return Citations(self._source(told), self._registry.citations, self._clock.now, told)

    def _source(self, notify: Notify) -> CitationSource:
        from factory_assets.archive.openalex import OpenAlex
        from factory_assets.archive.semantic_scholar import NOTHING, SemanticScholar
        from factory_assets.network.service import Service

        settings, replays = self._settings, self._replay.is_on
        later = "Nothing is to be done: it is asked for again with the next papers."

        if settings.openalex_api_key is not None and not replays:
            key = settings.openalex_api_key.get_secret_value()
            service = Service(
                name="OpenAlex",
                politeness=self._turns.at("openalex", seconds=_OPENALEX_SECONDS),
                notify=notify,
                fix="Check the network, OPENALEX_API_KEY and FACTORY_OPENALEX_URL.",
                later=later,
                headers={"User-Agent": USER_AGENT},
                credential={"Authorization": f"Bearer {key}"},
                absent=frozenset(),
            )
            return OpenAlex(service, settings.factory_openalex_url)
        secret = None if replays else settings.semantic_scholar_api_key
        seconds = _S2_SECONDS if secret else _S2_SECONDS_WITHOUT_KEY
        service = Service(
            name="Semantic Scholar",
            politeness=self._turns.at("semantic-scholar", seconds=0 if replays else seconds),
            notify=notify,
            fix="Check the network, SEMANTIC_SCHOLAR_API_KEY and FACTORY_SEMANTIC_SCHOLAR_URL.",
            later=f"{later} A key raises the limit: OPENALEX_API_KEY is free.",
            headers={"User-Agent": USER_AGENT},
            credential={"x-api-key": secret.get_secret_value()} if secret else {},
            absent=frozenset(),
            refusals=frozenset({401, 403}),
            answered=NOTHING,
            pauses=_S2_PAUSES if secret else _S2_PAUSES_WITHOUT_KEY,
        )
        return SemanticScholar(
            service, self._replay.url if replays else settings.factory_semantic_scholar_url
        )
