"""One upstream call for identical questions that are under way at the same time."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from factory_assets.router.inflight import BrokenOffError, InFlight, TooSlowError
from factory_assets.router.passing import Passing
from factory_assets.router.relaying import Relayed, unless_gone

HEADERS = [(b"content-type", b"text/event-stream"), (b"request-id", b"r1")]


@dataclass
class Upstream:
    """A call whose bytes come when the test says so; None ends it, an error breaks it off."""

    status: int = 200
    asked: int = 0
    ended: int = 0
    sent: int = 0
    chunks: asyncio.Queue[bytes | Exception | None] = field(default_factory=asyncio.Queue)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    async def start(self) -> Passing:
        self.asked += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.ended += 1
            raise
        return Passing(self.status, HEADERS, self._content(), self._close)

    async def _content(self) -> AsyncGenerator[bytes, None]:
        while (chunk := await self.chunks.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            self.sent += 1
            yield chunk

    async def _close(self) -> None:
        self.ended += 1

    def open(self, *chunks: bytes | Exception | None) -> None:
        self.gate.set()
        for chunk in chunks:
            self.chunks.put_nowait(chunk)


async def read(answer: Passing) -> bytes:
    return b"".join([chunk async for chunk in answer.content])


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come about")


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(whole())


def test_many_who_ask_the_same_at_once_become_one_call_and_each_gets_all_of_it() -> None:
    async def test() -> None:
        flights, upstream = InFlight(), Upstream()
        joining = [asyncio.create_task(flights.join("k", upstream.start)) for _ in range(20)]
        upstream.open(b"one ", b"two", None)
        answers = await asyncio.gather(*joining)
        assert await asyncio.gather(*(read(answer) for answer in answers)) == [b"one two"] * 20
        assert [(answer.status, answer.headers) for answer in answers] == [(200, HEADERS)] * 20
        answers[0].headers.clear()
        assert len(answers[1].headers) == 2
        assert (upstream.asked, upstream.ended, len(flights)) == (1, 1, 0)

    run(test)


def test_whoever_joins_in_the_middle_gets_it_from_the_start_and_then_live() -> None:
    async def test() -> None:
        flights, upstream = InFlight(), Upstream()
        upstream.open(b"a", b"b")
        assert "k" not in flights
        first = await flights.join("k", upstream.start)
        await until(lambda: upstream.sent == 2)
        assert "k" in flights
        late = await flights.join("k", upstream.start)
        assert [await anext(late.content), await anext(late.content)] == [b"a", b"b"]
        waiting = asyncio.ensure_future(anext(late.content))
        await settled()
        assert not waiting.done()
        upstream.open(b"c", None)
        assert await waiting == b"c"
        assert (await read(first), await read(late), upstream.asked) == (b"abc", b"", 1)

    run(test)


def test_other_questions_are_calls_of_their_own_and_so_is_the_same_one_after_its_end() -> None:
    async def test() -> None:
        flights = InFlight()
        for key in ("k", "other", "k"):
            upstream = Upstream()
            upstream.open(b"x", None)
            assert await read(await flights.join(key, upstream.start)) == b"x"
            assert upstream.asked == 1

    run(test)


def test_those_who_joined_survive_the_first_ones_hang_up() -> None:
    async def test() -> None:
        flights, upstream = InFlight(), Upstream()
        upstream.open(b"a")
        first = await flights.join("k", upstream.start)
        late = await flights.join("k", upstream.start)
        assert await anext(first.content) == b"a"
        await first.close()
        await settled()
        assert upstream.ended == 0
        upstream.open(b"b", None)
        assert await read(late) == b"ab"

    run(test)


def test_they_survive_it_while_the_upstream_has_not_answered_yet() -> None:
    async def test() -> None:
        flights, upstream = InFlight(), Upstream()
        first, late = (asyncio.create_task(flights.join("k", upstream.start)) for _ in range(2))
        await until(lambda: upstream.asked == 1)
        await settled()
        first.cancel()
        await settled()
        assert upstream.ended == 0
        upstream.open(b"a", None)
        assert await read(await late) == b"a"

    run(test)


def test_the_upstream_call_ends_with_the_last_listener_and_is_not_joined_any_more() -> None:
    async def test() -> None:
        flights, upstream, again = InFlight(), Upstream(), Upstream()
        upstream.open(b"a")
        answers = [await flights.join("k", upstream.start) for _ in range(2)]
        for answer in answers:
            await answer.close()
            await answer.close()
        again.open(b"new", None)
        assert await read(await flights.join("k", again.start)) == b"new"
        await until(lambda: upstream.ended == 1)

    run(test)


def test_nobody_is_left_waiting_when_all_hang_up_before_the_answer() -> None:
    async def test() -> None:
        flights, upstream = InFlight(), Upstream()
        joining = [asyncio.create_task(flights.join("k", upstream.start)) for _ in range(3)]
        await until(lambda: upstream.asked == 1)
        await settled()
        for task in joining:
            task.cancel()
        await until(lambda: upstream.ended == 1)
        assert len(flights) == 0

    run(test)


def test_an_answer_that_is_forgotten_keeps_no_call_alive() -> None:
    async def test() -> None:
        flights, upstream = InFlight(), Upstream()
        upstream.open(b"a")
        answer = await flights.join("k", upstream.start)
        del answer
        gc.collect()
        await until(lambda: upstream.ended == 1)
        assert len(flights) == 0

    run(test)


def test_an_error_status_goes_to_all_of_them() -> None:
    async def test() -> None:
        flights, upstream = InFlight(), Upstream(status=429)
        joining = [asyncio.create_task(flights.join("k", upstream.start)) for _ in range(3)]
        upstream.open(b"slow down", None)
        answers = await asyncio.gather(*joining)
        assert [(answer.status, await read(answer)) for answer in answers] == [(429, b"slow down")] * 3

    run(test)


def test_an_upstream_that_cannot_be_reached_is_told_to_all_of_them() -> None:
    async def test() -> None:
        flights = InFlight()

        async def start() -> Passing:
            await asyncio.sleep(0)
            raise ConnectionRefusedError("nobody there")

        joining = [asyncio.create_task(flights.join("k", start)) for _ in range(3)]
        ended = await asyncio.gather(*joining, return_exceptions=True)
        assert [str(error) for error in ended] == ["nobody there"] * 3
        assert len(flights) == 0

    run(test)


def test_a_stream_that_breaks_off_breaks_off_for_all_after_what_had_come() -> None:
    async def test() -> None:
        flights, upstream = InFlight(), Upstream()
        upstream.open(b"half", OSError("cut"))
        answers = [await flights.join("k", upstream.start) for _ in range(2)]
        for answer in answers:
            assert await anext(answer.content) == b"half"
            with pytest.raises(OSError, match="cut"):
                await anext(answer.content)
        assert (upstream.ended, len(flights)) == (1, 0)

    run(test)


def test_a_reader_that_falls_too_far_behind_the_others_is_cut_off_and_they_are_not_held_up() -> None:
    async def test() -> None:
        flights, upstream = InFlight(most_bytes=1000), Upstream()
        fast, slow = [await _joined(flights, upstream) for _ in range(2)]
        assert await anext(slow.content) == b"x" * 100
        upstream.open(*[b"y" * 100] * 30, None)
        assert len(await read(fast)) == 3100
        with pytest.raises(TooSlowError):
            await anext(slow.content)

    async def _joined(flights: InFlight, upstream: Upstream) -> Passing:
        if not upstream.gate.is_set():
            upstream.open(b"x" * 100)
        return await flights.join("k", upstream.start)

    run(test)


def test_a_lone_slow_reader_slows_the_upstream_down_and_gets_all_of_it() -> None:
    async def test() -> None:
        flights, upstream = InFlight(most_bytes=1000), Upstream()
        upstream.open(*[bytes([number]) * 100 for number in range(50)], None)
        answer = await flights.join("k", upstream.start)
        await settled()
        held = []
        got = b""
        async for chunk in answer.content:
            got += chunk
            await settled()
            held.append(upstream.sent * 100 - len(got))
        assert got == b"".join(bytes([number]) * 100 for number in range(50))
        assert max(held) <= 1000

    run(test)


def test_an_answer_that_has_outgrown_the_bound_is_not_joined_any_more() -> None:
    async def test() -> None:
        flights, upstream, other = InFlight(most_bytes=1000), Upstream(), Upstream()
        upstream.open(*[b"y" * 100] * 12)
        first = await flights.join("k", upstream.start)
        for _ in range(12):
            await anext(first.content)
        other.open(b"from the start", None)
        assert await read(await flights.join("k", other.start)) == b"from the start"
        upstream.open(None)
        assert await read(first) == b""

    run(test)


def test_what_is_under_way_when_the_router_ends_is_broken_off_and_told_so() -> None:
    async def test() -> None:
        flights, upstream = InFlight(), Upstream()
        upstream.open(b"a")
        answer = await flights.join("k", upstream.start)
        assert await anext(answer.content) == b"a"
        await flights.aclose()
        assert upstream.ended == 1
        with pytest.raises(BrokenOffError):
            await anext(answer.content)

    run(test)


@contextmanager
def on_sockets() -> Iterator[tuple[str, list[Upstream], threading.Semaphore]]:
    flights = InFlight(most_bytes=1_000_000)
    upstreams: list[Upstream] = []
    gone = threading.Semaphore(0)

    async def ask(request: Request) -> Response:
        def start() -> Awaitable[Passing]:
            upstreams.append(Upstream())
            upstreams[-1].open(b"x" * 70_000)
            return upstreams[-1].start()

        await request.body()
        joining = flights.join(request.path_params["key"], start)
        passing = await unless_gone(request.receive, joining)

        async def close() -> None:
            await passing.close()
            gone.release()

        return Relayed(replace(passing, close=close))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        yield
        await flights.aclose()

    app = Starlette(routes=[Route("/{key}", ask)], lifespan=lifespan)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", upstreams, gone
    finally:
        server.should_exit = True
        thread.join()


def _wait(condition: Callable[[], bool]) -> None:
    ended = threading.Event()
    for _ in range(1000):
        if condition():
            return
        ended.wait(0.02)
    raise AssertionError("it did not come about")


@contextmanager
def listening_to(url: str) -> Iterator[Iterator[bytes]]:
    """A client that has heard the first bytes and hangs up at the end."""
    with httpx.stream("GET", f"{url}/k", timeout=20) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        yield pieces


def test_on_real_sockets_those_who_joined_survive_the_first_ones_hang_up() -> None:
    with on_sockets() as (url, upstreams, gone), ExitStack() as second:
        with listening_to(url):
            pieces = second.enter_context(listening_to(url))
        assert gone.acquire(timeout=20)
        (upstream,) = upstreams
        upstream.loop.call_soon_threadsafe(upstream.open, b"y" * 1000, None)
        assert b"".join(pieces).endswith(b"x" + b"y" * 1000)


def test_on_real_sockets_the_last_hang_up_ends_the_upstream_call() -> None:
    with on_sockets() as (url, upstreams, _):
        with listening_to(url), listening_to(url):
            assert [upstream.ended for upstream in upstreams] == [0]
        _wait(lambda: [upstream.ended for upstream in upstreams] == [1])
