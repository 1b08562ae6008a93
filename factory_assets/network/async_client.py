"""Many requests at once, each sent as its bytes stand, whose answers are read as they come.

On asyncio's own streams and uvicorn's parser: httpx takes three times as long for a call and for each event of a
stream, and aiohttp drops what has come of an answer that breaks off. By the proxies and certificates of clients.py.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httptools

from factory_assets.network.clients import KEPT_ALIVE, way_to
from factory_assets.network.http_answer import GoneError, Headers, HttpAnswer
from factory_assets.network.proxies import Proxy

_READ_BYTES = 64 * 1024
# Up to here a request is put together, and leaves in one piece.
_SMALL_BODY = 64 * 1024
_KEPT_SECONDS, _MOST_KEPT = 15.0, 100
_PORTS = {"http": 80, "https": 443}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_URL = re.compile(r"(https?)://([^/?#\s]+)(/[!-~]*)")
_PLACE = re.compile(r"\[?([^\[\]]+?)\]?(?::(\d+))?")
_LINE_END = re.compile(rb"[\r\n\0]")


class SilentBackendError(Exception):
    """A request has no answer. `was_taken`: the server may have worked on it."""

    def __init__(self, words: str, *, was_taken: bool = False) -> None:
        super().__init__(words)
        self.was_taken = was_taken


class CutAnswerError(Exception):
    """An answer has no end."""


@dataclass(frozen=True)
class Asking:
    """A request; host and length are added to its headers, and nothing else."""

    method: str
    url: str
    headers: Headers
    body: bytes = b""

    @property
    def parts(self) -> tuple[str, str, str]:
        """The scheme, the host with its port, and the path with its query.

        Raises:
            NoAnswerError: they cannot stand in a request.
        """
        found = _URL.fullmatch(self.url)
        if found is None:
            raise SilentBackendError(f"{self.url!r} cannot be asked for: it is no address.")
        return found[1], found[2], found[3]


class Answering:
    """An answer that begins: its headers as they came, and by their names in lower case. Whoever takes it closes it."""

    def __init__(self, connection: _Connection, answer: HttpAnswer) -> None:
        self._connection, self._answer, self._is_over = connection, answer, False
        self.status, self.raw_headers = answer.status, answer.headers
        self.headers: dict[str, str] = {}
        for raw_name, raw_value in answer.headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value

    @property
    def leads_to(self) -> str | None:
        """Where it redirects to, without what an address can hold of secrets; None where it does not."""
        if self.status not in _REDIRECTS or "location" not in self.headers:
            return None
        return self.headers["location"].partition("?")[0].rpartition("@")[2]

    async def content(self) -> AsyncIterator[bytes]:
        """Its bytes, each time all that have come.

        Raises:
            CutAnswerError: it broke off.
        """
        while True:
            if chunk := self._answer.taken():
                yield chunk
            if self._answer.is_whole:
                break
            try:
                self._answer.feed(await self._connection.read())
            except (OSError, GoneError, httptools.HttpParserError) as error:
                self.close()
                raise CutAnswerError(str(error) or "it fell silent") from error
        self._is_over = True
        self._connection.put_back(is_good=self._answer.leaves_connection)

    def close(self) -> None:
        """End it: a connection whose answer was not read to its end is closed."""
        if not self._is_over:
            self._is_over = True
            self._connection.close()


@dataclass
class AsyncClient:
    """For one event loop. `connect_seconds` are for a connection, `silent_seconds` for the server's next bytes."""

    connect_seconds: float
    silent_seconds: float
    _ways: dict[tuple[str, str], _Way] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for way in self._ways.values():
            for connection in tuple(way.kept):
                connection.close()

    async def ask(self, asking: Asking) -> Answering:
        """Send a request; again for as long as each connection was one that was kept, and had been closed meanwhile.

        Raises:
            NoAnswerError: there is no answer.
            InputError: as `clients.check_way`.
        """
        scheme, place, _ = asking.parts
        way = self._ways.get((scheme, place))
        if way is None:
            way = self._ways[scheme, place] = _Way(scheme, place, *way_to(asking.url))
        head = way.head(asking)
        while True:
            # Each try uses up one of those that are kept, so that a new one is made in the end.
            kept = way.kept.pop() if way.kept else None
            connection = kept or await way.connect(self.connect_seconds, self.silent_seconds)
            try:
                return Answering(connection, await connection.ask(head, asking))
            except GoneError as error:
                connection.close()
                if kept is None:
                    raise SilentBackendError(f"{place} gave no answer: it hung up") from error
            except TimeoutError as error:
                connection.close()
                raise SilentBackendError(f"{place} gave no answer in time", was_taken=True) from error
            except (OSError, httptools.HttpParserError) as error:
                connection.close()
                raise SilentBackendError(f"{place} gave no answer: {error}") from error
            except BaseException:
                connection.close()
                raise


