"""The factory's own side of the router: it issues the tokens, and asks what came of their calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from pydantic import TypeAdapter, ValidationError

from factory_assets.domain.agents import Purpose
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InfrastructureError
from factory_assets.llm.model_access import SeenCalls
from factory_assets.llm.router import RouterStats
from factory_assets.network.clients import http_client
from factory_assets.router.health import BackendRow
from factory_assets.router.journal import spent_by
from factory_assets.router.learning import Explained
from factory_assets.router.tokens import Grant, Signer

# Claude Code's own retries and its last words come after its time.
_SPARE = timedelta(minutes=5)
_SECONDS = 5.0
_SEEN_CALLS = TypeAdapter(SeenCalls)
_BACKENDS = TypeAdapter(tuple[BackendRow, ...])


@dataclass(frozen=True)
class RouterState:
    """What a router tells of itself: what its calls came to, why its threshold stands where it does, every model."""

    stats: RouterStats
    learned: Explained | None
    backends: tuple[BackendRow, ...]


@dataclass
class RouterPass:
    """A way through the router; implements llm.model_access.Pass."""

    grant: Grant
    _signer: Signer = field(repr=False)
    _http: httpx.Client = field(repr=False)
    _journal: Path = field(repr=False)
    _seen: SeenCalls = field(default_factory=SeenCalls)

    def token(self, beginning: str) -> str:
        """See llm.model_access.Pass."""
        return self._signer.issue(self.grant, beginning=beginning)

    @property
    def limit_usd(self) -> float:
        """See llm.model_access.Pass."""
        return self.grant.limit_usd

    @property
    def seen(self) -> SeenCalls:
        """See llm.model_access.Pass.

        A router that was started anew knows of earlier calls what they came to. Where none answers, that stands in its
        journal; what was seen before, and on another host all of it, stays as it was known.
        """
        asked = f"/v1/grants/{self.grant.id}"
        try:
            answer = self._http.get(asked)
            if answer.is_success:
                self._seen = _SEEN_CALLS.validate_json(answer.content)
            elif answer.status_code == httpx.codes.NOT_FOUND:
                used = self._http.get(f"{asked}/usage").raise_for_status()
                self._know(Usage.model_validate_json(used.content))
        except (httpx.HTTPError, ValidationError):
            if self._journal.is_file():
                self._know(spent_by(self._journal, self.grant.id))
        return self._seen

    def _know(self, usage: Usage) -> None:
        self._seen = replace(self._seen, usage=usage)


@dataclass(frozen=True)
class RouterAccess:
    """The router at `url`, and the backend behind it; implements llm.model_access.ModelAccess.

    `keeps` is what must live for as long as the way is used, where the router runs in this process.
    """

    url: str
    signer: Signer
    journal: Path
    backend: str = "api"
    keeps: object = field(default=None, repr=False, compare=False)

    @contextmanager
    def open(
        self,
        purpose: Purpose,
        *,
        limit_usd: float,
        seconds: float,
        login: bool = False,
        plain: bool = False,
        batches: bool = False,
    ) -> Iterator[RouterPass]:
        """See llm.model_access.ModelAccess."""
        grant = Grant(
            stage=purpose.stage,
            repo=purpose.repo,
            phase=purpose.phase,
            login=login,
            plain=plain,
            batches=batches,
            backend=self.backend,
            limit_usd=limit_usd,
            until=datetime.now(UTC) + timedelta(seconds=seconds) + _SPARE,
        )
        with self._client() as client:
            try:
                yield RouterPass(grant, self.signer, client, self.journal)
            finally:
                # It ends by itself, later.
                with suppress(httpx.HTTPError):
                    client.delete(f"/v1/grants/{grant.id}")

    def to(self, backend: str) -> RouterAccess:
        """The way to another backend of the same router."""
        return replace(self, backend=backend)

    def tell_build(self, repo: str, quality: float) -> None:
        """Tell how good a repo turned out, 0 to 1.

        Raises:
            InfrastructureError: the router does not take it.
        """
        with self._client() as client:
            try:
                body = {"repo": repo, "quality": quality}
                client.post("/v1/feedback/build", json=body).raise_for_status()
            except httpx.HTTPError as error:
                raise InfrastructureError(f"The router was not told: {error}.", where=self.url) from error

    def answers(self) -> bool:
        """Whether a router of this instance is there."""
        with self._client() as client:
            try:
                return client.get("/v1/grants").is_success
            except httpx.HTTPError:
                return False

    def state(self) -> RouterState | None:
        """What the router tells of itself; None where none answers.

        Raises:
            InfrastructureError: what it answers cannot be read.
        """
        with self._client() as client:
            try:
                stats = RouterStats.model_validate_json(client.get("/stats").raise_for_status().content)
                backends = client.get("/v1/backends").raise_for_status()
                learned = Explained.model_validate(stats.learned) if stats.learned else None
                return RouterState(stats, learned, _BACKENDS.validate_json(backends.content))
            except httpx.TransportError:
                return None
            except (httpx.HTTPStatusError, ValidationError) as error:
                raise InfrastructureError(
                    "What the router tells of itself cannot be read.",
                    where=self.url,
                    fix="`factory down` and `factory up` start the one of this version.",
                ) from error

    def _client(self) -> httpx.Client:
        shown = {"authorization": f"Bearer {self.signer.control()}"}
        client = http_client(timeout=_SECONDS, headers=shown)
        client.base_url = self.url
        return client
