"""Plain questions that were asked before, or are being asked: one answer for all who ask the same."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from factory_assets.llm.router_headers import GatewayReading
from factory_assets.router.backends import Backend
from factory_assets.router.cache import AnswerCache, Kept
from factory_assets.router.canonical import Question, owner_of
from factory_assets.router.inflight import InFlight
from factory_assets.router.passing import Headers, Passing
from factory_assets.router.sending import Incoming
from factory_assets.router.shapes import CallFacts, Outcome, routing_headers

# Of the answer to another's request, these are that one's own.
_OF_ONE_ANSWER = frozenset({b"content-length", b"request-id", b"date"})
# A message of 128,000 tokens is a megabyte, and its events are twice as much.
_MOST_KEPT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Sharing:
    """Shares answers of plain requests. Turns of agents, and whatever a session rests on, never come here."""

    cache: AnswerCache
    in_flight: InFlight
    tell: Callable[[CallFacts], None]

    def question_in(self, incoming: Incoming, chain: tuple[Backend, ...]) -> Question | None:
        """What a request asks, where others may hear the answer too."""
        if not incoming.live.grant.plain:
            return None
        owner = owner_of(
            *(part for backend in chain for part in (backend.name, backend.base_url, _key(backend)))
        )
        return Question.read(
            incoming.body, incoming.asked, owner=owner, target=incoming.target, headers=incoming.headers
        )

    async def answer(
        self, question: Question, incoming: Incoming, send: Callable[[], Awaitable[Passing]]
    ) -> Passing:
        """The answer that is kept, or that is under way, or that is asked for now."""
        streams = incoming.asked.streams
        if (kept := self.cache.get(question.key, streams=streams)) is not None:
            self._count(incoming, kept.model, cache_hit=True)
            return _again(kept)
        key = question.in_flight_key
        is_first = key not in self.in_flight
        answer = await self.in_flight.join(key, lambda: self._ask(question, incoming, send))
        if is_first:
            return answer
        self._count(incoming, incoming.asked.model or "", joined=True)
        # What one has paid for, the others have not.
        reading = GatewayReading(model=incoming.asked.model, cache_hit=True)
        return replace(answer, headers=[*_shared(answer.headers), *_encoded(routing_headers(reading))])

    async def _ask(
        self, question: Question, incoming: Incoming, send: Callable[[], Awaitable[Passing]]
    ) -> Passing:
        passing = await send()
        content = _kept(passing.content, lambda body: self._keep(question, incoming, passing, body))
        return replace(passing, content=content)

    def _keep(self, question: Question, incoming: Incoming, passing: Passing, body: bytes) -> None:
        content_type = next((value for name, value in passing.headers if name == b"content-type"), b"")
        self.cache.put(
            question.key,
            status=passing.status,
            content_type=content_type.decode("latin-1"),
            body=body,
            wants_json=incoming.asked.wants_schema,
        )

    def _count(
        self, incoming: Incoming, model: str, *, cache_hit: bool = False, joined: bool = False
    ) -> None:
        grant = incoming.live.grant
        self.tell(
            CallFacts(
                outcome=Outcome.ANSWERED,
                model=model,
                phase=grant.phase or grant.stage,
                seconds=0.0,
                cache_hit=cache_hit,
                joined=joined,
            )
        )


async def _kept(content: AsyncIterator[bytes], keep: Callable[[bytes], None]) -> AsyncIterator[bytes]:
    """An answer's content, kept while it passes and handed over once it is whole."""
    body = bytearray()
    is_kept = True
    async for chunk in content:
        is_kept = is_kept and len(body) + len(chunk) <= _MOST_KEPT_BYTES
        if is_kept:
            body += chunk
        yield chunk
    if is_kept:
        keep(bytes(body))


def _again(kept: Kept) -> Passing:
    async def content() -> AsyncIterator[bytes]:
        yield kept.body

    async def close() -> None:
        """There is nothing to close."""

    reading = GatewayReading(model=kept.model, cache_hit=True)
    headers = {"content-type": kept.content_type, **routing_headers(reading)}
    return Passing(kept.status, _encoded(headers), content(), close)


def _shared(headers: Headers) -> Headers:
    return [pair for pair in headers if pair[0].lower() not in _OF_ONE_ANSWER]


def _encoded(headers: dict[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]


def _key(backend: Backend) -> str:
    secret = backend.credential.get_secret_value() if backend.credential else ""
    return hashlib.sha256(secret.encode()).hexdigest()
