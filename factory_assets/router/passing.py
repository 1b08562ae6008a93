"""Passing one request of the Messages API to a backend and its answer back, as the bytes come.

Nothing is parsed on the way through and nothing is written anew: thinking is signed over the bytes of a conversation,
Claude Code reads the words of an error, and a beta that a gateway does not know is one that it would lose.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

# RFC 9110, 7.6.1: what concerns one connection alone.
_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_CREDENTIALS = frozenset({"authorization", "x-api-key"})
# Host and length are set anew by the client that sends it on; a compressed answer could not be read as it passes.
_NOT_PASSED_ON = _HOP_BY_HOP | _CREDENTIALS | {"host", "content-length", "accept-encoding"}
_NOT_PASSED_BACK = _HOP_BY_HOP | {"content-length"}

Headers = list[tuple[bytes, bytes]]


class Listener(Protocol):
    """Looks on at one call."""

    def answered(self, status: int, headers: httpx.Headers) -> None:
        """The backend's answer begins."""
        ...

    def heard(self, content: bytes) -> None:
        """The next bytes of the answer are about to pass."""
        ...

    def ended(self, *, is_whole: bool) -> None:
        """The call is over: the answer came to its end, or somebody broke it off."""
        ...


@dataclass(frozen=True)
class Backend:
    """Where calls are passed to. `credential` is the header that opens it."""

    name: str
    base_url: str
    credential: tuple[str, str]


class UnreachableError(Exception):
    """The backend gave no answer at all."""


@dataclass(frozen=True)
class Passer:
    """Passes calls on with one pool of connections."""

    client: httpx.AsyncClient

    async def pass_on(self, request: Request, body: bytes, backend: Backend, listener: Listener) -> Response:
        """The backend's answer, streamed as it comes.

        Raises:
            UnreachableError: there is none.
        """
        headers = passed_on(request.headers.raw)
        name, value = backend.credential
        headers += [(name.encode(), value.encode()), (b"accept-encoding", b"identity")]
        query = f"?{request.url.query}" if request.url.query else ""
        url = httpx.URL(f"{backend.base_url.rstrip('/')}{request.url.path}{query}")
        sent = self.client.build_request(request.method, url, headers=headers, content=body)
        try:
            answer = await self.client.send(sent, stream=True)
        except httpx.HTTPError as error:
            listener.ended(is_whole=False)
            raise UnreachableError(f"{backend.name} cannot be reached: {error}") from error
        listener.answered(answer.status_code, answer.headers)
        response = StreamingResponse(_heard(answer, listener), status_code=answer.status_code)
        response.raw_headers = passed_back(answer.headers.raw)
        return response


async def _heard(answer: httpx.Response, listener: Listener) -> AsyncIterator[bytes]:
    is_whole = False
    try:
        async for chunk in answer.aiter_raw():
            listener.heard(chunk)
            yield chunk
        is_whole = True
    finally:
        listener.ended(is_whole=is_whole)
        await answer.aclose()


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a request without those of its connection and without any credential."""
    return _without(headers, _NOT_PASSED_ON)


def passed_back(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of an answer without those of its connection."""
    return _without(headers, _NOT_PASSED_BACK)


def _without(headers: Iterable[tuple[bytes, bytes]], dropped: frozenset[str]) -> Headers:
    found = [(name.lower(), value) for name, value in headers]
    # Whatever Connection names is of the connection too: a header that is smuggled so goes no further.
    named = {
        word.strip().lower()
        for name, value in found
        if name == b"connection"
        for word in value.decode("latin-1").split(",")
    }
    return [(name, value) for name, value in found if name.decode("latin-1") not in dropped | named]


async def whole_body(request: Request, *, most_bytes: int, on_too_large: Callable[[], Exception]) -> bytes:
    """The body of a request, which is kept until it is whole, so that it can be sent to a second backend.

    Raises:
        ClientDisconnect: the client hung up.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise on_too_large()
        parts.append(part)
    return b"".join(parts)


__all__ = [
    "Backend",
    "ClientDisconnect",
    "Listener",
    "Passer",
    "UnreachableError",
    "passed_back",
    "passed_on",
    "whole_body",
]
