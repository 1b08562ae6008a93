"""One call on its way to one backend: metered, written down, and told to all who rule how further ones go."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from factory_assets.router.asked import Asked
from factory_assets.router.backends import Model
from factory_assets.router.grants import Live
from factory_assets.router.health import CallEnding, HealthCall
from factory_assets.router.journal import Journal
from factory_assets.router.limits import CallSlot
from factory_assets.router.metering import TrackedCall
from factory_assets.router.shapes import CallFacts, Outcome

# What callers' own mistakes and limits are called; see shapes.Outcome.
_OUTCOMES = {
    CallEnding.WHOLE: Outcome.ANSWERED,
    CallEnding.CUT: Outcome.BROKEN_OFF,
    CallEnding.HUNG_UP: Outcome.HUNG_UP,
}


@dataclass
class MeteredCall:
    """A call of a grant in its meter and in the journal; it holds one of the grant's places until it is over."""

    live: Live
    journal: Journal
    clock: Callable[[], datetime]
    call: TrackedCall = field(init=False)
    number: int = 0

    @classmethod
    def begin(
        cls,
        live: Live,
        asked: Asked,
        size: int,
        *,
        model: Model,
        journal: Journal,
        clock: Callable[[], datetime],
        routed: tuple[int, int] | None,
    ) -> MeteredCall:
        """Write it down before it goes out to a backend's model."""
        own = cls(live, journal, clock)
        # Where the file names no price, it is that of the model that answers.
        own.call = live.meter.call(asked, size, model.cost_usd if model.price else None)
        own.number = journal.begin(live.grant, asked.model, own.call.estimate, now=clock(), routed=routed)
        return own

    def heard(self, content: bytes) -> None:
        """Take a part of its answer."""
        if self.call.heard(content):
            # Where this process ends before the answer does, what stands there is what is known.
            self.journal.count(self.number, self.call.usage)

    def ended(self) -> None:
        """It is over; a second time does nothing."""
        if self.call.outcome:
            return
        self.live.places.release()
        self.call.ended()
        self.journal.settle(self.number, self.call.usage, self.call.outcome, now=self.clock())


@dataclass
class BackendAttempt:
    """A metered call at a backend; implements passing.Listener."""

    metered: MeteredCall
    health: HealthCall
    slot: CallSlot
    model: str
    tell: Callable[[CallFacts], None]
    heard_of: Callable[[int, Mapping[str, str]], None]
    _began: float = field(default_factory=time.monotonic)
    _first_byte: float | None = None
    _status: int | None = None
    _is_over: bool = False

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """See passing.Listener."""
        self._status, self._first_byte = status, time.monotonic() - self._began
        self.metered.call.answered(status, headers.get("content-type", ""))
        self.slot.answered(status, headers)
        self.heard_of(status, headers)
        refused = self.health.answered(status, headers)
        if refused is not None:
            self.metered.live.tell(str(refused))

    def heard(self, content: bytes) -> None:
        """See passing.Listener."""
        self.metered.heard(content)

    def unanswered(self) -> None:
        """See passing.Listener."""
        self.metered.call.unanswered()

    def ended(self, ending: CallEnding) -> None:
        """See passing.Listener."""
        if self._is_over:
            return
        self._is_over = True
        self.slot.ended()
        self.health.ended(ending)
        self.metered.ended()
        self.tell(
            CallFacts(
                outcome=self._outcome(ending),
                model=self.model,
                phase=self.metered.live.grant.phase or self.metered.live.grant.stage,
                seconds=time.monotonic() - self._began,
                first_byte_seconds=self._first_byte,
                usage=self.metered.call.usage,
            )
        )

    def _outcome(self, ending: CallEnding) -> Outcome:
        if self._status == 429:
            return Outcome.RATE_LIMITED
        if ending is not CallEnding.HUNG_UP and (self._status is None or self._status >= 400):
            return Outcome.FAILED
        return _OUTCOMES[ending]


class Unmetered:
    """Of what is free; implements passing.Listener."""

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """See passing.Listener."""

    def heard(self, content: bytes) -> None:
        """See passing.Listener."""

    def unanswered(self) -> None:
        """See passing.Listener."""

    def ended(self, ending: CallEnding) -> None:
        """See passing.Listener."""
