"""Plain questions that were asked before, or are being asked: one answer for all who ask the same."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from factory_assets.llm.router_headers import GatewayReading
from factory_assets.network.http_answer import Headers
from factory_assets.router.backends import Backend
from factory_assets.router.cache import AnswerCache, Kept, Place
from factory_assets.router.canonical import CanonicalQuestion, owner_of
from factory_assets.router.incoming import Incoming, check_budget
from factory_assets.router.inflight import InFlight
from factory_assets.router.passing import Passing
from factory_assets.router.semantic import Semantic
from factory_assets.router.shapes import CallFacts, Outcome, routing_headers

# Of the answer to another's request, these are that one's own.
_OF_ONE_ANSWER = frozenset({b"content-length", b"request-id", b"date"})


@dataclass(frozen=True)
class Sharing:
    """Shares answers of plain requests. Turns of agents, and whatever a session rests on, never come here.

    `semantic` finds answers to questions that are alike, for calls of `semantic_stages` alone.
    """

    cache: AnswerCache
    in_flight: InFlight
    tell: Callable[[CallFacts], None]
    semantic: Semantic
    semantic_stages: frozenset[str] = frozenset()

    def question_in(self, incoming: Incoming, chain: tuple[Backend, ...]) -> CanonicalQuestion | None:
        """What a plain request asks, where others may hear the answer too."""
        owner = owner_of(
            *(part for backend in chain for part in (backend.name, backend.base_url, _key(backend)))
        )
        return CanonicalQuestion.read(
            incoming.body, incoming.asked, owner=owner, target=incoming.target, headers=incoming.raw_headers
        )

    async def answer(
        self, question: CanonicalQuestion, incoming: Incoming, send: Callable[[], Awaitable[Passing]]
    ) -> Passing:
        """The answer that is kept, or that is under way, or that is asked for now.

        Raises:
            RefusedError: the grant has no dollars left, or what `send` raises.
        """
        check_budget(incoming.live)
        is_compared = incoming.live.grant.stage in self.semantic_stages
        place = await self.semantic.place(question, incoming.live) if is_compared else None
        if (kept := self._kept(question, place, streams=incoming.asked.streams)) is not None:
            self._count(incoming, kept.model, cache_hit=True)
            return _again(kept)
        key = question.in_flight_key
        is_first = key not in self.in_flight

        async def start() -> Passing:
            wants_json = incoming.asked.wants_schema
            return self.cache.keeping(await send(), question.key, wants_json=wants_json, place=place)

        answer = await self.in_flight.join(key, start)
        if is_first:
            return answer
        self._count(incoming, incoming.asked.model or "", joined=True)
        # What one has paid for, the others have not.
        reading = GatewayReading(model=incoming.asked.model, cache_hit=True)
        return replace(answer, headers=[*_shared(answer.headers), *_encoded(routing_headers(reading))])

    def _kept(self, question: CanonicalQuestion, place: Place | None, *, streams: bool) -> Kept | None:
        kept = self.cache.get(question.key, streams=streams)
        if kept is not None or place is None:
            return kept
        nearest = self.semantic.nearest(place, self.cache.alike(place.group))
        return self.cache.get(nearest, streams=streams) if nearest is not None else None

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
