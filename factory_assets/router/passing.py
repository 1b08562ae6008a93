"""Passing one request of the Messages API to a backend and its answer back, as the bytes come.

Nothing is parsed on the way through and nothing is written anew: thinking is signed over the bytes of a conversation,
Claude Code reads the words of an error, and a beta that a gateway does not know is one that it would lose.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from factory_assets.network.async_client import (
    Answering,
    Asking,
    AsyncClient,
    CutAnswerError,
    SilentBackendError,
)
from factory_assets.network.http_answer import Headers
from factory_assets.router.health import CallEnding

# RFC 9110, 7.6.1: what concerns one connection alone.
_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"),
        *("te", "trailer", "transfer-encoding", "upgrade", "expect"),
    }
)
CREDENTIALS = frozenset({"authorization", "x-api-key"})
# Host and length are set anew by the client that sends it on; a compressed answer could not be read as it passes.
_NOT_PASSED_ON = _HOP_BY_HOP | CREDENTIALS | {"host", "content-length", "accept-encoding"}
_NOT_PASSED_BACK = _HOP_BY_HOP


class Listener(Protocol):
    """Looks on at one call."""

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """The backend's answer begins; its headers, named in lower case."""
        ...

    def heard(self, content: bytes) -> None:
        """The next bytes of the answer are about to pass."""
        ...

    def unanswered(self) -> None:
        """The backend gave no answer."""
        ...

    def ended(self, ending: CallEnding) -> None:
        """The call is over, however often that is said; before the last bytes of an answer in one piece have passed."""
        ...


@dataclass(frozen=True)
class Passing:
    """An answer under way: its status and headers as they came, and its content as it comes.

    Whoever takes it closes it, whether or not the content was read to its end.
    """

    status: int
    headers: Headers
    content: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]


class UnreachableError(Exception):
    """The backend gave no answer that could be passed back."""


async def pass_on(client: AsyncClient, asking: Asking, listener: Listener) -> Passing:
    """Send a request on, and begin to pass its answer back.

    Raises:
        UnreachableError: there is no answer, or one that leads elsewhere or is packed though it was asked not to be.
    """
    try:
        place = asking.parts[1]
        answer = await client.ask(asking)
    except SilentBackendError as error:
        # One that takes a request and hangs up has not worked on it; one that is waited for too long may have.
        if not error.was_taken:
            listener.unanswered()
        listener.ended(CallEnding.CUT)
        raise UnreachableError(str(error)) from error
    except BaseException:
        listener.ended(CallEnding.HUNG_UP)
        raise
    packed = answer.headers.get("content-encoding", "identity").strip().lower()
    if packed not in {"", "identity"}:
        answer.close()
        listener.ended(CallEnding.CUT)
        words = f"the answer of {place} is encoded ({packed}), though it was asked not to be"
        raise UnreachableError(words)
    if answer.leads_to is not None:
        # Who follows it would show its token to another, and ask past the router.
        answer.close()
        listener.unanswered()
        listener.ended(CallEnding.CUT)
        words = f"{place} redirects to {answer.leads_to}: name that address for the backend"
        raise UnreachableError(words)
    listener.answered(answer.status, answer.headers)

    async def close() -> None:
        listener.ended(CallEnding.HUNG_UP)
        answer.close()

    return Passing(answer.status, passed_back(answer.raw_headers), _heard(answer, listener), close)


async def _heard(answer: Answering, listener: Listener) -> AsyncIterator[bytes]:
    """The content; of an answer in one piece the end is held back until it is settled.

    So the caller's next request finds this one counted. Events of a stream count as they pass.
    """
    streams = answer.headers.get("content-type", "").lower().startswith("text/event-stream")
    held = b""
    try:
        async for chunk in answer.content():
            listener.heard(chunk)
            if streams:
                yield chunk
            else:
                if held:
                    yield held
                held = chunk
    except CutAnswerError:
        listener.ended(CallEnding.CUT)
        raise
    listener.ended(CallEnding.WHOLE)
    if held:
        yield held


def passed_on(headers: Iterable[tuple[bytes, bytes]], *, without: frozenset[str] = frozenset()) -> Headers:
    """The headers of a request without those of its connection and without any credential."""
    return _without(headers, _NOT_PASSED_ON | without)


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
