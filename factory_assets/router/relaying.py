"""The caller's side of a call: its request taken whole, its answer given as it comes, and its hanging up noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from factory_assets.network.async_client import CutAnswerError
from factory_assets.router.inflight import CutOffError
from factory_assets.router.passing import Passing

Result = TypeVar("Result")


class TooLargeError(Exception):
    """A request is larger than may be."""


async def whole_body(request: Request, *, most_bytes: int) -> bytes:
    """The body of a request, which is kept until it is whole, so that it can be sent to a second backend.

    Raises:
        TooLargeError: it is, or says that it will be.
        ClientDisconnect: the client hung up.
    """
    if int(request.headers.get("content-length") or 0) > most_bytes:
        raise TooLargeError
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise TooLargeError
        parts.append(part)
    return b"".join(parts)


async def unless_gone(receive: Receive, work: Awaitable[Result]) -> Result:
    """Do something for as long as the client waits, once its request has come whole.

    Raises:
        ClientDisconnect: it hung up; the work is cancelled.
    """
    own = asyncio.current_task()
    is_over = has_left = False

    def leave(_: object) -> None:
        nonlocal has_left
        if own is not None and not is_over:
            has_left = own.cancel()

    # Whatever comes after a whole request is the end of its connection.
    gone = asyncio.ensure_future(receive())
    gone.add_done_callback(leave)
    try:
        return await work
    except asyncio.CancelledError:
        # As in asyncio.timeout: who else has cancelled this task is obeyed.
        if own is not None and has_left and own.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        is_over = True
        gone.cancel()


class Relayed(Response):
    """An answer that is given on as it comes. One that breaks off breaks off for the client too."""

    def __init__(self, passing: Passing) -> None:
        super().__init__(status_code=passing.status)
        self.raw_headers = passing.headers
        self._passing = passing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give it, for as long as the client takes it."""
        del scope
        try:
            await unless_gone(receive, self._give(send))
        except (ClientDisconnect, CutOffError, CutAnswerError):
            # The server closes the connection of an answer that has no end.
            pass
        finally:
            await self._passing.close()

    async def _give(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for chunk in self._passing.content:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