@dataclass(eq=False)
class _Connection:
    kept: list[_Connection]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    silent_seconds: float
    expiry: asyncio.TimerHandle | None = None

    async def ask(self, head: bytes, asking: Asking) -> HttpAnswer:
        """Send a request, and hear the beginning of its answer."""
        if self.expiry is not None:
            self.expiry.cancel()
        answer = HttpAnswer(has_content=asking.method != "HEAD")
        # A server that refuses a request before it has come whole has said why.
        with suppress(ConnectionError):
            await self._write(head, asking.body)
        while not answer.has_begun:
            answer.feed(await self.read(is_first=not answer.is_heard))
        return answer

    async def read(self, *, is_first: bool = False) -> bytes:
        async with asyncio.timeout(self.silent_seconds):
            try:
                return await self.reader.read(_READ_BYTES)
            except ConnectionError as error:
                if is_first:
                    raise GoneError from error
                raise

    async def _write(self, head: bytes, body: bytes) -> None:
        if len(body) <= _SMALL_BODY:
            self.writer.write(head + body)
        else:
            self.writer.write(head)
            self.writer.write(body)
        async with asyncio.timeout(self.silent_seconds):
            await self.writer.drain()

    def put_back(self, *, is_good: bool) -> None:
        """Keep it for a while for the next request, if it is good for one."""
        if not is_good or self.reader.at_eof() or self.writer.is_closing() or len(self.kept) >= _MOST_KEPT:
            self.close()
            return
        self.kept.append(self)
        self.expiry = asyncio.get_running_loop().call_later(_KEPT_SECONDS, self.close)

    def close(self) -> None:
        """Give it up, wherever it is."""
        if self in self.kept:
            self.kept.remove(self)
        if self.expiry is not None:
            self.expiry.cancel()
        # What has not been sent is of no use to anybody, and would be waited for.
        self.writer.transport.abort()


@dataclass(frozen=True)
class _Way:
    """How one server is reached, and the connections to it that wait for a request, those used last at the end."""

    scheme: str
    place: str
    proxy: Proxy | None
    tls: ssl.SSLContext | None
    kept: list[_Connection] = field(default_factory=list)

    def head(self, asking: Asking) -> bytes:
        """The beginning of a request, up to its body.

        Raises:
            NoAnswerError: a header would be more than one.
        """
        target = asking.parts[2]
        lines = [b"Host: " + self.place.encode(), *(name + b": " + value for name, value in asking.headers)]
        if asking.body or asking.method in _WITH_BODY:
            lines.append(b"Content-Length: %d" % len(asking.body))
        if self.proxy is not None and self.scheme == "http":
            target = asking.url
            lines += _login(self.proxy)
        if any(_LINE_END.search(line) for line in lines):
            raise SilentBackendError("A header has an end of a line in it, and cannot be sent.")
        return b"\r\n".join([f"{asking.method} {target} HTTP/1.1".encode("ascii"), *lines, b"", b""])

    async def connect(self, seconds: float, silent_seconds: float) -> _Connection:
        """A new connection.

        Raises:
            NoAnswerError: there is none.
        """
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await self._connected()
        except TimeoutError as error:
            raise SilentBackendError(f"{self.place} cannot be reached within {seconds:g} s") from error
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            raise SilentBackendError(f"{self.place} cannot be reached: {error}") from error
        return _Connection(self.kept, reader, writer, silent_seconds)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = _split(self.place, self.scheme)
        is_secure = self.scheme == "https"
        if self.proxy is None:
            tls = self.tls if is_secure else None
            reader, writer = await asyncio.open_connection(host, port, ssl=tls, limit=_READ_BYTES)
        else:
            tls = self.tls if self.proxy.scheme == "https" else None
            at = (self.proxy.host, self.proxy.port)
            reader, writer = await asyncio.open_connection(*at, ssl=tls, limit=_READ_BYTES)
        try:
            for option in KEPT_ALIVE:
                writer.get_extra_info("socket").setsockopt(*option)
            if self.proxy is not None and is_secure:
                await self._tunnel(self.proxy, host, port, reader, writer)
        except BaseException:
            writer.transport.abort()
            raise
        return reader, writer

    async def _tunnel(
        self, proxy: Proxy, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1".encode(), f"host: {place}".encode(), *_login(proxy), b"", b""]
        writer.write(b"\r\n".join(lines))
        answer = await reader.readuntil(b"\r\n\r\n")
        if answer[9:12] != b"200":
            told = answer.partition(b"\r")[0].decode("latin-1")
            raise ConnectionError(f"the proxy {proxy.host}:{proxy.port} answers {told}")
        await writer.start_tls(self.tls or ssl.create_default_context(), server_hostname=host)


def _split(place: str, scheme: str) -> tuple[str, int]:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise OSError("this is no host")
    return found[1], int(found[2] or _PORTS[scheme])


def _login(proxy: Proxy) -> Iterator[bytes]:
    if proxy.username:
        login = base64.b64encode(f"{proxy.username}:{proxy.password}".encode())
        yield b"proxy-authorization: Basic " + login
