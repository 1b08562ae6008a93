"""Identical questions that are under way at the same time become one call, whose answer all of them hear.

The call is nobody's own: whoever asks listens to it, from its first byte on, and it ends when the last listener has
gone. What has come is kept for those who are behind. An answer that outgrows the bound is joined by nobody any more,
and from then on a listener that is further behind the foremost one than the bound is cut off, while the upstream is
read no further ahead of the foremost than that: a call holds twice the bound at most, a slow reader by itself slows
its call down, and beside others it holds up none of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from factory_assets.router.passing import Passing

# A message of 128,000 tokens is a megabyte, and its events are twice as much.
MOST_BYTES = 4 * 1024 * 1024


class CutOffError(Exception):
    """An answer ends for one who listens before its own end."""


class TooSlowError(CutOffError):
    """One who listens fell so far behind the others that what it has not heard is kept no longer."""


class BrokenOffError(CutOffError):
    """The router ended before the answer did."""


class InFlight:
    """The calls that are under way, each by its question. For one event loop; `most_bytes` is for each call."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._calls: dict[str, _Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, key: str) -> bool:
        """Whether whoever joins now joins a call that is under way."""
        return key in self._calls

    async def join(self, key: str, start: Callable[[], Awaitable[Passing]]) -> Passing:
        """The answer of the call that is under way for this key, or of the one that is started now.

        `start` is run in a task of its own, which is cancelled, and its answer closed, when nobody listens any more.
        The content may end with a `CutOffError`, and ends with whatever error the upstream's content ended with.

        Raises:
            BrokenOffError: the router ended.
            Exception: whatever `start` raised, for all who joined.
        """
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = _Call(start, self._most_bytes, lambda ended: self._forget(key, ended))
            self._tasks.add(call.task)
            call.task.add_done_callback(self._tasks.discard)
        listener = _Listener(call)
        try:
            head = await call.head()
        except BaseException:
            await listener.aclose()
            raise
        return Passing(head.status, list(head.headers), listener, listener.aclose)

    async def aclose(self) -> None:
        """Break off whatever is under way."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, key: str, call: _Call) -> None:
        if self._calls.get(key) is call:
            del self._calls[key]


@dataclass(eq=False)
class _Position:
    """How much one listener has heard."""

    chunks: int = 0
    size: int = 0
    is_cut: bool = False


class _Call:
    """One upstream call. `forget` is told once it can be joined no more."""

    def __init__(
        self, start: Callable[[], Awaitable[Passing]], most_bytes: int, forget: Callable[[_Call], None]
    ) -> None:
        self._most_bytes = most_bytes
        self._forget = forget
        self._answer: Passing | None = None
        self._kept: deque[bytes] = deque()
        self._dropped = 0
        self._size = 0
        self._foremost = 0
        self._positions: set[_Position] = set()
        self._changed = asyncio.Event()
        self._heard = asyncio.Event()
        self.task = asyncio.create_task(self._run(start))
        self.task.add_done_callback(self._ended)

    def enter(self) -> _Position:
        """A place for one more listener, before the first byte."""
        position = _Position()
        self._positions.add(position)
        return position

    def leave(self, position: _Position) -> None:
        """One listener less; the last one's going ends the call."""
        self._positions.discard(position)
        if not self._positions:
            self._forget(self)
            self.task.cancel()

    async def head(self) -> Passing:
        """The answer's beginning; raises what it failed with."""
        while self._answer is None:
            self._raise_error()
            await self._changed.wait()
        return self._answer

    async def next(self, position: _Position) -> bytes | None:
        """The next bytes for a listener, None after the last; raises what they ended with instead."""
        while True:
            if position.is_cut:
                raise TooSlowError("The answer was read too slowly.")
            if position.chunks < self._dropped + len(self._kept):
                return self._hear(position)
            if self.task.done():
                self._raise_error()
                return None
            await self._changed.wait()

    async def _run(self, start: Callable[[], Awaitable[Passing]]) -> None:
        answer = await start()
        try:
            self._answer = answer
            self._tell()
            async for chunk in answer.content:
                self._keep(chunk)
                while self._size - self._foremost >= self._most_bytes:
                    self._heard.clear()
                    await self._heard.wait()
        finally:
            await answer.close()

    def _keep(self, chunk: bytes) -> None:
        self._kept.append(chunk)
        self._size += len(chunk)
        if self._size > self._most_bytes:
            self._forget(self)
        self._tell()

    def _hear(self, position: _Position) -> bytes:
        chunk = self._kept[position.chunks - self._dropped]
        position.chunks += 1
        position.size += len(chunk)
        if position.size > self._foremost:
            self._foremost = position.size
            self._heard.set()
            if self._size > self._most_bytes:
                self._cut_and_drop()
        return chunk

    def _cut_and_drop(self) -> None:
        behind = [one for one in self._positions if self._foremost - one.size > self._most_bytes]
        for position in behind:
            position.is_cut = True
            self._positions.discard(position)
        if behind:
            self._tell()
        heard_by_all = min(position.chunks for position in self._positions)
        while self._dropped < heard_by_all:
            self._kept.popleft()
            self._dropped += 1

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _raise_error(self) -> None:
        if not self.task.done():
            return
        if self.task.cancelled():
            raise BrokenOffError("The router ended before the answer did.")
        if (error := self.task.exception()) is not None:
            raise error

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            # An error that nobody is left to hear is none to log.
            task.exception()
        self._forget(self)
        self._tell()


class _Listener:
    """One of those who hear a call. One that is dropped without being closed leaves, too."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        self._position: _Position | None = call.enter()
        self._loop = asyncio.get_running_loop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._position is None:
            raise StopAsyncIteration
        try:
            chunk = await self._call.next(self._position)
        except asyncio.CancelledError:
            # Whoever is cancelled may go on to read, so that leaving is aclose's.
            raise
        except BaseException:
            await self.aclose()
            raise
        if chunk is None:
            await self.aclose()
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Listen no longer."""
        position, self._position = self._position, None
        if position is not None:
            self._call.leave(position)

    def __del__(self) -> None:
        if self._position is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._call.leave, self._position)
