"""Where a session lives: the backend that has answered it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from factory_assets.router.backends import Backend
from factory_assets.router.incoming import Incoming

_MOST_SESSIONS = 10_000


@dataclass(frozen=True)
class Homes:
    """The backend that has answered a session, which all its further calls go to.

    Thinking may be readable in the account alone that it was signed in, and the prompt is cached there.
    """

    _names: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict)

    def chain_of(self, incoming: Incoming, chain: tuple[Backend, ...]) -> tuple[Backend, ...]:
        """The backends that a call may go to."""
        home = self._names.get(self._key(incoming))
        return tuple(backend for backend in chain if backend.name == home) or chain

    def settle(self, incoming: Incoming, backend: Backend) -> None:
        """A call was answered there."""
        if incoming.asked.session is not None:
            key = self._key(incoming)
            self._names[key] = backend.name
            self._names.move_to_end(key)
            while len(self._names) > _MOST_SESSIONS:
                self._names.popitem(last=False)

    def _key(self, incoming: Incoming) -> tuple[str, str]:
        return incoming.live.grant.repo or incoming.live.grant.id, incoming.asked.session or ""
