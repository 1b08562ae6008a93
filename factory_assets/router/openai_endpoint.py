"""A request in OpenAI's form, asked as one of the Messages API, and its answer turned back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from factory_assets.network.http_answer import Headers
from factory_assets.router.incoming import Incoming
from factory_assets.router.openai_answer import answer_to_chat, error_to_chat
from factory_assets.router.openai_request import Converted, from_chat
from factory_assets.router.openai_stream import ToChat
from factory_assets.router.passing import Passing

# Where a caller names no longest answer.
_MOST_TOKENS = 4096
_OF_ITS_FORM = frozenset({b"content-length", b"content-type"})


@dataclass(frozen=True)
class Chat:
    """A request in OpenAI's form, said in the other."""

    converted: Converted

    @property
    def body(self) -> bytes:
        """The request of the Messages API."""
        return self.converted.body

    def headers(self, came: Incoming) -> Headers:
        """The caller's headers with those that the Messages API wants."""
        kept = [pair for pair in came.headers if pair[0] not in {b"content-type", b"anthropic-version"}]
        return [
            *kept,
            (b"content-type", b"application/json"),
            (b"anthropic-version", self.converted.version.encode()),
        ]


def read_chat(content: bytes) -> Chat:
    """Read one.

    Raises:
        UnconvertibleError: it cannot be said in the other form.
    """
    return Chat(from_chat(content, most_tokens=_MOST_TOKENS))


async def chat_passing(passing: Passing, chat: Chat) -> Passing:
    """An answer of the Messages API in OpenAI's form.

    Raises:
        UnconvertibleError: it has no such form.
    """
    kept = [pair for pair in passing.headers if pair[0].lower() not in _OF_ITS_FORM]
    if passing.status == 200 and chat.converted.streams:
        content = _streamed(passing, ToChat(created=_now(), includes_usage=chat.converted.includes_usage))
        return Passing(200, [*kept, (b"content-type", b"text/event-stream")], content, passing.close)
    try:
        whole = b"".join([chunk async for chunk in passing.content])
    except BaseException:
        await passing.close()
        raise
    body = (
        answer_to_chat(whole, created=_now())
        if passing.status == 200
        else error_to_chat(whole, passing.status)
    )
    headers = [*kept, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return Passing(passing.status, headers, _of(body), passing.close)


async def _streamed(passing: Passing, converter: ToChat) -> AsyncIterator[bytes]:
    async for chunk in passing.content:
        if said := converter.feed(chunk):
            yield said
    if said := converter.end():
        yield said


async def _of(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _now() -> int:
    return int(time.time())
