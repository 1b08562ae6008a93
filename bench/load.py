"""A Messages API on loopback that answers at once, and a client that times calls of it by the byte."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

MODEL = "claude-haiku-4-5"
# As long as the question of an analysis, and an answer of forty tokens.
_NUMBER = "000000000000"
_PROMPT = f"Question {_NUMBER}. " + "A paper about caching. " * 350
_WORDS = 40
_USAGE = {"input_tokens": 2000, "output_tokens": _WORDS}

_Message = MutableMapping[str, Any]

_numbers = count(1)


def _message(**fields: object) -> dict[str, object]:
    told: dict[str, object] = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL}
    return told | {"stop_reason": "end_turn", "stop_sequence": None, "usage": _USAGE} | fields


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


_WHOLE = json.dumps(_message(content=[{"type": "text", "text": "word " * _WORDS}])).encode()
_EVENTS = [
    _event("message_start", message=_message(content=[], stop_reason=None)),
    _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    *[_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "word "})] * _WORDS,
    _event("content_block_stop", index=0),
    _event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=_USAGE),
    _event("message_stop"),
]


async def fake_api(
    scope: _Message,
    receive: Callable[[], Awaitable[_Message]],
    send: Callable[[_Message], Awaitable[None]],
) -> None:
    """An ASGI application: whatever is asked, the same answer, whole or event by event."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        part = await receive()
        body += part.get("body", b"")
        if not part.get("more_body"):
            break
    streams = b'"stream": true' in body or b'"stream":true' in body
    kind = b"text/event-stream" if streams else b"application/json"
    headers = [(b"content-type", kind)]
    if not streams:
        headers.append((b"content-length", str(len(_WHOLE)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for event in _EVENTS if streams else [_WHOLE]:
        await send({"type": "http.response.body", "body": event, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


@dataclass
class Timed:
    """Seconds of calls until the first byte of their answers and until the end.

    `took` is how long all took together, `worked` what they cost of a processor.
    """

    first: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)
    took: float = 0.0
    worked: float = 0.0

    def add(self, other: Timed) -> None:
        """Take another round's into account."""
        self.first += other.first
        self.end += other.end
        self.took += other.took
        self.worked += other.worked


def request(url: str, key: str, *, streams: bool) -> bytes:
    """The bytes of one call."""
    told = {
        "model": MODEL,
        "max_tokens": 1000,
        "stream": streams,
        "messages": [{"role": "user", "content": _PROMPT}],
    }
    body = json.dumps(told).encode()
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: {urlsplit(url).netloc}\r\nauthorization: Bearer {key}\r\n"
        f"anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def timed(url: str, requests: Sequence[bytes], *, calls: int) -> Timed:
    """Make so many calls, each of these requests again and again over a connection of its own.

    No two ask the same question, or one answer would serve them all.
    """
    told = Timed()
    left = iter(range(calls))
    place = urlsplit(url)

    async def work(content: bytes) -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=2**20)
        try:
            for _ in left:
                own = content.replace(_NUMBER.encode(), b"%012d" % next(_numbers))
                await _call(reader, writer, own, told)
        finally:
            writer.close()

    started = time.perf_counter()
    await asyncio.gather(*map(work, requests))
    told.took = time.perf_counter() - started
    return told


async def _call(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes, told: Timed
) -> None:
    started = time.perf_counter()
    writer.write(content)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200"):
        raise RuntimeError(f"{head.decode()}{(await reader.read(2000)).decode(errors='replace')}")
    if b"content-length: " in head:
        size = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        answer = await reader.readexactly(1)
        told.first.append(time.perf_counter() - started)
        answer += await reader.readexactly(size - 1)
    else:
        answer = await _chunk(reader)
        told.first.append(time.perf_counter() - started)
        while chunk := await _chunk(reader):
            answer += chunk
    told.end.append(time.perf_counter() - started)
    if b"word" not in answer:
        raise RuntimeError(f"not an answer: {answer[:2000].decode(errors='replace')}")


async def _chunk(reader: asyncio.StreamReader) -> bytes:
    size = int((await reader.readline()).split(b";")[0], 16)
    chunk = await reader.readexactly(size)
    await reader.readexactly(2)
    return chunk
