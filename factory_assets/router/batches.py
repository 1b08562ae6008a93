"""The Message Batches API, passed on: a batch stays with the backend that made it, and is booked when it is read."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus

from factory_assets.domain.builds import Usage
from factory_assets.llm.model_access import BATCH_HEADER
from factory_assets.network.async_client import AsyncClient, CutAnswerError
from factory_assets.network.http_answer import Headers
from factory_assets.router.backends import Backend, CallNeeds, Kind
from factory_assets.router.batch_books import BatchBooks, BatchRow
from factory_assets.router.batch_forms import BatchAsked, Results, batch_id, led_here, listed
from factory_assets.router.calls import Unmetered
from factory_assets.router.grants import Grants
from factory_assets.router.health import CallEnding, HealthCall
from factory_assets.router.incoming import Incoming, RequestRefusedError, check_budget
from factory_assets.router.passing import Passing, UnreachableError, pass_on
from factory_assets.router.sending import Sender
from factory_assets.router.shapes import CallFacts, Outcome

PATH = "/v1/messages/batches"
_CLOCKS_DIFFER = timedelta(minutes=2)
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
# A thousand batches, as many as are listed at once, are under a megabyte.
_MOST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Makes, tells of and ends batches for grants that allow it."""

    sender: Sender
    grants: Grants
    books: BatchBooks
    _being_made: set[asyncio.Task[Passing]] = field(default_factory=set)
    _one_of_a_name: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def pass_on(
        self, client: AsyncClient, incoming: Incoming, batch: str | None, *, base: str
    ) -> Passing:
        """Pass a call on; `batch` is the one that it is about, `base` where its caller has reached this router.

        Raises:
            RefusedError: it does not go out.
            UnreachableError: the backend gave no answer.
        """
        if not incoming.live.grant.batches:
            raise RequestRefusedError(404, "This token opens no message batches.")
        if batch is None and incoming.method == "POST":
            # Once it is asked for it is paid for, so its id is heard though the caller has hung up.
            making = asyncio.ensure_future(self._make_once(client, incoming, base))
            self._being_made.add(making)
            making.add_done_callback(self._being_made.discard)
            return await asyncio.shield(making)
        if batch is not None and not _ID.fullmatch(batch):
            raise RequestRefusedError(404, "This is no id of a message batch.")
        row = self.books.find(batch) if batch is not None else None
        backend = self._backend(incoming, row)
        request = self.sender.request(incoming, backend, incoming.body)
        if batch is not None and incoming.target.partition("?")[0].endswith("/results"):
            return await pass_on(client, request, _Reading(self, incoming, backend, batch, row))
        return await _with_own_links(await pass_on(client, request, Unmetered()), base)

    def book(self, reading: _Reading, results: Results) -> None:
        """Book what the results of a batch count, read to their end."""
        now, grant = self.sender.clock(), reading.incoming.live.grant
        row = reading.row
        if row is None:
            self.books.take_in(reading.batch, grant, ids=results.ids, backend=reading.backend.name, now=now)
            row = self.books.find(reading.batch)
        if row is None:
            return
        self.books.settle(row, results.usage)
        if (live := self.grants.find(row.grant_id)) is not None:
            live.meter.add(results.usage - row.booked)
        if not row.is_settled:
            model = row.model or (results.model or "several models")
            phase = grant.phase or grant.stage
            told = CallFacts(
                outcome=Outcome.ANSWERED,
                model=model,
                phase=phase,
                seconds=reading.seconds,
                usage=results.usage,
            )
            self.sender.tell(told)

    async def _make_once(self, client: AsyncClient, incoming: Incoming, base: str) -> Passing:
        """Make a batch, or tell of the one that was made under the name that it is given."""
        name = _header(incoming, BATCH_HEADER)
        if name is None:
            return await self._make(client, incoming, base)
        async with self._one_of_a_name:
            known = self.books.named(name)
            if known is not None and known.id is None:
                known = await self._find_lost(client, incoming, known)
            if known is None or known.id is None:
                return await self._make(client, incoming, base, name=name)
            about = replace(incoming, method="GET", target=f"{PATH}/{known.id}", body=b"")
            request = self.sender.request(about, self._backend(about, known), b"")
            return await _with_own_links(await pass_on(client, request, Unmetered()), base)

    async def _find_lost(self, client: AsyncClient, incoming: Incoming, row: BatchRow) -> BatchRow | None:
        """A batch whose id was never heard, among those that its backend has; None where it was not made there."""
        about = replace(incoming, method="GET", target=f"{PATH}?limit=1000", body=b"")
        request = self.sender.request(about, self._backend(about, row), b"")
        told = await _with_own_links(await pass_on(client, request, Unmetered()), "")
        if told.status >= 300:
            raise UnreachableError(f"{row.backend} does not tell which batches it has: HTTP {told.status}")
        content = b"".join([chunk async for chunk in told.content])
        since, now = row.made_at - _CLOCKS_DIFFER, self.sender.clock()
        alike = [
            found
            for found, (made_at, requests) in listed(content).items()
            if made_at >= since and requests == row.requests and self.books.find(found) is None
        ]
        if not alike:
            self.books.not_made(row.call, "not made", now=now)
            return None
        # The newest stand first.
        self.books.made(row.call, alike[-1], now=now)
        return self.books.find(alike[-1])

    async def _make(
        self, client: AsyncClient, incoming: Incoming, base: str, name: str | None = None
    ) -> Passing:
        asked, live = BatchAsked.read(incoming.asked), incoming.live
        check_budget(live)
        backend, health = self._choose(incoming, asked)
        most = asked.most(backend)
        if (why := live.meter.refusal(most.cost_usd)) is not None:
            health.ended(CallEnding.HUNG_UP)
            raise RequestRefusedError(400, f"The batch is not made: {why}.")
        number = self.books.begin(
            live.grant,
            name=name,
            ids=asked.ids,
            backend=backend.name,
            model=asked.model,
            most=most,
            now=self.sender.clock(),
        )
        live.meter.add(most)
        listener = _Making(self, incoming, health, number, most)
        request = self.sender.request(incoming, backend, incoming.body)
        return await _with_own_links(await pass_on(client, request, listener), base)

    def _choose(self, incoming: Incoming, asked: BatchAsked) -> tuple[Backend, HealthCall]:
        """The first backend that has the batch's models and may be asked. One alone is: nobody wants two batches."""
        use = incoming.needs.use
        named = asked.models or ("unnamed",)
        chain = self._chain(incoming)
        able = tuple(b for b in chain if all(b.named(model) is not None for model in named))
        choice = self.sender.health.choose(able, CallNeeds(model=named[0], use=use))
        health = self.sender.health.begin(choice, streams=False) if choice is not None else None
        if choice is None or health is None:
            lacking = next((model for model in named if all(b.named(model) is None for b in chain)), named[0])
            first = asked.requests[0].body if asked.requests else {}
            about = replace(incoming.asked, body={**first, "model": lacking})
            raise self.sender.nobody(replace(incoming, asked=about), able or chain)
        return choice.backend, health

    def _backend(self, incoming: Incoming, row: BatchRow | None) -> Backend:
        """Where a batch is, or else the first backend that may have batches."""
        use, chain = incoming.needs.use, self._chain(incoming)
        if row is not None:
            chain = tuple(backend for backend in chain if backend.name == row.backend)
            if not chain:
                words = (
                    f"This batch was made at the backend {row.backend}, which the backends file has no more."
                )
                raise RequestRefusedError(404, words)
        backend = next((backend for backend in chain if backend.serves(use)), None)
        if backend is None:
            raise self.sender.nobody(incoming, chain)
        return backend

    def _chain(self, incoming: Incoming) -> tuple[Backend, ...]:
        name = incoming.live.grant.backend
        chain = tuple(b for b in self.sender.chains.get(name, ()) if b.kind is Kind.ANTHROPIC)
        if not chain:
            raise RequestRefusedError(404, f"No backend of {name} has message batches.")
        return chain


