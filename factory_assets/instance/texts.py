"""Full texts for one instance: from which server, in whose turns, and kept where."""

from __future__ import annotations

from collections.abc import Callable

from factory_assets.domain.clock import Clock
from factory_assets.domain.research import FullTexts
from factory_assets.instance.secrets import Replay
from factory_assets.instance.services import USER_AGENT
from factory_assets.instance.turns import ServerTurns
from factory_assets.settings import Settings

# A source comes with its figures; what is larger is not read.
_MOST_BYTES = 48 * 1024 * 1024
_SECONDS = 180.0
# arXiv's 429 last for minutes, mostly without saying how many.
_PAUSES = (60.0, 180.0)


class Texts:
    """Reads papers' own texts."""

    def __init__(self, settings: Settings, clock: Clock, replay: Replay, turns: ServerTurns) -> None:
        self._settings = settings
        self._clock = clock
        self._replay = replay
        self._turns = turns

    def reader(self, notify: Callable[[str], None]) -> FullTexts:
        """What reads them, for one piece of work: it does not ask again once arXiv has refused.

        `notify` gets a line for every wait.
        """
        from factory_assets.archive import Archive
        from factory_assets.archive.full_text import ArxivTexts
        from factory_assets.archive.text_store import TextStore
        from factory_assets.network.service import Service

        settings = self._settings
        service = Service(
            name="arXiv",
            politeness=self._turns.arxiv(),
            notify=notify,
            fix="Check the network, and FACTORY_ARXIV_TEXT_URL.",
            later="Ask again later; arXiv's state is at https://status.arxiv.org.",
            headers={"User-Agent": USER_AGENT},
            most_bytes=_MOST_BYTES,
            seconds=_SECONDS,
            pauses=_PAUSES,
        )
        archive = Archive(settings.archive_dir)
        return ArxivTexts(
            archive,
            TextStore(archive.folder),
            service,
            url=self._replay.url if self._replay.is_on else settings.factory_arxiv_text_url,
            now=self._clock.now,
        )
