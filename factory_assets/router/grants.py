"""The grants at work in one router: what each has spent, and how many of its calls may pass at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from factory_assets.router.journal import Journal
from factory_assets.router.metering import GrantMeter
from factory_assets.router.tokens import Grant

_log = logging.getLogger(__name__)
# What calls cost is known when they are answered, so that only so many may be under way when a budget ends.
_AT_ONCE = 8


@dataclass
class Live:
    """A grant at work. Once it `has_ended` no further call of it passes."""

    grant: Grant
    meter: GrantMeter
    tell: Callable[[str], None] = _log.error
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    has_ended: bool = False


@dataclass(frozen=True)
class Grants:
    """Those that are at work here: neither ended nor over. What they have spent stands in the journal, too."""

    journal: Journal
    _live: dict[str, Live] = field(default_factory=dict)

    def of(self, grant: Grant, *, now: datetime) -> Live:
        """A grant, with what it had spent before this router."""
        if (live := self._live.get(grant.id)) is not None:
            return live
        live = Live(grant, GrantMeter(grant.limit_usd, self.journal.spent(grant.id)))
        if self.journal.has_ended(grant.id):
            live.has_ended = True
            return live
        # Those of workers that died were never ended.
        for over in [one for one, other in self._live.items() if other.grant.until < now]:
            del self._live[over]
        self._live[grant.id] = live
        return live

    @property
    def ids(self) -> list[str]:
        """Those that are at work here."""
        return list(self._live)

    def find(self, grant_id: str) -> Live | None:
        """One that is at work here."""
        return self._live.get(grant_id)

    def end(self, grant_id: str, *, now: datetime) -> None:
        """Let no further call of it pass, whether or not one was made here."""
        self.journal.end_grant(grant_id, now=now)
        if (live := self._live.pop(grant_id, None)) is not None:
            live.has_ended = True
