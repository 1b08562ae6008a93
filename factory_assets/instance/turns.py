"""In whose turn an instance asks a server: over all programs of this machine, or all hosts that share a registry."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.instance.secrets import Replay
from factory_assets.registry import Registry
from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.mirror.pacing import Pacing
    from factory_assets.network.politeness import Turns


class ServerTurns:
    """Gives turns at servers, whose limits count over all that a user runs."""

    def __init__(self, settings: Settings, registry: Registry, replay: Replay) -> None:
        self._settings = settings
        self._registry = registry
        self._replay = replay

    def at(self, server: str, *, seconds: float) -> Turns:
        """Turns that begin so many seconds apart. A replay asks nobody but itself."""
        from factory_assets.network.politeness import Politeness, SharedPoliteness

        if self._registry.is_shared and not self._replay.is_on:
            return SharedPoliteness(self._registry.turns_at(server), interval=seconds)
        # The machine's, whatever instance of it asks.
        shared = self._settings.factory_data_dir if self._replay.is_on else Path(tempfile.gettempdir())
        return Politeness(shared / f"software-factory-{server}.lock", interval=seconds)

    def arxiv(self) -> Turns:
        """Turns at arXiv, whatever is asked there: it counts all requests of a user together."""
        return self.at("arxiv", seconds=self._settings.factory_arxiv_interval)

    def mirror(self) -> Pacing:
        """The turn to mirror."""
        from factory_assets.mirror.pacing import FilePlace, Pacing

        settings = self._settings
        if self._registry.is_shared and not self._replay.is_on:
            return Pacing(self._registry.turns_at("mirror"), settings.factory_mirror_interval)
        return Pacing(FilePlace(settings.factory_data_dir / "mirror.lock"), settings.factory_mirror_interval)