@dataclass
class _Making:
    """Looks on while a batch is made; implements passing.Listener."""

    batches: Batches
    incoming: Incoming
    health: HealthCall
    number: int
    most: Usage
    _status: int | None = None
    _is_unanswered: bool = False
    _is_over: bool = False
    _told: bytearray = field(default_factory=bytearray)

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """See passing.Listener."""
        self._status = status
        refused = self.health.answered(status, headers)
        if refused is not None:
            self.incoming.live.tell(str(refused))

    def heard(self, content: bytes) -> None:
        """See passing.Listener."""
        if len(self._told) < _MOST_BYTES:
            self._told += content

    def unanswered(self) -> None:
        """See passing.Listener."""
        self._is_unanswered = True

    def ended(self, ending: CallEnding) -> None:
        """See passing.Listener."""
        if self._is_over:
            return
        self._is_over = True
        self.health.ended(ending)
        books, now = self.batches.books, self.batches.sender.clock()
        made = batch_id(bytes(self._told)) if self._status is not None and self._status < 300 else None
        if made is not None:
            books.made(self.number, made, now=now)
        elif self._is_unanswered or (self._status is not None and self._status >= 300):
            outcome = "no answer" if self._status is None else f"refused with {self._status}"
            books.not_made(self.number, outcome, now=now)
            self.incoming.live.meter.add(Usage() - self.most)
        else:
            books.unknown(self.number, now=now)


@dataclass
class _Reading:
    """Looks on while a batch's results are read; implements passing.Listener."""

    batches: Batches
    incoming: Incoming
    backend: Backend
    batch: str
    row: BatchRow | None
    _results: Results | None = None
    _began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """See passing.Listener."""
        del headers
        if status == HTTPStatus.OK:
            self._results = Results(self.backend, self.row.model if self.row else None)

    def heard(self, content: bytes) -> None:
        """See passing.Listener."""
        if self._results is not None:
            self._results.feed(content)

    def unanswered(self) -> None:
        """See passing.Listener."""

    def ended(self, ending: CallEnding) -> None:
        """See passing.Listener. What was not read to its end is not booked: the most that it can cost still is."""
        results, self._results = self._results, None
        if results is None or ending is not CallEnding.WHOLE:
            return
        results.end()
        if results.is_whole:
            self.batches.book(self, results)
        else:
            words = (
                f"Results of the batch {self.batch} cannot be read: it stays booked at the most it can cost."
            )
            self.incoming.live.tell(words)


async def _with_own_links(passing: Passing, base: str) -> Passing:
    """An answer about batches whose results lead through this router; every other byte is as it came.

    Raises:
        UnreachableError: it does not come whole.
    """
    body = b""
    try:
        async for chunk in passing.content:
            body += chunk
            if len(body) > _MOST_BYTES:
                raise UnreachableError(f"the answer about batches is larger than {_MOST_BYTES} bytes")
    except CutAnswerError as error:
        raise UnreachableError(f"the answer about batches broke off: {error}") from error
    finally:
        await passing.close()
    body = led_here(body, base)
    kept = [(name, value) for name, value in passing.headers if name != b"content-length"]
    headers: Headers = [*kept, (b"content-length", str(len(body)).encode())]
    return Passing(passing.status, headers, _of(body), passing.close)


async def _of(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _header(incoming: Incoming, name: str) -> str | None:
    found = (value for shown, value in incoming.raw_headers if shown.decode("latin-1").lower() == name)
    return next((value.decode("latin-1") for value in found), None)
