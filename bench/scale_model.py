"""A factory as a network of queues: what its builds hold, draw and wait for, simulated event by event with simpy.

Nothing here knows what a build is; bench/scale_factory.py says that with measured figures.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

_Events = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Servers:
    """So many of a kind; each serves one at a time, in the order in which they came."""

    name: str
    count: int


@dataclass(frozen=True)
class Limit:
    """What may be drawn a second, as a bucket that fills continuously and holds `burst` at most."""

    name: str
    per_second: float
    burst: float


@dataclass(frozen=True)
class Wait:
    """Seconds in which nothing is held but what is held around it."""

    seconds: float


@dataclass(frozen=True)
class Use:
    """Hold one server for so many seconds."""

    servers: str
    seconds: float


@dataclass(frozen=True)
class Draw:
    """Take so much of a limit, waiting until it is there."""

    limit: str
    amount: float


@dataclass(frozen=True)
class Within:
    """Hold one server while all of this is done."""

    servers: str
    steps: tuple[Step, ...]


Step = Wait | Use | Draw | Within


@dataclass
class Seen:
    """What a simulation has seen.

    Args:
        seconds: how long it went on after what came first was left out.
        done: jobs that were done in that time.
        in_system: seconds from coming to being done, of each of them.
        waited: seconds of waiting for each kind of servers, summed over all who asked.
        asked: how often each was asked for.
        busy: the share of each that was in use, from 0 to 1; of a limit what was drawn of what could be.
    """

    seconds: float
    done: int = 0
    in_system: list[float] = field(default_factory=list)
    waited: dict[str, float] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)

    @property
    def fullest(self) -> str:
        """The one that limits first."""
        return max(self.busy, key=self.busy.__getitem__)

    def mean_wait(self, name: str) -> float:
        """Seconds that one who asks for such a server waits, on average."""
        return self.waited.get(name, 0.0) / max(1, self.asked.get(name, 0))


@dataclass(frozen=True)
class Regular:
    """What is done every so many seconds beside the jobs."""

    every: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Network:
    """What there is, and what goes on beside the jobs."""

    servers: Sequence[Servers]
    limits: Sequence[Limit] = ()
    regular: Sequence[Regular] = ()

    def run(
        self,
        jobs: Iterable[tuple[float, Sequence[Step]]],
        *,
        until: float,
        warm_up: float = 0.0,
        within: Callable[[float], float] = lambda seconds: seconds,
    ) -> Seen:
        """Simulate so many seconds.

        Args:
            jobs: when each comes (seconds, growing), and what it does.
            until: seconds at which to end.
            warm_up: seconds at the beginning of which nothing is counted.
            within: what becomes of the seconds of a server or a wait, such as a random time around them.
        """
        return _Run(self, until=until, warm_up=warm_up, within=within).of(jobs)


class _Run:
    def __init__(
        self, network: Network, *, until: float, warm_up: float, within: Callable[[float], float]
    ) -> None:
        self._environment = simpy.Environment()
        self._until, self._warm_up, self._within = until, warm_up, within
        self._network = network
        self._servers = {one.name: simpy.Resource(self._environment, one.count) for one in network.servers}
        self._buckets = {one.name: _Bucket(one) for one in network.limits}
        self._used = dict.fromkeys((*self._servers, *self._buckets), 0.0)
        self._held: dict[object, tuple[str, float]] = {}
        self._seen = Seen(until - warm_up)

    def of(self, jobs: Iterable[tuple[float, Sequence[Step]]]) -> Seen:
        self._environment.process(self._come(jobs))
        for regular in self._network.regular:
            self._environment.process(self._again(regular))
        self._environment.run(self._until)
        for servers, begun in self._held.values():
            self._used[servers] += self._until - max(begun, self._warm_up)
        counts = {one.name: one.count for one in self._network.servers}
        could = {name: self._seen.seconds * count for name, count in counts.items()}
        could |= {one.name: self._seen.seconds * one.per_second for one in self._network.limits}
        self._seen.busy = {name: used / could[name] for name, used in self._used.items()}
        return self._seen

    def _come(self, jobs: Iterable[tuple[float, Sequence[Step]]]) -> _Events:
        for at, steps in jobs:
            if at > self._environment.now:
                yield self._environment.timeout(at - self._environment.now)
            self._environment.process(self._job(steps))

    def _again(self, regular: Regular) -> _Events:
        while True:
            yield from self._do(regular.steps)
            yield self._environment.timeout(regular.every - self._environment.now % regular.every)

    def _job(self, steps: Sequence[Step]) -> _Events:
        came = self._environment.now
        yield from self._do(steps)
        if self._environment.now >= self._warm_up:
            self._seen.done += 1
            self._seen.in_system.append(self._environment.now - came)

    def _do(self, steps: Sequence[Step]) -> _Events:
        for step in steps:
            match step:
                case Wait(seconds):
                    yield self._environment.timeout(self._within(seconds))
                case Use(servers, seconds):
                    yield from self._hold(servers, (Wait(seconds),))
                case Within(servers, inner):
                    yield from self._hold(servers, inner)
                case Draw(limit, amount):
                    yield from self._draw(limit, amount)

    def _hold(self, servers: str, inner: Sequence[Step]) -> _Events:
        asked = self._environment.now
        with self._servers[servers].request() as turn:
            yield turn
            begun = self._environment.now
            if begun >= self._warm_up:
                self._seen.waited[servers] = self._seen.waited.get(servers, 0.0) + begun - asked
                self._seen.asked[servers] = self._seen.asked.get(servers, 0) + 1
            self._held[turn] = servers, begun
            yield from self._do(inner)
            del self._held[turn]
            self._used[servers] += max(0.0, self._environment.now - max(begun, self._warm_up))

    def _draw(self, limit: str, amount: float) -> _Events:
        wait = self._buckets[limit].wait(self._environment.now, amount)
        if wait > 0:
            yield self._environment.timeout(wait)
        if self._environment.now >= self._warm_up:
            self._used[limit] += amount


class _Bucket:
    """A bucket of which whoever comes first draws first; it may be asked for more than it holds."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._empty_until = -limit.burst / limit.per_second

    def wait(self, now: float, amount: float) -> float:
        """Seconds until so much is there for this one, which is taken."""
        full = now - self._limit.burst / self._limit.per_second
        self._empty_until = max(self._empty_until, full) + amount / self._limit.per_second
        return max(0.0, self._empty_until - now)


