"""How calls wait for room under the API's rate limits. No real time passes here."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from factory_assets.domain.errors import RateLimitedError
from factory_assets.router.limit_headers import Estimate, told
from factory_assets.router.limits import CallSlot, RateLimits

START = datetime(2026, 6, 17, 8, tzinfo=UTC)
SMALL = Estimate(input_tokens=100, output_tokens=10)


@dataclass
class Time:
    now: datetime = START
    sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = field(default_factory=list)
    slept: int = 0

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.slept += 1
        heapq.heappush(self.sleepers, (self.now + timedelta(seconds=seconds), self.slept, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        until = self.now + timedelta(seconds=seconds)
        await settled()
        while self.sleepers and self.sleepers[0][0] <= until:
            at, _, woken = heapq.heappop(self.sleepers)
            self.now = max(self.now, at)
            if not woken.done():
                woken.set_result(None)
            await settled()
        self.now = until
        await settled()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@dataclass
class World:
    time: Time = field(default_factory=Time)
    limits: RateLimits = field(init=False)
    order: list[str] = field(default_factory=list)
    slots: list[CallSlot] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limits = RateLimits(self.time, self.time.sleep)

    async def told(
        self, status: int = 200, *, model: str = "m", backend: str = "b", **kinds: tuple[int, int, float]
    ) -> None:
        """One call has been answered: each limit with what is left, and in how many seconds it is whole."""
        slot = await self.limits.admit(
            backend, model, repo="first", estimate=Estimate(input_tokens=0, output_tokens=0)
        )
        slot.answered(status, self.headers(**kinds))
        slot.ended()

    def headers(self, retry_after: float | None = None, **kinds: tuple[int, int, float]) -> dict[str, str]:
        headers = {"retry-after": str(retry_after)} if retry_after is not None else {}
        for kind, (limit, left, seconds) in kinds.items():
            name = f"anthropic-ratelimit-{kind.replace('_', '-')}"
            reset = (self.time.now + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
            headers |= {f"{name}-limit": str(limit), f"{name}-remaining": str(left), f"{name}-reset": reset}
        return headers

    def ask(
        self, repo: str, estimate: Estimate = SMALL, *, model: str = "m", backend: str = "b"
    ) -> asyncio.Task[None]:
        async def call() -> None:
            try:
                slot = await self.limits.admit(backend, model, repo=repo, estimate=estimate)
            except RateLimitedError as error:
                self.order.append(f"{repo} refused until {error.until:%H:%M:%S}")
                return
            self.order.append(repo)
            self.slots.append(slot)

        task = asyncio.create_task(call())
        self.tasks.append(task)
        return task

    def answer(self, status: int = 200, at: int = -1, **headers: float) -> None:
        slot = self.slots.pop(at)
        slot.answered(status, self.headers(**headers))
        slot.ended()

    @property
    def waiting(self) -> int:
        return sum(not task.done() for task in self.tasks)


def run(play: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        world = World()
        await play(world)
        for task in world.tasks:
            task.cancel()
        await settled()
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    asyncio.run(whole())


def test_of_an_unknown_limit_nothing_is_held_back() -> None:
    async def play(world: World) -> None:
        for number in range(500):
            world.ask(f"repo-{number}", Estimate(input_tokens=10**9, output_tokens=10**9))
        await settled()
        assert (len(world.order), world.waiting) == (500, 0)

    run(play)


@pytest.mark.parametrize(
    ("kind", "estimate"),
    [
        ("requests", Estimate(input_tokens=0, output_tokens=0)),
        ("input_tokens", Estimate(input_tokens=1, output_tokens=0)),
        ("output_tokens", Estimate(input_tokens=0, output_tokens=1)),
        ("tokens", Estimate(input_tokens=1, output_tokens=0)),
    ],
)
def test_calls_wait_before_a_limit_is_reached_and_go_on_as_it_fills_up(kind: str, estimate: Estimate) -> None:
    async def play(world: World) -> None:
        # One of 60 a second flows in, and two are left.
        await world.told(**{kind: (60, 2, 58)})
        for _ in range(5):
            world.ask("one", estimate)
        await settled()
        assert (len(world.order), world.waiting) == (2, 3)
        for expected in (3, 4, 5):
            await world.time.advance(0.9)
            assert len(world.order) == expected - 1
            await world.time.advance(0.11)
            assert len(world.order) == expected

    run(play)


def test_a_call_holds_its_output_until_it_is_over_and_its_input_until_it_is_answered() -> None:
    async def play(world: World) -> None:
        both = Estimate(input_tokens=600, output_tokens=60)
        await world.told(input_tokens=(1000, 1000, 0), output_tokens=(100, 100, 0))
        world.ask("one", both)
        world.ask("two", both)
        await settled()
        assert world.order == ["one"]
        world.slots[0].answered(200, {})
        await settled()
        assert world.order == ["one"]
        world.slots[0].ended()
        await settled()
        assert world.order == ["one", "two"]

    run(play)


def test_a_call_gives_back_its_input_when_the_api_has_counted_it() -> None:
    async def play(world: World) -> None:
        await world.told(input_tokens=(1000, 1000, 0), tokens=(2000, 2000, 0))
        for repo in ("one", "two"):
            world.ask(repo, Estimate(input_tokens=600, output_tokens=700))
        await settled()
        assert world.order == ["one"]
        world.slots[0].answered(200, {})
        await settled()
        assert world.order == ["one", "two"]

    run(play)


def test_repos_take_turns_however_many_calls_one_of_them_makes() -> None:
    async def play(world: World) -> None:
        await world.told(requests=(60, 0, 60))
        for repo in ("greedy", "greedy", "greedy", "greedy", "modest", "late"):
            world.ask(repo, Estimate(input_tokens=0, output_tokens=0))
        await world.time.advance(4.5)
        world.ask("modest", Estimate(input_tokens=0, output_tokens=0))
        await world.time.advance(3)
        assert world.order == ["greedy", "modest", "late", "greedy", "greedy", "modest", "greedy"]

    run(play)


def test_a_large_call_is_not_passed_by_small_ones_for_ever() -> None:
    async def play(world: World) -> None:
        await world.told(input_tokens=(6000, 500, 55))
        world.ask("large", Estimate(input_tokens=3000, output_tokens=0))
        for _ in range(20):
            world.ask("small", Estimate(input_tokens=100, output_tokens=0))
        await world.time.advance(24.9)
        assert world.order == []
        await world.time.advance(0.2)
        assert world.order == ["large"]

    run(play)


def test_a_call_that_is_larger_than_the_limit_goes_when_all_of_it_is_left() -> None:
    async def play(world: World) -> None:
        await world.told(input_tokens=(1000, 0, 30))
        world.ask("one", Estimate(input_tokens=5000, output_tokens=0))
        await world.time.advance(29)
        assert world.order == []
        await world.time.advance(1.1)
        assert world.order == ["one"]

    run(play)


def test_after_the_longest_wait_one_call_asks_whatever_the_headers_said_and_the_others_are_refused() -> None:
    async def play(world: World) -> None:
        await world.told(requests=(10, 0, 36_000))
        for repo in ("one", "two", "three"):
            world.ask(repo)
        await world.time.advance(239.9)
        assert world.order == []
        await world.time.advance(0.2)
        assert world.order == ["one", "two refused until 10:00:00", "three refused until 10:00:00"]
        world.ask("four")
        await world.time.advance(1)
        world.slots[0].answered(200, world.headers(requests=(10, 9, 6)))
        await settled()
        assert world.order[3:] == ["four"]

    run(play)


def test_an_answer_that_still_streams_does_not_keep_the_next_call_from_asking() -> None:
    async def play(world: World) -> None:
        world.ask("streams", Estimate(input_tokens=0, output_tokens=100))
        await settled()
        world.slots[0].answered(200, world.headers(output_tokens=(100, 0, 60)))
        world.ask("one", Estimate(input_tokens=0, output_tokens=100))
        await world.time.advance(239.9)
        assert world.order == ["streams"]
        await world.time.advance(0.2)
        assert world.order == ["streams", "one"]

    run(play)


def test_fresh_headers_let_calls_in_at_once() -> None:
    async def play(world: World) -> None:
        world.ask("early")
        await settled()
        await world.told(requests=(10, 0, 600))
        world.ask("one")
        await settled()
        assert world.order == ["early"]
        world.slots[0].answered(200, world.headers(requests=(10, 9, 6)))
        await settled()
        assert world.order == ["early", "one"]

    run(play)


def test_after_a_429_nothing_is_sent_before_its_time_and_then_one_call_before_the_others() -> None:
    async def play(world: World) -> None:
        world.ask("one")
        await settled()
        world.answer(429, retry_after=20)
        assert world.limits.held_until("b") == START + timedelta(seconds=20)
        for repo in ("one", "two", "three"):
            world.ask(repo)
        world.ask("other model", model="n")
        world.ask("other backend", backend="c")
        await world.time.advance(19.9)
        assert world.order == ["one", "other backend"]
        world.slots.clear()
        await world.time.advance(0.2)
        assert world.order == ["one", "other backend", "one"]
        assert world.limits.held_until("b") is None
        world.answer()
        await settled()
        assert sorted(world.order[3:]) == ["other model", "three", "two"]

    run(play)


def test_a_second_429_does_not_shorten_what_the_first_has_asked_for() -> None:
    async def play(world: World) -> None:
        world.ask("one")
        world.ask("two")
        await settled()
        world.answer(429, retry_after=20)
        world.answer(429, retry_after=1)
        assert world.limits.held_until("b") == START + timedelta(seconds=20)

    run(play)


def test_a_storm_of_429s_is_met_with_one_call_at_a_time_and_longer_pauses() -> None:
    async def play(world: World) -> None:
        for _ in range(100):
            world.ask("one")
        await settled()
        while world.slots:
            world.answer(429)
        sent = []
        for _ in range(50):
            world.ask("one")
        for second in range(40):
            await world.time.advance(1)
            if world.slots:
                assert len(world.slots) == 1
                sent.append(second + 1)
                world.answer(429)
        # After pauses of 2, 4, 8 and 16 seconds, each seen by the next full second.
        assert sent == [3, 8, 17, 34]

    run(play)


def test_a_call_that_could_only_wait_too_long_is_refused_at_once_with_the_time() -> None:
    async def play(world: World) -> None:
        world.ask("one")
        world.ask("two")
        await settled()
        world.answer(429, retry_after=3600)
        world.ask("three")
        await settled()
        assert world.order == ["one", "two", "three refused until 09:00:00"]

    run(play)


def test_those_who_wait_are_refused_when_the_time_is_known_to_be_too_long() -> None:
    async def play(world: World) -> None:
        world.ask("one")
        await settled()
        await world.told(requests=(10, 0, 600))
        world.ask("two")
        await settled()
        world.answer(429, retry_after=3600)
        await settled()
        assert world.order == ["one", "two refused until 09:00:00"]

    run(play)


def test_a_late_answer_from_before_a_429_does_not_open_the_backend() -> None:
    async def play(world: World) -> None:
        world.ask("one")
        world.ask("two")
        await settled()
        world.answer(429, retry_after=20)
        world.answer(200)
        world.ask("three")
        await world.time.advance(19)
        assert world.order == ["one", "two"]

    run(play)


def test_the_end_of_a_subscriptions_window_is_waited_for_only_if_it_is_full() -> None:
    async def play(world: World) -> None:
        reset = str(int(START.timestamp()) + 7200)
        for backend, status in (("allowed", "allowed"), ("full", "rejected")):
            slot = await world.limits.admit(backend, "m", repo="one", estimate=SMALL)
            named = {"anthropic-ratelimit-unified-status": status, "anthropic-ratelimit-unified-reset": reset}
            slot.answered(429, named)
            slot.ended()
        assert world.limits.held_until("allowed") == START + timedelta(seconds=2)
        assert world.limits.held_until("full") == START + timedelta(hours=2)

    run(play)


def test_a_caller_that_hangs_up_leaves_the_line_and_what_it_held() -> None:
    async def play(world: World) -> None:
        await world.told(requests=(60, 0, 60))
        gone = world.ask("gone", Estimate(input_tokens=0, output_tokens=0))
        world.ask("stays", Estimate(input_tokens=0, output_tokens=0))
        await world.time.advance(0.5)
        gone.cancel()
        await world.time.advance(0.6)
        assert world.order == ["stays"]
        world.slots.pop().ended()
        await world.told(requests=(1, 1, 0))
        world.ask("next", Estimate(input_tokens=0, output_tokens=0))
        await settled()
        assert world.order == ["stays", "next"]

    run(play)


def test_a_caller_that_is_let_in_and_hangs_up_in_the_same_moment_gives_its_room_back() -> None:
    async def play(world: World) -> None:
        await world.told(requests=(1, 1, 0))
        world.ask("one")
        await settled()
        gone = world.ask("gone")
        world.ask("next")
        await settled()
        world.slots.pop().ended()
        gone.cancel()
        await settled()
        assert world.order == ["one", "next"]

    run(play)


def test_a_try_that_is_broken_off_leaves_the_next_call_to_try() -> None:
    async def play(world: World) -> None:
        world.ask("one")
        await settled()
        world.answer(429, retry_after=5)
        world.ask("two")
        world.ask("three")
        await world.time.advance(6)
        assert world.order == ["one", "two"]
        world.slots.pop().ended()
        await settled()
        assert world.order == ["one", "two", "three"]

    run(play)


def test_the_clock_of_the_api_may_be_another_than_ours() -> None:
    async def play(world: World) -> None:
        behind = START - timedelta(hours=1)
        headers = {
            "date": format_datetime(behind, usegmt=True),
            "anthropic-ratelimit-requests-limit": "60",
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": (behind + timedelta(seconds=60)).isoformat(),
        }
        assert told(headers, START)["requests"].level(START + timedelta(seconds=30)) == 30

    run(play)


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "x",
        "-1",
        "9" * 4000,
        "9" * 5000,
        "9999-12-31T23:59:59.999999Z",
        "nan",
        "1e9",
        "99999-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
@pytest.mark.parametrize("part", ["limit", "remaining", "reset"])
def test_headers_that_make_no_sense_hold_nobody_for_longer_than_the_longest_wait(part: str, odd: str) -> None:
    async def play(world: World) -> None:
        headers = world.headers(requests=(10, 0, 5)) | {
            f"anthropic-ratelimit-requests-{part}": odd,
            "date": odd,
        }
        slot = await world.limits.admit("b", "m", repo="one", estimate=SMALL)
        slot.answered(200, headers)
        slot.ended()
        world.ask("one")
        await world.time.advance(1)
        assert all(0 <= row.remaining <= row.limit for row in world.limits.rows())
        await world.time.advance(240)
        assert world.order == ["one"]

    run(play)


def test_what_is_known_of_the_limits_can_be_shown() -> None:
    async def play(world: World) -> None:
        await world.told(requests=(60, 0, 60), input_tokens=(1000, 400, 60))
        for _ in range(3):
            world.ask("one")
        await settled()
        await world.time.advance(0.5)
        rows = [(row.kind, row.limit, row.remaining, row.waiting) for row in world.limits.rows()]
        assert rows == [("requests", 60, 0, 3), ("input-tokens", 1000, 405, 3)]

    run(play)


def test_models_that_are_made_up_do_not_fill_the_memory() -> None:
    async def play(world: World) -> None:
        for number in range(1000):
            await world.told(model=f"made-up-{number}", requests=(60, 60, 0))
        assert len(world.limits.rows()) <= 200

    run(play)


@dataclass
class Api:
    """A model's API as its documentation tells of it: limits that fill up steadily, and a 429 where one is empty."""

    world: World
    limits: dict[str, int]
    left: dict[str, float] = field(default_factory=dict)
    at: datetime = START
    refused: int = 0

    def take(self, needs: dict[str, int]) -> tuple[int, dict[str, str]]:
        now = self.world.time.now
        for kind, limit in self.limits.items():
            flowed = limit * (now - self.at).total_seconds() / 60
            self.left[kind] = min(limit, self.left.get(kind, limit) + flowed)
        self.at = now
        status = 200 if all(self.left[kind] >= need for kind, need in needs.items()) else 429
        for kind, need in needs.items():
            self.left[kind] -= need if status == 200 else 0
        self.refused += status == 429
        told = {
            kind: (limit, int(self.left[kind]), 60 * (1 - self.left[kind] / limit))
            for kind, limit in self.limits.items()
        }
        return status, self.world.headers(retry_after=2 if status == 429 else None, **told)


