"""The routes: a token says who asks, what it may cost is ruled here, and the bytes pass as they came."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from factory_assets.domain.errors import CredentialError
from factory_assets.llm.claude_code_door import Call, DoorMeter
from factory_assets.router.passing import Backend, Passer, UnreachableError, whole_body
from factory_assets.router.tokens import Grant, Signer

# As the Messages API itself: https://platform.claude.com/docs/en/api/overview#request-size-limits.
MOST_BYTES = 32 * 1024 * 1024
_MESSAGES = "/v1/messages"
# An agent's answer may take long, and pings keep it alive; a backend that takes no connection is down.
_TIMEOUT = httpx.Timeout(600.0, connect=30.0)
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    413: "request_too_large",
    502: "api_error",
}


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class _Heard:
    """Tells the meter what passes."""

    call: Call

    def answered(self, status: int, headers: httpx.Headers) -> None:
        self.call.answered(status, headers.get("content-type", ""))

    def heard(self, content: bytes) -> None:
        self.call.heard(content)

    def ended(self, *, is_whole: bool) -> None:
        del is_whole
        self.call.ended()


class _Unheard:
    """Of what is free."""

    def answered(self, status: int, headers: httpx.Headers) -> None:
        del status, headers

    def heard(self, content: bytes) -> None:
        del content

    def ended(self, *, is_whole: bool) -> None:
        del is_whole


@dataclass(frozen=True, kw_only=True)
class Router:
    """All that one router knows. `clock` is the time in UTC."""

    backend: Backend
    signer: Signer
    clock: Callable[[], datetime]
    _meters: dict[str, DoorMeter] = field(default_factory=dict)
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", self._here, methods=["GET", "HEAD"]),
                Route("/health", self._here, methods=["GET"]),
                Route(_MESSAGES, self._ask, methods=["POST"]),
                Route(f"{_MESSAGES}/count_tokens", self._ask, methods=["POST"]),
                Route("/v1/models", self._ask, methods=["GET"]),
            ],
            exception_handlers={_RefusedError: _refused},
            lifespan=self._lifespan,
        )

    def meter(self, grant: Grant) -> DoorMeter:
        """What a grant's calls have come to."""
        return self._meters.setdefault(grant.id, DoorMeter(grant.limit_usd))

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        async with httpx.AsyncClient(timeout=_TIMEOUT, limits=limits) as client:
            self._clients.append(client)
            yield
            self._clients.clear()

    async def _here(self, _: Request) -> Response:
        return Response('{"status":"ok"}', media_type="application/json")

    async def _ask(self, request: Request) -> Response:
        grant = self._grant(request)
        try:
            body = await whole_body(request, most_bytes=MOST_BYTES, on_too_large=_too_large)
        except ClientDisconnect:
            return Response(status_code=499)
        listener = self._listener(grant, body) if request.url.path == _MESSAGES else _Unheard()
        try:
            return await Passer(self._clients[0]).pass_on(request, body, self.backend, listener)
        except UnreachableError as error:
            raise _RefusedError(502, str(error)) from error

    def _grant(self, request: Request) -> Grant:
        shown = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix(
            "Bearer "
        )
        try:
            return self.signer.read(shown, now=self.clock())
        except CredentialError as error:
            raise _RefusedError(401, error.what) from error

    def _listener(self, grant: Grant, body: bytes) -> _Heard:
        meter = self.meter(grant)
        if (why := meter.refusal()) is not None:
            # 400, because programs try every other refusal again.
            raise _RefusedError(400, f"No further call of the model passes: {why}.")
        call = meter.call(len(body))
        call.sent(body)
        return _Heard(call)


def _too_large() -> Exception:
    return _RefusedError(413, f"The request is larger than {MOST_BYTES} bytes.")


async def _refused(_: Request, error: Exception) -> Response:
    """An error in the API's own form."""
    status = error.status if isinstance(error, _RefusedError) else 500
    told = {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": str(error)}}
    return Response(json.dumps(told), status_code=status, media_type="application/json")
