"""The model API behind a door: only calls of the model pass, with the real credential, and each is watched."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

from factory_assets.sandbox.door import CallWatch, DoorLog, ModelAccess, ModelWatch
from factory_assets.sandbox.proxy_exchange import RefusedError, exchange, refusal
from factory_assets.sandbox.proxy_heads import Head, body_length
from factory_assets.sandbox.upstream import Connection, RefusedAddressError, connect

_CREDENTIAL_HEADERS = frozenset({"authorization", "x-api-key"})
_MESSAGES = "/v1/messages"
# Batches, files and keys live behind the same credential, and outlive the phase.
_CALLS = frozenset({("POST", _MESSAGES), ("POST", f"{_MESSAGES}/count_tokens")})
# What calls cost is known when they are answered, so that only so many may be under way when a budget ends.
_WATCHED_AT_ONCE = 8
# As the Messages API itself: https://platform.claude.com/docs/en/api/overview#request-size-limits.
_MOST_BYTES = 32 * 1024 * 1024


class ModelCalls:
    """Passes on the calls of one sandbox."""

    def __init__(self, model: ModelAccess, log: DoorLog) -> None:
        self._model = model
        self._log = log
        self._base = urlsplit(model.base_url)
        self._watched = asyncio.Semaphore(_WATCHED_AT_ONCE)

    async def ask(self, head: Head, client: Connection) -> None:
        """Pass on one request.

        Raises:
            RefusedError: it is none that may pass, or the API cannot be reached.
        """
        method, target, version = head.first
        path = target.partition("?")[0]
        if (method, path) not in _CALLS:
            raise refusal(self._log, f"the model API's {method} {path[:100]}", 403)
        request = replace(
            _with_credential(head, self._model).without({"host"}),
            first=(method, f"{self._base.path.rstrip('/')}{target}", version),
        ).with_header("Host", self._base.netloc.rpartition("@")[2])
        if self._model.watch is None or path != _MESSAGES:
            await self._pass(request, client, None)
            return
        # A compressed answer could not be read on its way.
        request = request.without({"accept-encoding"}).with_header("Accept-Encoding", "identity")
        async with self._watched:
            await self._pass_watched(request, self._model.watch, client)

    async def _pass_watched(self, request: Head, watch: ModelWatch, client: Connection) -> None:
        length = body_length(request)
        if length > _MOST_BYTES:
            raise RefusedError(413, f"the request is larger than the model API's {_MOST_BYTES} bytes")
        if (why := watch.refusal()) is not None:
            # 400, because programs try every other refusal again.
            raise refusal(self._log, f"a further call of the model: {why}", 400)
        call = watch.call(length)
        try:
            await self._pass(request, client, call)
        finally:
            call.ended()

    async def _pass(self, request: Head, client: Connection, call: CallWatch | None) -> None:
        length = body_length(request)
        tls = self._base.scheme == "https"
        host, port = self._base.hostname or "", self._base.port or (443 if tls else 80)
        try:
            upstream = await connect(host, port, tls=tls, private=True)
        except (OSError, RefusedAddressError) as error:
            raise RefusedError(502, f"{host}:{port} cannot be reached: {error}") from error
        async with upstream:
            await exchange(request, length, client, upstream, call)


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
        raise RefusedError(401, "this is not the credential that the sandbox was given")
    return replace(head, headers=tuple(kept))
