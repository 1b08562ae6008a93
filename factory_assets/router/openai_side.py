"""A call to a backend that speaks OpenAI's form: asked in that form, and answered in the form of the Messages API.

The answer is turned back before anybody looks at it, so that meter, health and cache know one form alone. Vectors pass
in OpenAI's form, and are counted in the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus

from factory_assets.network.async_client import Asking, AsyncClient, CutAnswerError
from factory_assets.network.http_answer import Headers
from factory_assets.router.backends import Backend
from factory_assets.router.embeddings_form import Turned, WantedVectors
from factory_assets.router.forms import UnconvertibleError
from factory_assets.router.health import CallEnding
from factory_assets.router.openai_answer import answer_from_chat, error_from_chat
from factory_assets.router.openai_backend import to_chat
from factory_assets.router.openai_stream import FromChat
from factory_assets.router.passing import Listener, Passing, UnreachableError, pass_on

_CHAT, _EMBEDDINGS = "/chat/completions", "/embeddings"
# A message of 128,000 tokens is a megabyte; an answer in one piece is turned back as a whole.
_MOST_BYTES = 8 * 1024 * 1024
# 2,048 vectors of 1,536 numbers have some 45 MB.
_MOST_VECTOR_BYTES = 64 * 1024 * 1024
_STREAM, _JSON = "text/event-stream", "application/json"
# They tell of a body that is turned into another.
_OF_THE_BODY = frozenset({b"content-length", b"content-type"})


def chat_request(backend: Backend, content: bytes, *, model: str) -> Asking:
    """A request of the Messages API as one to a backend for `model`; of the caller's headers it has none.

    Raises:
        UnconvertibleError: it asks for something that cannot be said there.
    """
    return _request(backend, _CHAT, to_chat(content, model=model))


def embeddings_request(backend: Backend, wanted: WantedVectors) -> Asking:
    """A request for vectors to a backend; of the caller's headers it has none."""
    return _request(backend, _EMBEDDINGS, wanted.body)


async def ask_chat(client: AsyncClient, asking: Asking, listener: Listener, *, streams: bool) -> Passing:
    """Send it, and begin to give its answer as one of the Messages API.

    Raises:
        UnreachableError: there is no answer, or none that can be turned back.
    """
    ear = _Ear(listener, streams=streams)
    passing = await pass_on(client, asking, ear)
    if ear.hears_a_stream:
        return Passing(passing.status, _headers(passing, _STREAM), _streamed(passing, ear), passing.close)

    def turn(status: int, content: bytes) -> Turned:
        if status >= HTTPStatus.BAD_REQUEST:
            body = error_from_chat(content, status)
        elif streams:
            raise UnconvertibleError("It is no stream, though one was asked for.")
        else:
            body = answer_from_chat(content)
        return Turned(body, body)

    return await _in_one_piece(passing, asking.parts[1], listener, turn, most_bytes=_MOST_BYTES)


async def ask_for_vectors(
    client: AsyncClient, asking: Asking, listener: Listener, wanted: WantedVectors
) -> Passing:
    """Send it, and give its answer in OpenAI's form.

    Raises:
        UnreachableError: there is no answer, or none that holds what is wanted.
    """
    passing = await pass_on(client, asking, _Ear(listener, streams=False))
    return await _in_one_piece(
        passing, asking.parts[1], listener, wanted.turned, most_bytes=_MOST_VECTOR_BYTES
    )


def _request(backend: Backend, path: str, body: bytes) -> Asking:
    headers = [(b"content-type", _JSON.encode()), (b"accept-encoding", b"identity")]
    if backend.header is not None:
        name, value = backend.header
        headers.append((name.encode(), value.encode()))
    return Asking("POST", f"{backend.base_url}{path}", headers, body)


async def _in_one_piece(
    passing: Passing,
    place: str,
    listener: Listener,
    turn: Callable[[int, bytes], Turned],
    *,
    most_bytes: int,
) -> Passing:
    """An answer in one piece in another form, of which the listener hears once it is that."""
    try:
        whole = await _whole(passing, most_bytes)
        # Millions of numbers take seconds, for which other calls do not wait.
        turned = await asyncio.to_thread(turn, passing.status, whole)
        headers = _headers(passing, _JSON)
        listener.answered(passing.status, {name.decode(): value.decode("latin-1") for name, value in headers})
        listener.heard(turned.counted)
        listener.ended(CallEnding.WHOLE)
    except (UnconvertibleError, CutAnswerError) as error:
        # The backend has worked on it, and what that has used is not known.
        listener.ended(CallEnding.CUT)
        raise UnreachableError(f"{place} gave no answer that can be passed on: {error}") from error
    finally:
        await passing.close()
    headers.append((b"content-length", str(len(turned.given)).encode()))
    return Passing(passing.status, headers, _of(turned.given), passing.close)


class _Ear:
    """Tells a listener of a stream in the form that it knows; implements passing.Listener.

    Of an answer in one piece it tells only that it fails: the rest is told once that is turned back.
    """

    def __init__(self, listener: Listener, *, streams: bool) -> None:
        self._listener, self._streams = listener, streams
        self._converter: FromChat | None = None
        self._said = b""

    @property
    def hears_a_stream(self) -> bool:
        """Whether the answer is a stream, as it was asked for."""
        return self._converter is not None

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """See passing.Listener."""
        is_stream = headers.get("content-type", "").lower().startswith(_STREAM)
        if status == HTTPStatus.OK and self._streams and is_stream:
            self._converter = FromChat()
            self._listener.answered(status, headers)

    def heard(self, content: bytes) -> None:
        """See passing.Listener."""
        if self._converter is not None:
            self._say(self._converter.feed(content))

    def unanswered(self) -> None:
        """See passing.Listener."""
        self._listener.unanswered()

    def ended(self, ending: CallEnding) -> None:
        """See passing.Listener."""
        if ending is CallEnding.WHOLE:
            if self._converter is None:
                return
            self._say(self._converter.end())
        self._listener.ended(ending)

    def said(self) -> bytes:
        """What has been told since this was last asked for."""
        said, self._said = self._said, b""
        return said

    def _say(self, content: bytes) -> None:
        self._said += content
        self._listener.heard(content)


async def _streamed(passing: Passing, ear: _Ear) -> AsyncIterator[bytes]:
    async for _ in passing.content:
        if said := ear.said():
            yield said
    if said := ear.said():
        yield said


async def _whole(passing: Passing, most_bytes: int) -> bytes:
    """All of an answer.

    Raises:
        UnconvertibleError: it is longer than that.
        CutAnswerError: it broke off.
    """
    whole = bytearray()
    async for chunk in passing.content:
        whole += chunk
        if len(whole) > most_bytes:
            raise UnconvertibleError(f"It is longer than {most_bytes} bytes.")
    return bytes(whole)


def _headers(passing: Passing, content_type: str) -> Headers:
    kept = [pair for pair in passing.headers if pair[0].lower() not in _OF_THE_BODY]
    return [*kept, (b"content-type", content_type.encode())]


async def _of(body: bytes) -> AsyncIterator[bytes]:
    yield body
