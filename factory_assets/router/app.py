"""The routes: a token says who asks, what it may cost is ruled here, and the bytes pass as they came."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from factory_assets.domain.errors import CredentialError, InputError
from factory_assets.llm.model_door import GRANT_HEADER, AtDoor
from factory_assets.network.clients import async_client
from factory_assets.router.asked import SESSION_HEADER, Asked
from factory_assets.router.calls import MeteredCall, Unmetered
from factory_assets.router.credentials import Credentials
from factory_assets.router.grants import Grants, Live
from factory_assets.router.passing import CREDENTIALS, Passing, UnreachableError, pass_on, passed_on
from factory_assets.router.relaying import Relayed, TooLargeError, unless_gone, whole_body
from factory_assets.router.tokens import Grant, Signer

# As the Messages API itself: https://platform.claude.com/docs/en/api/overview#request-size-limits.
MOST_BYTES = 32 * 1024 * 1024
_MESSAGES = "/v1/messages"
# An agent's answer may take long, and pings keep it alive; a backend that takes no connection is down.
_TIMEOUT = httpx.Timeout(600.0, connect=30.0)
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
}
_AT_DOOR = TypeAdapter(AtDoor)
_log = logging.getLogger(__name__)


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Backend:
    """A model's API, and what opens it."""

    base_url: str
    credentials: Credentials


@dataclass(frozen=True, kw_only=True)
class Router:
    """All that one router knows. `backends` are what grants name, `clock` is the time in UTC."""

    backends: Mapping[str, Backend]
    signer: Signer
    grants: Grants
    clock: Callable[[], datetime]
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", _here, methods=["GET", "HEAD"]),
                Route("/health", _here, methods=["GET"]),
                Route(_MESSAGES, self._ask, methods=["POST"]),
                Route(f"{_MESSAGES}/count_tokens", self._ask, methods=["POST"]),
                Route("/v1/models", self._ask, methods=["GET"]),
                Route("/v1/grants", self._all, methods=["GET"]),
                Route("/v1/grants/{id}", self._seen, methods=["GET"]),
                Route("/v1/grants/{id}", self._end, methods=["DELETE"]),
            ],
            exception_handlers={_RefusedError: _refused, Exception: _broken},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with async_client(timeout=_TIMEOUT) as client:
            self._clients.append(client)
            yield
            self._clients.clear()

    async def _ask(self, request: Request) -> Response:
        live = self.grants.of(self._grant(request))
        try:
            body = await whole_body(request, most_bytes=MOST_BYTES)
            sent = self._sent(request, body, live.grant)
            if request.url.path != _MESSAGES:
                passing = await unless_gone(request.receive, pass_on(self._clients[0], sent, Unmetered()))
            else:
                passing = await unless_gone(request.receive, self._call(request, body, sent, live))
        except ClientDisconnect:
            return Response(status_code=499)
        except TooLargeError as error:
            raise _RefusedError(
                413, f"The request is larger than the model API's {MOST_BYTES} bytes."
            ) from error
        except (UnreachableError, InputError) as error:
            raise _RefusedError(502, str(error)) from error
        return Relayed(passing)

    async def _call(self, request: Request, body: bytes, sent: httpx.Request, live: Live) -> Passing:
        """A call of the model, once there is a place for it and as long as the grant has dollars left."""
        await live.places.acquire()
        try:
            listener = self._begin(request, body, live)
        except BaseException:
            live.places.release()
            raise
        return await pass_on(self._clients[0], sent, listener)

    def _begin(self, request: Request, body: bytes, live: Live) -> MeteredCall:
        if (why := live.meter.refusal()) is not None:
            # 400, because programs try every other refusal again.
            raise _RefusedError(400, f"No further call of the model passes: {why}.")
        asked = Asked.read(body, session=request.headers.get(SESSION_HEADER))
        return MeteredCall.begin(live, asked, len(body), journal=self.grants.journal, clock=self.clock)

    def _grant(self, request: Request) -> Grant:
        try:
            grant = self.signer.read(_shown(request)[1], now=self.clock())
        except CredentialError as error:
            raise _RefusedError(401, error.what) from error
        live = self.grants.find(grant.id)
        if live is not None and live.has_ended:
            raise _RefusedError(401, f"The token of {grant.words} has ended.")
        return grant

    def _sent(self, request: Request, body: bytes, grant: Grant) -> httpx.Request:
        """The request as it goes on: with the credential in the place of the token."""
        backend = self.backends.get(grant.backend)
        if backend is None:
            raise _RefusedError(400, f"This router has no backend {grant.backend}.")
        headers = passed_on(request.headers.raw, without=frozenset({GRANT_HEADER}))
        try:
            name, value = (
                ("authorization", request.headers.get("authorization", ""))
                if grant.login
                else backend.credentials.header(_shown(request)[0])
            )
        except CredentialError as error:
            raise _RefusedError(401, str(error)) from error
        headers += [(name.encode(), value.encode()), (b"accept-encoding", b"identity")]
        query = f"?{request.url.query}" if request.url.query else ""
        url = httpx.URL(f"{backend.base_url.rstrip('/')}{request.url.path}{query}")
        return httpx.Request(request.method, url, headers=headers, content=body)

    async def _all(self, request: Request) -> Response:
        self._check_control(request)
        return JSONResponse(self.grants.ids)

    async def _seen(self, request: Request) -> Response:
        live = self._live(request)
        return Response(_AT_DOOR.dump_json(live.meter.seen), media_type="application/json")

    async def _end(self, request: Request) -> Response:
        self._live(request)
        self.grants.end(request.path_params["id"])
        return Response(status_code=204)

    def _check_control(self, request: Request) -> None:
        if not self.signer.is_control(_shown(request)[1]):
            raise _RefusedError(401, "This is not the factory's own token.")

    def _live(self, request: Request) -> Live:
        self._check_control(request)
        live = self.grants.find(request.path_params["id"])
        if live is None:
            raise _RefusedError(404, "No call with this grant has been made here.")
        return live


def _shown(request: Request) -> tuple[str, str]:
    """The header in which a token is shown, and the token."""
    granted = request.headers.get(GRANT_HEADER)
    if granted is not None:
        return GRANT_HEADER, granted
    for name in sorted(CREDENTIALS, reverse=True):
        value = request.headers.get(name)
        if value is not None and "factory-" in value:
            return name, value.rpartition(" ")[2]
    return "", ""


async def _here(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refused(_: Request, error: Exception) -> Response:
    """An error in the API's own form."""
    return _told(error.status if isinstance(error, _RefusedError) else 500, str(error))


async def _broken(_: Request, error: Exception) -> Response:
    _log.error("the router failed", exc_info=error)
    return _told(500, f"The router failed: {type(error).__name__}.")


def _told(status: int, message: str) -> Response:
    told = {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": message}}
    return Response(json.dumps(told), status_code=status, media_type="application/json")