def evenly(count: int, seconds: float, steps: Sequence[Step]) -> Iterable[tuple[float, Sequence[Step]]]:
    """So many jobs, spread evenly over the time."""
    return ((number * seconds / count, steps) for number in range(count))


def at_random(
    per_second: float, until: float, steps: Sequence[Step], *, seed: int
) -> Iterable[tuple[float, Sequence[Step]]]:
    """Jobs that come independently of each other, so many a second on average."""
    drawn, at = random.Random(seed), 0.0
    while (at := at + drawn.expovariate(per_second)) < until:
        yield at, steps


def demand(steps: Sequence[Step]) -> Mapping[str, float]:
    """What one job takes of each: seconds of servers, amounts of limits. What is waited for is in none of it."""
    total: dict[str, float] = {}

    def add(name: str, amount: float) -> None:
        total[name] = total.get(name, 0.0) + amount

    def length(inner: Sequence[Step]) -> float:
        seconds = 0.0
        for step in inner:
            match step:
                case Wait(waited):
                    seconds += waited
                case Use(servers, used):
                    add(servers, used)
                    seconds += used
                case Within(servers, held):
                    own = length(held)
                    add(servers, own)
                    seconds += own
                case Draw(limit, amount):
                    add(limit, amount)
        return seconds

    length(steps)
    return total