def test_an_api_with_steady_limits_is_used_to_the_full_and_never_asked_too_much() -> None:
    async def play(world: World) -> None:
        api = Api(world, {"requests": 60, "input_tokens": 60_000})
        served: list[tuple[str, datetime]] = []

        async def call(repo: str, tokens: int) -> None:
            estimate = Estimate(input_tokens=tokens, output_tokens=10)
            slot = await world.limits.admit("b", "m", repo=repo, estimate=estimate)
            status, headers = api.take({"requests": 1, "input_tokens": tokens})
            await world.time.sleep(2)
            slot.answered(status, headers)
            await world.time.sleep(3)
            slot.ended()
            if status == 200:
                served.append((repo, world.time.now))

        world.tasks.append(asyncio.create_task(call("first", 60_000)))
        await world.time.advance(2.5)
        # Six repos, one of which has ten times as many calls as each of the others.
        for repo, count in {"greedy": 100, **{f"modest-{n}": 10 for n in range(5)}}.items():
            for number in range(count):
                world.tasks.append(asyncio.create_task(call(repo, 1000 if number % 2 else 1500)))
        await world.time.advance(240)
        assert (api.refused, len(served)) == (0, 151)
        # 187,500 tokens at 1,000 a second.
        took = (served[-1][1] - START).total_seconds()
        assert 187.5 < took < 200
        # A sixth of them is greedy's while the others have any left: 75 seconds.
        modest = [at for repo, at in served if repo.startswith("modest")]
        assert (max(modest) - START).total_seconds() < 85

    run(play)
