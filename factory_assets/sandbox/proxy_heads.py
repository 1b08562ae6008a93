"""The heads of HTTP/1 requests and responses, as far as a proxy must understand them."""

from __future__ import annotations

from asyncio import IncompleteReadError, LimitOverrunError, StreamReader
from collections.abc import Collection
from dataclasses import dataclass, replace

HEAD_BYTES = 256 * 1024
# RFC 9110, 7.6.1. A transfer encoding stays: the body is passed on as it comes.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
     "trailer", "upgrade", "expect"}
)  # fmt: skip


class BadHeadError(Exception):
    """What arrived is not the head of an HTTP/1 message."""


@dataclass(frozen=True)
class Head:
    """The first line, in three parts, and the headers, in order."""

    first: tuple[str, str, str]
    headers: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """The values of a header."""
        return [value for key, value in self.headers if key.lower() == name]

    def without(self, names: Collection[str]) -> Head:
        """The head without these headers, which are given in lower case."""
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() not in names))

    def with_header(self, name: str, value: str) -> Head:
        """The head with one more header."""
        return replace(self, headers=(*self.headers, (name, value)))

    def for_next_hop(self) -> Head:
        """Without what concerns this connection only, and the next one closed after one message."""
        named = {name.strip().lower() for value in self.values("connection") for name in value.split(",")}
        return self.without(_HOP_BY_HOP | named).with_header("Connection", "close")

    def encode(self) -> bytes:
        """As it goes over the line."""
        lines = [" ".join(self.first).rstrip(), *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def read_head(reader: StreamReader) -> Head:
    """Read the head of the next message.

    Raises:
        BadHeadError: when there is none.
    """
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except (IncompleteReadError, LimitOverrunError) as error:
        raise BadHeadError from error
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or "\n" in line or "\r" in line:
            raise BadHeadError
        headers.append((name, value.strip()))
    if len(parts) < 2 or "\n" in first:
        raise BadHeadError
    return Head((parts[0], parts[1], parts[2] if len(parts) == 3 else ""), tuple(headers))


def body_length(head: Head) -> int:
    """The length of a request's body.

    Raises:
        BadHeadError: when it does not say, or not clearly.
    """
    lengths = head.values("content-length")
    if head.values("transfer-encoding") or len(lengths) > 1 or not all(map(str.isdecimal, lengths)):
        raise BadHeadError
    return int(lengths[0]) if lengths else 0
