"""The servers that an instance asks, in turns over all programs of the machine, or those of its replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from factory_assets.instance.secrets import Replay
from factory_assets.instance.turns import ServerTurns
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.network.github import GitHubApi
    from factory_assets.network.service import Service

Notify = Callable[[str], None]

USER_AGENT = "software-factory/0.1 (a Dagster project that reads new papers; one operator, one machine)"
PAPER_PAGES_URL = "https://huggingface.co"
# Search: 30 requests a minute with a token, 10 without one
# (https://docs.github.com/en/rest/search/search#rate-limit).
_SEARCH_SECONDS, _SEARCH_SECONDS_WITHOUT_TOKEN = 2.1, 6.2
# All else: 5,000 requests an hour with a token, 60 without, after which it has to be waited for
# (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api).
_READ_SECONDS = 0.75
# The others name no figure.
_SECONDS = 1.0
_GITHUB_FIX = "Check the network, GITHUB_TOKEN and FACTORY_GITHUB_URL."


class Services:
    """Makes services, each for one piece of work. `later` says what comes of a fault that passes by itself."""

    def __init__(
        self, settings: Settings, replay: Replay, turns: ServerTurns, notify: Notify, *, later: str
    ) -> None:
        self._settings = settings
        self._replay = replay
        self._turns = turns
        self._notify = notify
        self._later = later

    def of(
        self, name: str, *, fix: str, seconds: float = _SECONDS, headers: dict[str, str] | None = None
    ) -> Service:
        """A service that is asked once in so many seconds."""
        from factory_assets.network.service import Service

        return Service(
            name=name,
            politeness=self._turns.at(
                name.lower().replace(" ", "-"), seconds=0 if self._replay.is_on else seconds
            ),
            notify=self._notify,
            fix=fix,
            later=self._later,
            headers={"User-Agent": USER_AGENT, **(headers or {})},
        )

    def paper_pages(self) -> tuple[Service, str]:
        """The pages that Hugging Face keeps of papers, and their address."""
        service = self.of("Hugging Face", fix="Check that this machine reaches it.")
        return service, self._replay.url if self._replay.is_on else PAPER_PAGES_URL

    def github_search(self) -> tuple[Service, str]:
        """GitHub's search, and the address of its API."""
        seconds = (
            _SEARCH_SECONDS if self._github_headers().keys() > {"Accept"} else _SEARCH_SECONDS_WITHOUT_TOKEN
        )
        service = self.of("GitHub", fix=_GITHUB_FIX, seconds=seconds, headers=self._github_headers())
        return service, self._replay.url if self._replay.is_on else self._settings.factory_github_url

    def github(self) -> GitHubApi:
        """GitHub's search, and what repositories say of themselves."""
        from factory_assets.network.github import NOT_SERVED, GitHubApi

        searching, url = self.github_search()
        reading = self.of(
            "GitHub repositories", fix=_GITHUB_FIX, seconds=_READ_SECONDS, headers=self._github_headers()
        )
        reading.absent = NOT_SERVED
        return GitHubApi(searching, reading, url)

    def _github_headers(self) -> dict[str, str]:
        token = self._replay.github_token if self._replay.is_on else self._settings.github_token
        signed = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        return {"Accept": "application/vnd.github+json", **signed}
