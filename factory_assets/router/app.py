"""The routes of the Messages API, and two of OpenAI's: a token says who asks and what it may cost.

The bytes of the Messages API pass as they came.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from factory_assets.domain.errors import CredentialError, FactoryError, InputError
from factory_assets.llm.model_access import BATCH_HEADER, GRANT_HEADER, UNORDERED_HEADER, VARIABLE_HEADER
from factory_assets.llm.router_headers import GatewayReading
from factory_assets.network.async_client import AsyncClient
from factory_assets.router.asked import SESSION_HEADER, Asked, with_model
from factory_assets.router.batches import PATH as _BATCHES
from factory_assets.router.batches import Batches
from factory_assets.router.control import Control
from factory_assets.router.embeddings_form import WantedVectors
from factory_assets.router.forms import UnconvertibleError
from factory_assets.router.incoming import Incoming, RequestRefusedError
from factory_assets.router.openai_endpoint import chat_passing, read_chat
from factory_assets.router.passing import CREDENTIALS, Passing, UnreachableError, passed_on
from factory_assets.router.relaying import Relayed, TooLargeError, unless_gone, whole_body
from factory_assets.router.routing import RoutedCall, Routing
from factory_assets.router.sending import Sender
from factory_assets.router.shapes import routing_headers
from factory_assets.router.sharing import Sharing
from factory_assets.router.tokens import PREFIX

# As the Messages API itself: https://platform.claude.com/docs/en/api/overview#request-size-limits.
MOST_BYTES = 32 * 1024 * 1024
_MESSAGES, _CHAT, _EMBEDDINGS = "/v1/messages", "/v1/chat/completions", "/v1/embeddings"
# An agent's answer may take long, and pings keep it alive; a backend that takes no connection is down.
_CONNECT_SECONDS, _SILENT_SECONDS = 30.0, 600.0
# As Claude Code's gateway protocol has them: https://code.claude.com/docs/en/llm-gateway-protocol.
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    501: "not_supported",
    529: "overloaded_error",
}
# Without that word Claude Code asks on for minutes with a token that has ended.
_NOT_AGAIN = {401: {"x-should-retry": "false"}, 501: {"x-should-retry": "false"}}
# Between the factory and its router.
_FOR_THE_ROUTER = frozenset({BATCH_HEADER, GRANT_HEADER, UNORDERED_HEADER, VARIABLE_HEADER})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Router:
    """All that one router is made of. `reroutes`: plain calls may go to another model than they ask for."""

    control: Control
    sender: Sender
    sharing: Sharing
    routing: Routing
    batches: Batches
    reroutes: bool
    _clients: list[AsyncClient] = field(default_factory=list)

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", _here, methods=["GET", "HEAD"]),
                Route("/health", _here, methods=["GET"]),
                Route(_MESSAGES, self._ask, methods=["POST"]),
                Route(f"{_MESSAGES}/count_tokens", self._ask_free, methods=["POST"]),
                Route("/v1/models", self._ask_free, methods=["GET"]),
                Route(_BATCHES, self._batch, methods=["GET", "POST"]),
                Route(f"{_BATCHES}/{{id}}", self._batch, methods=["GET", "DELETE"]),
                Route(f"{_BATCHES}/{{id}}/results", self._batch, methods=["GET"]),
                Route(f"{_BATCHES}/{{id}}/cancel", self._batch, methods=["POST"]),
                Route(_CHAT, self._chat, methods=["POST"]),
                Route(_EMBEDDINGS, self._embed, methods=["POST"]),
                *self.control.routes(),
            ],
            exception_handlers={
                RequestRefusedError: _refused,
                FactoryError: _failed,
                Exception: _broken,
            },
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with AsyncClient(_CONNECT_SECONDS, _SILENT_SECONDS) as client:
            self._clients.append(client)
            yield
            await self.sharing.in_flight.aclose()
            self._clients.clear()

    async def _ask(self, request: Request) -> Response:
        try:
            incoming = await self._incoming(request)
            return Relayed(await unless_gone(request.receive, self._answer(incoming)))
        except ClientDisconnect:
            return Response(status_code=499)

    async def _chat(self, request: Request) -> Response:
        """The same in OpenAI's form."""
        try:
            came = await self._incoming(request)
            chat = read_chat(came.body)
            body = chat.body
            incoming = replace(
                came, target=_MESSAGES, body=body, asked=Asked.read(body), headers=chat.headers(came)
            )
            passing = await unless_gone(request.receive, self._answer(incoming))
            return Relayed(await chat_passing(passing, chat))
        except UnconvertibleError as error:
            raise RequestRefusedError(error.status, str(error)) from error
        except ClientDisconnect:
            return Response(status_code=499)

    async def _embed(self, request: Request) -> Response:
        """Vectors of texts, for the factory's own calls: an agent's work needs none, and would pay for them."""

        async def send(came: Incoming) -> Passing:
            if not came.live.grant.plain:
                raise RequestRefusedError(404, "This token opens no embeddings.")
            wanted = WantedVectors.read(came.body)
            asked = Asked.read(wanted.body)
            incoming = replace(came, body=wanted.body, asked=asked, vectors=wanted)
            return await self.sender.send(self._clients[0], incoming)

        try:
            return await self._relayed(request, send)
        except UnconvertibleError as error:
            raise RequestRefusedError(error.status, str(error)) from error

    async def _ask_free(self, request: Request) -> Response:
        return await self._relayed(request, lambda incoming: self.sender.ask_free(self._clients[0], incoming))

    async def _batch(self, request: Request) -> Response:
        batch, base = request.path_params.get("id"), str(request.base_url).rstrip("/")
        return await self._relayed(
            request, lambda incoming: self.batches.pass_on(self._clients[0], incoming, batch, base=base)
        )

    async def _relayed(self, request: Request, send: Callable[[Incoming], Awaitable[Passing]]) -> Response:
        try:
            incoming = await self._incoming(request)
            sending = send(incoming)
            return Relayed(await unless_gone(request.receive, sending))
        except ClientDisconnect:
            return Response(status_code=499)
        except UnreachableError as error:
            raise RequestRefusedError(502, str(error)) from error

    async def _answer(self, came: Incoming) -> Passing:
        incoming, told = self._routed(came)
        grant = incoming.live.grant

        async def send() -> Passing:
            passing = await self.sender.send(self._clients[0], incoming)
            # An agent's answers pass as they came, headers too.
            return replace(passing, headers=[*passing.headers, *_encoded(told)]) if grant.plain else passing

        chain = self.sender.chains.get(grant.backend, ())
        question = self.sharing.question_in(incoming, chain) if grant.plain else None
        try:
            return await (self.sharing.answer(question, incoming, send) if question else send())
        except (UnreachableError, InputError) as error:
            raise RequestRefusedError(502, str(error)) from error

    def _routed(self, came: Incoming) -> tuple[Incoming, Mapping[str, str]]:
        """The call for the model that it is to go to, and the headers that tell of the choice."""
        grant, asked = came.live.grant, came.asked
        if asked.model is None:
            return came, {}
        owner, phase = grant.repo or grant.stage, grant.phase or grant.stage
        call = RoutedCall(asked, len(came.body), owner, phase, may_reroute=grant.plain and self.reroutes)
        choice = self.routing.choose(call, self.sender.clock())
        reading = GatewayReading(model=choice.model, score=float(choice.score), tier=choice.tier)
        if choice.model == asked.model:
            return replace(came, routed=(choice.score, choice.tier)), routing_headers(reading)
        body = with_model(came.body, choice.model)
        routed = replace(
            came,
            body=body,
            asked=Asked.read(body, session=asked.session),
            routed=(choice.score, choice.tier),
        )
        return routed, routing_headers(reading)

    async def _incoming(self, request: Request) -> Incoming:
        """The request, whole.

        Raises:
            RefusedError: no token opens it, or it is too large.
            ClientDisconnect: the client hung up.
        """
        try:
            grant = self.control.signer.read(_shown(request), now=self.sender.clock())
        except CredentialError as error:
            raise RequestRefusedError(401, error.what) from error
        live = self.control.grants.of(grant, now=self.sender.clock())
        if live.has_ended:
            raise RequestRefusedError(401, f"The token of {grant.words} has ended.")
        try:
            body = await whole_body(request, most_bytes=MOST_BYTES)
        except TooLargeError as error:
            words = f"The request is larger than the model API's {MOST_BYTES} bytes."
            raise RequestRefusedError(413, words) from error
        # As it stands in the request line; https://asgi.readthedocs.io/en/latest/specs/www.html names the two parts.
        target = request.scope["raw_path"] + (
            b"?" + query if (query := request.scope["query_string"]) else b""
        )
        return Incoming(
            method=request.method,
            target=target.decode("latin-1"),
            headers=passed_on(request.headers.raw, without=_FOR_THE_ROUTER),
            body=body,
            asked=Asked.read(body, session=request.headers.get(SESSION_HEADER)),
            live=live,
            shown=request.headers.get("authorization", ""),
            raw_headers=request.headers.raw,
        )


def _shown(request: Request) -> str:
    """The token that a caller shows."""
    granted = request.headers.get(GRANT_HEADER)
    shown = (
        [granted] if granted is not None else [request.headers.get(name, "") for name in sorted(CREDENTIALS)]
    )
    return next((value.rpartition(" ")[2] for value in shown if PREFIX in value), "")


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]


async def _here(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refused(_: Request, error: Exception) -> Response:
    """An error in the API's own form."""
    assert isinstance(error, RequestRefusedError)  # noqa: S101 - as it is registered
    return _told(error.status, str(error), error.headers)


async def _failed(_: Request, error: Exception) -> Response:
    """What an operator can fix, such as a full disk."""
    _log.error("%s", error)
    return _told(500, str(error))


async def _broken(_: Request, error: Exception) -> Response:
    _log.error("the router failed", exc_info=error)
    return _told(500, f"The router failed: {type(error).__name__}.")


def _told(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    told = {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": message}}
    sent = {**(headers or {}), **_NOT_AGAIN.get(status, {})}
    return Response(json.dumps(told), status, sent, media_type="application/json")
