"""Passing bytes between the two ends of a proxy as they come: one request and its answer, or a tunnel."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress

from factory_assets.sandbox.door import CallWatch, DoorLog
from factory_assets.sandbox.proxy_bodies import PassingBody
from factory_assets.sandbox.proxy_heads import BadHeadError, Head, read_head
from factory_assets.sandbox.upstream import Connection

_CHUNK = 65536


class RefusedError(Exception):
    """A request that is not passed on: the status and the sentence that answer it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def refusal(log: DoorLog, what: str, status: int) -> RefusedError:
    """The refusal of something that must not pass; it is told in the log."""
    log.refused.add(what)
    return RefusedError(status, f"the sandbox does not let through {what}")


async def exchange(
    request: Head, length: int, client: Connection, upstream: Connection, call: CallWatch | None = None
) -> None:
    """Pass on one request and its answer. Whichever end closes first, the other is closed too.

    Raises:
        RefusedError: there is no answer that could be passed on.
    """
    upstream.writer.write(request.for_next_hop().encode())
    sending = asyncio.create_task(_send_body(length, client, upstream, call.sent if call else _unheard))
    answering = asyncio.create_task(_send_answer(upstream, client, call))
    await _first_of(answering, sending)


async def splice(client: Connection, upstream: Connection) -> None:
    """Pass on whatever both ends say, until one of them has closed."""

    async def send() -> None:
        await _copy(client.reader, upstream.writer)
        with suppress(OSError):
            upstream.writer.write_eof()
        # The client may have closed its own side only, and still read.
        await upstream.writer.wait_closed()

    await _first_of(asyncio.create_task(_copy(upstream.reader, client.writer)), asyncio.create_task(send()))


async def _send_body(
    length: int, client: Connection, upstream: Connection, listener: Callable[[bytes], None]
) -> None:
    """Send the body; then wait until the client hangs up, which ends the exchange."""
    while length and (chunk := await client.reader.read(min(length, _CHUNK))):
        length -= len(chunk)
        upstream.writer.write(chunk)
        # Before it is known to have arrived: what may have been asked counts as asked.
        listener(chunk)
        try:
            await upstream.writer.drain()
        except OSError:
            # Whether it answered before it hung up is seen where answers are read.
            break
    while await client.reader.read(_CHUNK):
        pass


async def _send_answer(upstream: Connection, client: Connection, call: CallWatch | None) -> None:
    answered = False
    while not answered:
        try:
            head = await read_head(upstream.reader)
        except (BadHeadError, OSError) as error:
            if call is not None:
                call.unanswered()
            raise RefusedError(502, "the model API or the registry closed the connection") from error
        # 1xx announces the real answer.
        answered = not head.first[1].startswith("1")
        listener = _listener(head, call) if answered and call is not None else _unheard
        client.writer.write((head.for_next_hop() if answered else head).encode())
    await _copy(upstream.reader, client.writer, listener)


def _listener(head: Head, call: CallWatch) -> Callable[[bytes], None]:
    """What is told the bytes of an answer as they pass."""
    encodings = {value.strip().lower() for value in head.values("content-encoding")} - {"", "identity"}
    if encodings:
        packed = ", ".join(sorted(encodings))
        raise RefusedError(
            502, f"the model API's answer is encoded ({packed}), though it was asked not to be"
        )
    status = head.first[1]
    call.answered(int(status) if status.isdecimal() else 0, "".join(head.values("content-type")))
    length = next((int(value) for value in head.values("content-length") if value.isdecimal()), None)
    body = PassingBody(chunked=bool(head.values("transfer-encoding")), length=length)

    def listen(data: bytes) -> None:
        call.heard(body.feed(data))
        if body.is_whole:
            # Before the client has the end of it, so that its next call finds this one counted.
            call.ended()

    return listen


def _unheard(data: bytes) -> None:
    """Most of what passes concerns nobody here."""


async def _copy(
    reader: StreamReader, writer: StreamWriter, listener: Callable[[bytes], None] = _unheard
) -> None:
    await writer.drain()
    while chunk := await reader.read(_CHUNK):
        listener(chunk)
        writer.write(chunk)
        await writer.drain()


async def _first_of(*tasks: asyncio.Task[None]) -> None:
    """Wait for the first to end, and cancel the others."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    failed = [result for task, result in zip(tasks, results, strict=True) if task in done]
    for failure in failed:
        if isinstance(failure, BaseException):
            raise failure
