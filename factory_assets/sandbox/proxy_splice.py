"""Passing bytes between the two ends of a proxy as they come."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from factory_assets.sandbox.upstream import Connection

_CHUNK = 65536


async def splice(client: Connection, upstream: Connection) -> None:
    """Pass on whatever both ends say, until one of them has closed."""

    async def send() -> None:
        await _copy(client.reader, upstream.writer)
        with suppress(OSError):
            upstream.writer.write_eof()
        # The client may have closed its own side only, and still read.
        await upstream.writer.wait_closed()

    await _first_of(asyncio.create_task(_copy(upstream.reader, client.writer)), asyncio.create_task(send()))


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    await writer.drain()
    while chunk := await reader.read(_CHUNK):
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
