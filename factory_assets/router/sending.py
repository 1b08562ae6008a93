"""Sending one call to the first backend that can take it, and to the next where that one fails before it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import RateLimitedError
from factory_assets.network.async_client import Asking, AsyncClient
from factory_assets.router.asked import with_model
from factory_assets.router.backends import Backend, CallNeeds, CredentialKind, Kind, Model, Use
from factory_assets.router.calls import BackendAttempt, MeteredCall, Unmetered
from factory_assets.router.credentials import LoginFile
from factory_assets.router.forms import UnconvertibleError
from factory_assets.router.health import Health, HealthCall, HealthChoice
from factory_assets.router.homes import Homes
from factory_assets.router.incoming import Incoming, RequestRefusedError, check_budget
from factory_assets.router.journal import Journal
from factory_assets.router.limits import RateLimits
from factory_assets.router.openai_backend import to_chat
from factory_assets.router.openai_side import ask_chat, ask_for_vectors, chat_request, embeddings_request
from factory_assets.router.passing import Passing, UnreachableError, pass_on
from factory_assets.router.shapes import CallFacts

_RATE_LIMITED, _OVERLOADED = 429, 529


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Sends. `chains` are the backends that grants name, each in the order in which they are tried.

    `embedders` make vectors for every grant, whichever backends answer its questions.
    """

    chains: Mapping[str, tuple[Backend, ...]]
    embedders: tuple[Backend, ...]
    login: LoginFile | None
    journal: Journal
    health: Health
    limits: RateLimits
    clock: Callable[[], datetime]
    tell: Callable[[CallFacts], None]
    heard_of: Callable[[Backend, int, Mapping[str, str]], None]
    homes: Homes = field(default_factory=Homes)
    _last_limit: dict[str, dict[str, str]] = field(default_factory=dict)

    async def send(self, client: AsyncClient, incoming: Incoming) -> Passing:
        """A call of the model, once there is room for it and as long as its grant has dollars left.

        Raises:
            RefusedError: it does not go out.
            UnreachableError: no backend gave an answer.
        """
        chain = self._able(incoming, self.homes.chain_of(incoming, self._chain(incoming)))
        tried = set[str]()
        while True:
            choice = self._choose(chain, incoming, tried)
            if choice is None:
                raise self.nobody(incoming, chain)
            tried.add(choice.backend.name)
            is_last = self.health.choose(chain, incoming.needs, but_not=tried) is None
            try:
                passing = await self._try(client, incoming, choice)
            except UnreachableError:
                if is_last:
                    raise
                continue
            if is_last or (passing.status < 500 and passing.status != _RATE_LIMITED):
                if passing.status < 400:
                    self.homes.settle(incoming, choice.backend)
                return passing
            await passing.close()

    def _choose(self, chain: tuple[Backend, ...], incoming: Incoming, tried: set[str]) -> HealthChoice | None:
        """The first that may be tried; one that takes nothing for now only where there is no other."""
        held = {backend.name for backend in chain if self.limits.held_until(backend.name)}
        return self.health.choose(chain, incoming.needs, but_not=tried | held) or self.health.choose(
            chain, incoming.needs, but_not=tried
        )

    async def ask_free(self, client: AsyncClient, incoming: Incoming) -> Passing:
        """What costs nothing: passed to the first backend that has it and may be asked, and not counted.

        Raises:
            RefusedError: there is none.
            UnreachableError: it gave no answer.
        """
        chain, use = self._chain(incoming), incoming.needs.use
        backend = next((b for b in chain if b.kind is Kind.ANTHROPIC and b.serves(use)), None)
        if backend is None:
            # Claude Code then has no list of models, and counts tokens by itself.
            status = 404 if incoming.method == "GET" else 501
            raise RequestRefusedError(
                status, f"No backend of {_names(chain)} has this route for such a call."
            )
        return await pass_on(client, self.request(incoming, backend, incoming.body), Unmetered())

    async def _try(self, client: AsyncClient, incoming: Incoming, choice: HealthChoice) -> Passing:
        live, model, backend = incoming.live, choice.model.name, choice.backend
        # Made before the call is begun, so that one which cannot be made leaves nothing under way.
        if incoming.vectors is not None:
            request = embeddings_request(backend, incoming.vectors)
        elif backend.kind is Kind.OPENAI:
            request = chat_request(backend, incoming.body, model=model)
        else:
            is_own = incoming.asked.model in {None, model}
            body = incoming.body if is_own else with_model(incoming.body, model)
            request = self.request(incoming, backend, body)
        await live.places.acquire()
        try:
            attempt = await self._begin(incoming, choice)
        except BaseException:
            live.places.release()
            raise
        if incoming.vectors is not None:
            return await ask_for_vectors(client, request, attempt, incoming.vectors)
        if backend.kind is Kind.OPENAI:
            return await ask_chat(client, request, attempt, streams=incoming.asked.streams)
        return await pass_on(client, request, attempt)

    async def _begin(self, incoming: Incoming, choice: HealthChoice) -> BackendAttempt:
        live, backend, model = incoming.live, choice.backend, choice.model.name
        most_usd = _most_usd(incoming, choice.model)
        check_budget(live, most_usd)
        repo = live.grant.repo or live.grant.stage
        try:
            slot = await self.limits.admit(backend.name, model, repo=repo, estimate=incoming.estimate)
        except RateLimitedError as error:
            raise self._limited(incoming, backend, error) from error
        try:
            # What others have spent meanwhile counts too.
            check_budget(live, most_usd)
            health = self._probe(incoming, choice)
            metered = MeteredCall.begin(
                live,
                incoming.asked,
                len(incoming.body),
                model=choice.model,
                journal=self.journal,
                clock=self.clock,
                routed=incoming.routed,
            )
        except BaseException:
            slot.ended()
            raise
        return BackendAttempt(
            metered,
            health,
            slot,
            model,
            self.tell,
            lambda status, headers: self._heard(backend, status, headers),
        )

    def _probe(self, incoming: Incoming, choice: HealthChoice) -> HealthCall:
        health = self.health.begin(choice, streams=incoming.asked.streams)
        if health is None:
            raise self.nobody(incoming, (choice.backend,))
        return health

    def request(self, incoming: Incoming, backend: Backend, body: bytes) -> Asking:
        """The request as it goes on: with the credential in the place of the token."""
        headers = [*incoming.headers, (b"accept-encoding", b"identity")]
        if incoming.live.grant.login:
            headers.append((b"authorization", incoming.shown.encode("latin-1")))
        elif backend.credential_kind is CredentialKind.LOGIN and self.login is not None:
            headers.append((b"authorization", f"Bearer {self.login.token()}".encode()))
        elif backend.header is not None:
            name, value = backend.header
            headers.append((name.encode(), value.encode()))
        return Asking(incoming.method, f"{backend.base_url}{incoming.target}", headers, body)

    def _heard(self, backend: Backend, status: int, headers: Mapping[str, str]) -> None:
        if status == _RATE_LIMITED:
            told = {name: value for name, value in headers.items() if name.startswith("anthropic-ratelimit-")}
            self._last_limit[backend.name] = told
        self.heard_of(backend, status, headers)

    def _chain(self, incoming: Incoming) -> tuple[Backend, ...]:
        if incoming.use is Use.EMBEDDINGS:
            if not self.embedders:
                raise RequestRefusedError(501, "No backend of this router makes embeddings.")
            return self.embedders
        chain = self.chains.get(incoming.live.grant.backend)
        if chain is None:
            raise RequestRefusedError(400, f"This router has no backend {incoming.live.grant.backend}.")
        return chain

    def _able(self, incoming: Incoming, chain: tuple[Backend, ...]) -> tuple[Backend, ...]:
        """Those in whose form a call can be said.

        Raises:
            RefusedError: there is none; it says what cannot be said.
        """
        needs = incoming.needs
        if incoming.vectors is not None or not any(
            b.kind is Kind.OPENAI and b.serves(needs.use) for b in chain
        ):
            return chain
        try:
            to_chat(incoming.body, model=needs.model)
        except UnconvertibleError as error:
            others = tuple(b for b in chain if b.kind is Kind.ANTHROPIC)
            if not any(_has(b, needs) for b in others):
                raise RequestRefusedError(error.status, str(error)) from error
            return others
        return chain

    def _limited(self, incoming: Incoming, backend: Backend, error: RateLimitedError) -> RequestRefusedError:
        """The backend's own refusal, told on until it is over."""
        headers = dict(self._last_limit.get(backend.name, {}))
        if error.until is not None:
            headers["retry-after"] = str(max(1, round((error.until - self.clock()).total_seconds())))
        incoming.live.meter.reject(_RATE_LIMITED, ("rate_limit_error", error.what), incoming.asked.model)
        return RequestRefusedError(_RATE_LIMITED, error.what, headers)

    def nobody(self, incoming: Incoming, chain: tuple[Backend, ...]) -> RequestRefusedError:
        """No backend may be tried now."""
        back = self.health.back_at(chain, incoming.needs)
        names = _names(chain)
        if not any(backend.serves(incoming.needs.use) for backend in chain):
            return RequestRefusedError(
                400, f"The credential of {names} serves Claude Code's own calls alone."
            )
        if not any(_has(backend, incoming.needs) for backend in chain):
            # A model that is not to be had is no reason to try again.
            words = f"No backend that takes such a call has the model {incoming.needs.model}: {names}."
            incoming.live.meter.reject(404, ("not_found_error", words), incoming.asked.model)
            return RequestRefusedError(404, words)
        when = f" before {back:%H:%M:%S} UTC" if back else ""
        words = f"No backend takes a call{when}: {names} failed again and again."
        headers = {"retry-after": str(max(1, round((back - self.clock()).total_seconds())))} if back else {}
        incoming.live.meter.reject(_OVERLOADED, ("overloaded_error", words), incoming.asked.model)
        return RequestRefusedError(_OVERLOADED, words, headers)


def _names(chain: tuple[Backend, ...]) -> str:
    return ", ".join(backend.name for backend in chain)


def _has(backend: Backend, needs: CallNeeds) -> bool:
    """Whether a backend has the model that is asked for, or one that stands in for it."""
    return (backend.serving(needs) or backend.meant(needs)) is not None


def _most_usd(incoming: Incoming, model: Model) -> float:
    """What a call is known to take at most: nothing is known of one that has an answer to be written."""
    if incoming.vectors is None:
        return 0.0
    return model.cost_usd(Usage(calls=1, input_tokens=incoming.vectors.most_tokens))
