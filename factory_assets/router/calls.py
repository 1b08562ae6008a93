"""One call on its way: metered, written down, and its place given back at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from factory_assets.router.asked import Asked
from factory_assets.router.grants import Live
from factory_assets.router.journal import Journal
from factory_assets.router.metering import Call


@dataclass
class MeteredCall:
    """A call of a grant; implements passing.Listener."""

    live: Live
    call: Call
    number: int
    journal: Journal
    clock: Callable[[], datetime]

    @classmethod
    def begin(
        cls, live: Live, asked: Asked, size: int, *, journal: Journal, clock: Callable[[], datetime]
    ) -> MeteredCall:
        """Write it down before it goes out; it holds one of the grant's places, which it gives back."""
        number = 0
        call = live.meter.call(asked, size, lambda usage: journal.count(number, usage))
        number = journal.begin(live.grant, asked.model, call.estimate, now=clock())
        return cls(live, call, number, journal, clock)

    def answered(self, status: int, content_type: str) -> None:
        """See passing.Listener."""
        self.call.answered(status, content_type)

    def heard(self, content: bytes) -> None:
        """See passing.Listener."""
        self.call.heard(content)

    def unanswered(self) -> None:
        """See passing.Listener."""
        self.call.unanswered()

    def ended(self) -> None:
        """See passing.Listener."""
        if self.call.outcome:
            return
        self.live.places.release()
        self.call.ended()
        self.journal.end(self.number, self.call.outcome, now=self.clock())


class Unmetered:
    """Of what is free; implements passing.Listener."""

    def answered(self, status: int, content_type: str) -> None:
        """See passing.Listener."""

    def heard(self, content: bytes) -> None:
        """See passing.Listener."""

    def unanswered(self) -> None:
        """See passing.Listener."""

    def ended(self) -> None:
        """See passing.Listener."""
