"""The host's side of a sandbox's door: lets through the model API and the hosts within reach, nothing else.

It passes bytes on as they come, one request to a connection.
"""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from factory_assets.sandbox.door import DoorLog, Rules
from factory_assets.sandbox.proxy_exchange import RefusedError, exchange, refusal, splice
from factory_assets.sandbox.proxy_heads import BadHeadError, Head, body_length, read_head
from factory_assets.sandbox.proxy_model import ModelCalls
from factory_assets.sandbox.upstream import Connection, RefusedAddressError, connect

_HEAD_SECONDS = 60.0
# Status, the API's kind of error, and the words of the status line.
_KINDS = {
    400: ("invalid_request_error", "Bad Request"),
    401: ("authentication_error", "Unauthorized"),
    403: ("permission_error", "Forbidden"),
    413: ("request_too_large", "Content Too Large"),
    502: ("api_error", "Bad Gateway"),
}


class Proxy:
    """Serves the connections of one sandbox."""

    def __init__(self, rules: Rules, log: DoorLog) -> None:
        self._rules = rules
        self._log = log
        self._model = ModelCalls(rules.model, log) if rules.model else None

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection to its end."""
        client = Connection(reader, writer)
        try:
            head = await asyncio.wait_for(read_head(reader), _HEAD_SECONDS)
            await self._pass(head, client)
        except RefusedError as refused:
            await _answer(client, refused.status, str(refused))
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
        elif not target.startswith("/"):
            await self._fetch(head, client)
        elif self._model is not None:
            await self._model.ask(head, client)
        else:
            raise refusal(self._log, "the model API (this command has none)", 403)

    async def _tunnel(self, target: str, client: Connection) -> None:
        host, port = _place(f"//{target}", usual_port=443)
        async with await self._reach(host, port, usual_port=443) as upstream:
            client.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await splice(client, upstream)

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
            await exchange(request, length, client, upstream)

    async def _reach(self, host: str, port: int, *, usual_port: int) -> Connection:
        if not self._rules.allows(host, port, usual_port=usual_port):
            raise refusal(self._log, f"{host}:{port}", 403)
        try:
            return await connect(host, port, tls=False, private=self._rules.names_place(host, port))
        except RefusedAddressError as error:
            raise refusal(self._log, f"{host}:{port} ({error})", 403) from error
        except OSError as error:
            self._log.unreached.add(f"{host}:{port} ({error})")
            raise RefusedError(502, f"{host}:{port} cannot be reached: {error}") from error


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
    kind, reason = _KINDS[status]
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    first = ("HTTP/1.1", str(status), reason)
    head = Head(first, (("Content-Type", "application/json"), ("Content-Length", str(len(body)))))
    with suppress(OSError):
        client.writer.write(head.with_header("Connection", "close").encode() + body)
        await client.writer.drain()
