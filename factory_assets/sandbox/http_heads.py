"""The heads of HTTP/1 messages, as far as a proxy must understand them."""

from __future__ import annotations

from asyncio import IncompleteReadError, LimitOverrunError, StreamReader

import h11

HEAD_BYTES = 256 * 1024
# RFC 9110, 7.6.1. A transfer encoding stays: the body is passed on as it comes.
_HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization"),
        *(b"te", b"trailer", b"upgrade", b"expect"),
    }
)


class BadHeadError(Exception):
    """What arrived is not the head of an HTTP/1 message."""


async def read_head(reader: StreamReader) -> bytes:
    """The bytes of the next message's head.

    Raises:
        BadHeadError: when there is none.
    """
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (IncompleteReadError, LimitOverrunError) as error:
        raise BadHeadError from error


def request_in(head: bytes) -> h11.Request:
    """The request that a head begins.

    Raises:
        BadHeadError: it begins none, or one whose length is unclear.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    try:
        connection.receive_data(head)
        event = connection.next_event()
    except h11.ProtocolError as error:
        raise BadHeadError from error
    if not isinstance(event, h11.Request):
        raise BadHeadError
    return event


def for_next_hop(request: h11.Request, *, target: str, host: str) -> bytes:
    """The head of a request as the host it is for gets it, which is to close the connection after its answer.

    Raises:
        BadHeadError: it would be no head.
    """
    named = {
        word.strip().lower()
        for name, value in request.headers
        if name == b"connection"
        for word in value.split(b",")
    }
    dropped = _HOP_BY_HOP | named | {b"host"}
    kept: list[tuple[bytes, bytes]] = [pair for pair in request.headers if pair[0] not in dropped]
    headers = [(b"Host", host.encode()), *kept, (b"Connection", b"close")]
    try:
        return encoded(h11.Request(method=request.method, target=target, headers=headers))
    except h11.ProtocolError as error:
        raise BadHeadError from error


def encoded(request: h11.Request) -> bytes:
    """The head as it goes over the line."""
    return h11.Connection(h11.CLIENT).send(request) or b""


def status_in(head: bytes, asked: h11.Request) -> tuple[int, str]:
    """Status and reason of the answer that a head begins.

    Raises:
        BadHeadError: it begins none.
    """
    connection = h11.Connection(h11.CLIENT)
    connection.send(asked)
    try:
        connection.receive_data(head)
        event = connection.next_event()
    except h11.ProtocolError as error:
        raise BadHeadError from error
    if not isinstance(event, h11.Response):
        raise BadHeadError
    return event.status_code, event.reason.decode("latin-1")
