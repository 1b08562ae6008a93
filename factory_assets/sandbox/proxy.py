"""The host's side of a sandbox's egress proxy: lets calls of the model and hosts within reach through, nothing else.

It passes bytes on as they come. What calls of the model may do is ruled by the router that takes them.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

import h11

from factory_assets.sandbox.egress import EgressLog, EgressRules
from factory_assets.sandbox.http_heads import HEAD_BYTES, BadHeadError, for_next_hop, read_head, request_in
from factory_assets.sandbox.proxy_splice import splice
from factory_assets.sandbox.upstream import Connection, RefusedAddressError, connect

_HEAD_SECONDS = 60.0
# The API's own kinds of error, which its clients understand.
_KINDS = {400: "invalid_request_error", 403: "permission_error"}


class EgressRefusedError(Exception):
    """A request that is not passed on: the status and the sentence that answer it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class EgressServer:
    """Serves the connections of one sandbox."""

    def __init__(self, rules: EgressRules, log: EgressLog) -> None:
        self._rules = rules
        self._log = log

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection to its end."""
        client = Connection(reader, writer)
        try:
            head = await asyncio.wait_for(read_head(reader), _HEAD_SECONDS)
            await self._pass(head, client)
        except EgressRefusedError as refused:
            await _answer(client, refused.status, str(refused))
        except (BadHeadError, TimeoutError):
            await _answer(client, 400, "the sandbox's proxy does not understand this request")
        except OSError:
            # One of the two ends hung up.
            pass
        finally:
            await client.close()

    async def _pass(self, head: bytes, client: Connection) -> None:
        request = request_in(head)
        target = request.target.decode("ascii")
        if request.method == b"CONNECT":
            await self._tunnel(target, client)
        elif target.startswith("/"):
            await self._ask_model(head, client)
        else:
            await self._fetch(request, target, client)

    async def _ask_model(self, head: bytes, client: Connection) -> None:
        if self._rules.model_url is None:
            raise self._refusal("the model API (this command has none)")
        router = urlsplit(self._rules.model_url)
        encrypted = router.scheme == "https"
        try:
            reader, writer = await asyncio.open_connection(
                router.hostname,
                router.port or (443 if encrypted else 80),
                limit=HEAD_BYTES,
                ssl=ssl.create_default_context() if encrypted else None,
            )
        except OSError as error:
            raise EgressRefusedError(502, f"the factory's router cannot be reached: {error}") from error
        async with Connection(reader, writer) as upstream:
            upstream.writer.write(head)
            await splice(client, upstream)

    async def _tunnel(self, target: str, client: Connection) -> None:
        host, port = _place(f"//{target}", usual_port=443)
        async with await self._reach(host, port, usual_port=443) as upstream:
            client.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await splice(client, upstream)

    async def _fetch(self, request: h11.Request, target: str, client: Connection) -> None:
        """Pass on a request without TLS, as plain HTTP proxies do."""
        if not target.startswith("http://"):
            raise BadHeadError
        host, port = _place(target, usual_port=80)
        parts = urlsplit(target)
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        head = for_next_hop(request, target=path, host=f"{host}:{port}" if parts.port else host)
        async with await self._reach(host, port, usual_port=80) as upstream:
            upstream.writer.write(head)
            await splice(client, upstream)

    async def _reach(self, host: str, port: int, *, usual_port: int) -> Connection:
        if not self._rules.allows(host, port, usual_port=usual_port):
            raise self._refusal(f"{host}:{port}")
        try:
            return await connect(host, port, private=self._rules.names_place(host, port))
        except RefusedAddressError as error:
            raise self._refusal(f"{host}:{port} ({error})") from error
        except OSError as error:
            self._log.unreached.add(f"{host}:{port} ({error})")
            raise EgressRefusedError(502, f"{host}:{port} cannot be reached: {error}") from error

    def _refusal(self, what: str) -> EgressRefusedError:
        """The refusal of something that must not pass; it is told in the log."""
        self._log.refused.add(what)
        return EgressRefusedError(403, f"the sandbox does not let through {what}")


def _place(url: str, *, usual_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or usual_port
    except ValueError as error:
        raise BadHeadError from error
    if not host or not host.isascii() or not host.isprintable():
        raise BadHeadError
    return host, port


async def _answer(client: Connection, status: int, message: str) -> None:
    """Answer in the API's form, which package managers show as it is."""
    told = {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": message}}
    body = json.dumps(told).encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    with suppress(OSError):
        client.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await client.writer.drain()
