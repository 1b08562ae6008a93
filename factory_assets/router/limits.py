"""Rate limits, read ahead: a call waits until there is room for it, and the repos take turns.

The API tells with every answer how much is left of each limit. Between two answers the room is what was told, plus what
has flowed in since, less what the calls under way are expected to use. Of a limit that nothing was told of, nothing is
held back.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from factory_assets.domain.back_off import pause_after
from factory_assets.domain.errors import RateLimitedError
from factory_assets.router.limit_headers import KINDS, Estimate, Limit, retry_time, told

# Claude Code gives up a stream that is silent for 300 seconds, and asks again.
LONGEST_WAIT = timedelta(seconds=240)
_SOON = timedelta(seconds=5)
# The longest window of a subscription is a week.
_LONGEST_HOLD = timedelta(days=8)
_FIRST_HOLD = timedelta(seconds=2)
_LONGEST_UNNAMED_HOLD = timedelta(minutes=1)
_TICK = timedelta(milliseconds=1)
_MOST_ROOMS = 200
_ALWAYS = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


class LimitRow(BaseModel):
    """One limit of a model at a backend, as it is believed to stand."""

    model_config = ConfigDict(frozen=True)

    backend: str
    model: str
    kind: str
    limit: int
    remaining: int
    whole_at: AwareDatetime
    waiting: int
    held_until: AwareDatetime | None


@dataclass(eq=False)
class _Ticket:
    repo: str
    estimate: Estimate
    deadline: datetime
    leave: asyncio.Future[None]
    is_in: bool = False
    is_answered: bool = False


@dataclass
class _Hold:
    """Of one backend after a 429: nothing is sent until its time, then one call, until one is answered."""

    until: datetime | None = None
    is_proving: bool = False
    prover: _Ticket | None = None
    times: int = 0

    def time(self, now: datetime) -> datetime | None:
        return self.until if self.until is not None and self.until > now else None

    def is_closed(self, now: datetime) -> bool:
        return self.time(now) is not None or (self.is_proving and self.prover is not None)

    def refuse(self, ticket: _Ticket, until: datetime | None, now: datetime) -> None:
        # Of many calls that are refused together, the back-off counts one.
        is_new = not self.is_proving or ticket is self.prover
        self.times += is_new
        named = until or now + min(pause_after(self.times - 1, first=_FIRST_HOLD), _LONGEST_UNNAMED_HOLD)
        self.until = max(min(named, now + _LONGEST_HOLD), self.until or now)
        self.is_proving = True
        if ticket is self.prover:
            self.prover = None

    def accept(self, ticket: _Ticket, now: datetime) -> None:
        """A call was answered; one from before the refusal proves nothing."""
        if self.is_proving and (ticket is self.prover or self.time(now) is None):
            self.is_proving, self.prover, self.until, self.times = False, None, None, 0

    def end(self, ticket: _Ticket) -> None:
        if ticket is self.prover:
            self.prover = None


@dataclass(eq=False)
class _Room:
    """One model at one backend: what is known of its limits, who is under way, and who waits."""

    backend: str
    model: str
    hold: _Hold
    limits: dict[str, Limit] = field(default_factory=dict)
    lines: OrderedDict[str, deque[_Ticket]] = field(default_factory=OrderedDict)
    under_way: set[_Ticket] = field(default_factory=set)
    used: Counter[str] = field(default_factory=Counter)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def join(self, ticket: _Ticket) -> None:
        self.lines.setdefault(ticket.repo, deque()).append(ticket)

    def settle(self, now: datetime) -> None:
        """Let in whoever is first, the repos in turn, while there is room; then see to those who have waited enough."""
        while self.lines and not self.hold.is_closed(now) and now >= (self._fits_at(self._first) or _NEVER):
            self._take(self._first)
        held = self.hold.time(now)
        for ticket in [t for t in self._waiting() if t.deadline < (held or now + _TICK)]:
            if held is None and all(other.is_answered for other in self.under_way):
                # No answer is to come that would tell more, so this one asks.
                self._take(ticket)
            else:
                until = held or max(self._fits_at(ticket) or now, now + _SOON)
                self._leave_line(ticket)
                _refuse(ticket, self.backend, until)

    def answered(self, ticket: _Ticket) -> None:
        """The API has counted a call, all but its output."""
        self._count(ticket, -1)
        ticket.is_answered = True
        self._count(ticket, 1)

    def drop(self, ticket: _Ticket) -> None:
        if ticket in self.under_way:
            self.under_way.remove(ticket)
            self._count(ticket, -1)
        self._leave_line(ticket)
        self.hold.end(ticket)

    def next_at(self, now: datetime) -> datetime:
        """When there is something to settle, if nothing happens before."""
        opens = self.hold.time(now)
        if opens is None and not self.hold.is_closed(now):
            opens = self._fits_at(self._first)
        return min([line[0].deadline for line in self.lines.values()] + ([opens] if opens else [])) + _TICK

    @property
    def waiting(self) -> int:
        return sum(map(len, self.lines.values()))

    @property
    def _first(self) -> _Ticket:
        return next(iter(self.lines.values()))[0]

    def _waiting(self) -> Iterator[_Ticket]:
        return (ticket for line in self.lines.values() for ticket in line)

    def _fits_at(self, ticket: _Ticket) -> datetime | None:
        """When all limits have room for a call beside those under way; None where one of these has to end first.

        A call that is larger than a limit is let in when that is whole.
        """
        times = []
        for kind, limit in self.limits.items():
            wanted = self.used[kind] + min(ticket.estimate.need(kind), limit.limit)
            if wanted > limit.limit:
                return None
            times.append(limit.reaches(wanted))
        return max(times, default=_ALWAYS)

    def _take(self, ticket: _Ticket) -> None:
        """Let one in, and put its repo at the end of the line."""
        self._leave_line(ticket)
        if ticket.repo in self.lines:
            self.lines.move_to_end(ticket.repo)
        if not ticket.leave.done():
            ticket.leave.set_result(None)
        self.under_way.add(ticket)
        self._count(ticket, 1)
        if self.hold.is_proving and self.hold.prover is None:
            self.hold.prover = ticket

    def _count(self, ticket: _Ticket, sign: int) -> None:
        for kind in KINDS:
            self.used[kind] += sign * ticket.estimate.need(kind, is_answered=ticket.is_answered)

    def _leave_line(self, ticket: _Ticket) -> None:
        line = self.lines.get(ticket.repo)
        if line is not None:
            with suppress(ValueError):
                line.remove(ticket)
            if not line:
                del self.lines[ticket.repo]


@dataclass
class CallSlot:
    """Leave to send one call; `ended` is to be said of it whatever happens."""

    _limits: RateLimits
    _room: _Room
    _ticket: _Ticket

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """The answer begins: its headers, named in lower case, tell how much is left."""
        now = self._limits.clock()
        self._room.answered(self._ticket)
        self._room.limits |= told(headers, now)
        if status == 429:
            self._room.hold.refuse(self._ticket, retry_time(headers, now), now)
        else:
            self._room.hold.accept(self._ticket, now)
        self._limits.look_again(self._room.backend)

    def ended(self) -> None:
        """The call is over; a second time does nothing."""
        self._room.drop(self._ticket)
        self._limits.look_again(self._room.backend)


class RateLimits:
    """All rooms. `clock` is the time in UTC; `sleep` waits so many seconds."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        longest_wait: timedelta = LONGEST_WAIT,
    ) -> None:
        self.clock = clock
        self._sleep = sleep
        self._longest_wait = longest_wait
        self._rooms: dict[tuple[str, str], _Room] = {}
        self._holds: dict[str, _Hold] = {}
        self._keepers: dict[_Room, asyncio.Task[None]] = {}

    async def admit(self, backend: str, model: str, *, repo: str, estimate: Estimate) -> CallSlot:
        """Wait until there is room for a call.

        After the longest wait it is let in whatever the headers said, if no other call could bring newer ones.

        Raises:
            RateLimitedError: it has waited for the longest wait, or the backend has answered 429 and names a time
                beyond it. `until` is when it may be tried again.
        """
        room, now = self._room(backend, model), self.clock()
        leave = asyncio.get_running_loop().create_future()
        ticket = _Ticket(repo, estimate, now + self._longest_wait, leave)
        room.join(ticket)
        room.settle(now)
        if room.lines and room not in self._keepers:
            self._keepers[room] = asyncio.create_task(self._keep(room))
        try:
            await leave
        except BaseException:
            room.drop(ticket)
            self.look_again(backend)
            raise
        return CallSlot(self, room, ticket)

    def held_until(self, backend: str) -> datetime | None:
        """Until when nothing is sent to a backend, after a 429."""
        hold = self._holds.get(backend)
        return hold.time(self.clock()) if hold else None

    def rows(self) -> list[LimitRow]:
        """What is known of every limit."""
        now = self.clock()
        return [
            LimitRow(
                backend=room.backend,
                model=room.model,
                kind=kind,
                limit=limit.limit,
                remaining=round(limit.level(now)),
                whole_at=limit.whole_at,
                waiting=room.waiting,
                held_until=room.hold.time(now),
            )
            for room in self._rooms.values()
            for kind, limit in room.limits.items()
        ]

    def look_again(self, backend: str) -> None:
        """Something has changed: see who can be let in now."""
        now = self.clock()
        for room in self._rooms.values():
            if room.backend == backend:
                room.settle(now)
                room.changed.set()

    async def _keep(self, room: _Room) -> None:
        """Settle a room as time passes, while somebody waits there."""
        try:
            while room.lines:
                room.changed.clear()
                now = self.clock()
                await self._pause((room.next_at(now) - now).total_seconds(), room.changed)
                room.settle(self.clock())
        finally:
            del self._keepers[room]

    async def _pause(self, seconds: float, changed: asyncio.Event) -> None:
        """Sleep, or less where something changes."""
        either = [
            asyncio.ensure_future(changed.wait()),
            asyncio.ensure_future(self._sleep(max(seconds, 0.0))),
        ]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in either:
                one.cancel()

    def _room(self, backend: str, model: str) -> _Room:
        key = (backend, model)
        if key not in self._rooms:
            if len(self._rooms) >= _MOST_ROOMS:
                self._rooms = {
                    name: room for name, room in self._rooms.items() if room.lines or room.under_way
                }
            self._rooms[key] = _Room(backend, model, self._holds.setdefault(backend, _Hold()))
        return self._rooms[key]


def _refuse(ticket: _Ticket, backend: str, held: datetime) -> None:
    if not ticket.leave.done():
        words = f"{backend} has no room for a call before {held:%Y-%m-%d %H:%M:%S} UTC."
        ticket.leave.set_exception(RateLimitedError(words, where=backend, until=held))
