"""The host's side of a sandbox's door: lets through the model API and the hosts within reach, nothing else.

It passes bytes on as they come, one request to a connection, and puts the real credential in on the way.
"""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from factory_assets.sandbox.door import DoorLog, ModelAccess, Rules
from factory_assets.sandbox.proxy_heads import BadHeadError, Head, body_length, read_head
from factory_assets.sandbox.upstream import Connection, RefusedAddressError, connect

_HEAD_SECONDS = 60.0
_CHUNK = 65536
_CREDENTIAL_HEADERS = frozenset({"authorization", "x-api-key"})
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    502: "api_error",
}
_MODEL_CALLS = frozenset({("POST", "/v1/messages"), ("POST", "/v1/messages/count_tokens")})
_REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 502: "Bad Gateway"}


class _RefusedError(Exception):
    """A request that is not passed on: the status and the sentence that answer it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Proxy:
    """Serves the connections of one sandbox."""

    rules: Rules
    log: DoorLog

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection to its end."""
        client = Connection(reader, writer)
        try:
            head = await asyncio.wait_for(read_head(reader), _HEAD_SECONDS)
            await self._pass(head, client)
        except _RefusedError as refusal:
            await _answer(client, refusal.status, str(refusal))
        except (BadHeadError, TimeoutError):
            await _answer(client, 400, "the sandbox's proxy does not understand this request")
        except OSError:
            # One of the two ends hung up.
            pass
        finally:
            await client.close()

    async def _pass(self, head: Head, client: Connection) -> None:
        method, target, _ = head.first
        if method == "CONNECT":
            await self._tunnel(target, client)
        elif target.startswith("/"):
            await self._ask_model(head, client)
        else:
            await self._fetch(head, client)

    async def _tunnel(self, target: str, client: Connection) -> None:
        host, port = _place(f"//{target}", usual_port=443)
        async with await self._reach(host, port, usual_port=443) as upstream:
            client.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _splice(client, upstream)

    async def _fetch(self, head: Head, client: Connection) -> None:
        """Pass on a request without TLS, as plain HTTP proxies do."""
        method, target, version = head.first
        if not target.startswith("http://"):
            raise BadHeadError
        host, port = _place(target, usual_port=80)
        parts = urlsplit(target)
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        named = f"{host}:{port}" if parts.port else host
        request = replace(head.without({"host"}), first=(method, path, version)).with_header("Host", named)
        length = body_length(head)
        async with await self._reach(host, port, usual_port=80) as upstream:
            await _exchange(request, length, client, upstream)

    async def _ask_model(self, head: Head, client: Connection) -> None:
        model = self.rules.model
        if model is None:
            raise self._refuse("the model API (this command has none)", 403)
        method, target, version = head.first
        path = target.partition("?")[0]
        # Batches, files and keys live behind the same credential, and outlive the phase.
        if (method, path) not in _MODEL_CALLS:
            raise self._refuse(f"the model API's {method} {path[:100]}", 403)
        base = urlsplit(model.base_url)
        request = replace(
            _with_credential(head, model).without({"host"}),
            first=(method, f"{base.path.rstrip('/')}{target}", version),
        ).with_header("Host", base.netloc.rpartition("@")[2])
        length = body_length(head)
        tls = base.scheme == "https"
        port = base.port or (443 if tls else 80)
        try:
            upstream = await connect(base.hostname or "", port, tls=tls, private=True)
        except (OSError, RefusedAddressError) as error:
            raise _RefusedError(502, f"{base.hostname}:{port} cannot be reached: {error}") from error
        async with upstream:
            await _exchange(request, length, client, upstream)

    async def _reach(self, host: str, port: int, *, usual_port: int) -> Connection:
        if not self.rules.allows(host, port, usual_port=usual_port):
            raise self._refuse(f"{host}:{port}", 403)
        try:
            return await connect(host, port, tls=False, private=self.rules.names_place(host, port))
        except RefusedAddressError as error:
            raise self._refuse(f"{host}:{port} ({error})", 403) from error
        except OSError as error:
            self.log.unreached.add(f"{host}:{port} ({error})")
            raise _RefusedError(502, f"{host}:{port} cannot be reached: {error}") from error

    def _refuse(self, what: str, status: int) -> _RefusedError:
        self.log.refused.add(what)
        return _RefusedError(status, f"the sandbox does not let through {what}")


def _place(url: str, *, usual_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or usual_port
    except ValueError as error:
        raise BadHeadError from error
    if not host or not host.isascii() or not host.isprintable():
        raise BadHeadError
    return host, port


def _with_credential(head: Head, model: ModelAccess) -> Head:
    """The head with the real credential where the program put its placeholder, and no other credential."""
    if not model.credentials:
        return head
    kept: list[tuple[str, str]] = []
    found = False
    for name, value in head.headers:
        if name.lower() not in _CREDENTIAL_HEADERS:
            kept.append((name, value))
            continue
        scheme, space, token = value.rpartition(" ")
        real = model.credentials.get(token)
        if real is not None:
            found = True
            kept.append((name, f"{scheme}{space}{real}"))
    if not found:
        raise _RefusedError(401, "this is not the credential that the sandbox was given")
    return replace(head, headers=tuple(kept))


async def _exchange(request: Head, length: int, client: Connection, upstream: Connection) -> None:
    """Pass on one request and its answer. Whichever end closes first, the other is closed too."""
    upstream.writer.write(request.for_next_hop().encode())
    sending = asyncio.create_task(_send_body(length, client, upstream))
    answering = asyncio.create_task(_send_answer(upstream, client))
    await _first_of(answering, sending)


async def _send_body(length: int, client: Connection, upstream: Connection) -> None:
    """Send the body; then wait until the client hangs up, which ends the exchange."""
    while length and (chunk := await client.reader.read(min(length, _CHUNK))):
        length -= len(chunk)
        upstream.writer.write(chunk)
        await upstream.writer.drain()
    while await client.reader.read(_CHUNK):
        pass


async def _send_answer(upstream: Connection, client: Connection) -> None:
    answered = False
    while not answered:
        try:
            head = await read_head(upstream.reader)
        except BadHeadError as error:
            raise _RefusedError(502, "the model API or the registry closed the connection") from error
        # 1xx announces the real answer.
        answered = not head.first[1].startswith("1")
        client.writer.write((head.for_next_hop() if answered else head).encode())
    await _copy(upstream.reader, client.writer)


async def _splice(client: Connection, upstream: Connection) -> None:
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


async def _answer(client: Connection, status: int, message: str) -> None:
    """Answer in the API's form, which package managers show as it is."""
    body = json.dumps({"type": "error", "error": {"type": _KINDS[status], "message": message}}).encode()
    first = ("HTTP/1.1", str(status), _REASONS[status])
    head = Head(first, (("Content-Type", "application/json"), ("Content-Length", str(len(body)))))
    with suppress(OSError):
        client.writer.write(head.with_header("Connection", "close").encode() + body)
        await client.writer.drain()
