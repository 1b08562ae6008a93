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
    """All that this router has met."""

    journal: Journal
    _live: dict[str, Live] = field(default_factory=dict)

    def of(self, grant: Grant) -> Live:
        """A grant at work, with what it had spent before this router."""
        if grant.id not in self._live:
            meter = GrantMeter(grant.limit_usd, self.journal.spent(grant.id))
            self._live[grant.id] = Live(grant, meter, has_ended=self.journal.has_ended(grant.id))
        return self._live[grant.id]

    @property
    def ids(self) -> list[str]:
        """Those that this router has met."""
        return list(self._live)

    def find(self, grant_id: str) -> Live | None:
        """One that this router has met."""
        return self._live.get(grant_id)

    def end(self, grant_id: str, *, now: datetime) -> None:
        """Let no further call of it pass, whether or not one was made here."""
        self.journal.end_grant(grant_id, now=now)
        if (live := self._live.get(grant_id)) is not None:
            live.has_ended = True
