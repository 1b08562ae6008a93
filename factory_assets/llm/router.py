"""The LLM router: its state and its feedback, and the questions that go through it to a model.

Wire forms: https://github.com/timholm/llm-router (router/proxy.go). Other gateways that speak the Messages
API answer questions as well, but may lack these routes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import httpx
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    TypeAdapter,
    ValidationError,
)

from factory_assets.domain.agents import Route
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import CredentialError, FactoryError, InfrastructureError, InputError
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.network.clients import ask

# A router on its own machine keeps the real key; the SDK wants one all the same.
_NO_KEY = SecretStr("no-key-needed")

Reply = TypeVar("Reply")


class _FromRouter(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RouterHealth(_FromRouter):
    """GET /health."""

    status: str = "ok"


class RouterBackend(_FromRouter):
    """One model behind the router (GET /v1/backends)."""

    name: str
    model: str = ""
    provider: str = ""
    tier: int | None = None
    status: str = "unknown"
    in_flight: int = 0
    total_requests: int = 0
    total_errors: int = 0
    latency_ms: float | None = None


class RouterStats(_FromRouter):
    """GET /stats. llm-router's dollars are a guess, 500 tokens in and 200 out for every call; ours are counted.

    llm-router tells the first four alone. `by_phase_usd` is what was spent, `by_phase` that with its tokens, `room`
    the share (0 to 1) of each rate limit that is left, `learned` what the threshold rests on. All but the last two is
    counted since `since`.
    """

    total_requests: int
    total_saved_usd: float = 0.0
    total_spent_usd: float = 0.0
    by_model: dict[str, int] = Field(default_factory=dict)
    total_cache_hits: int = 0
    total_joined: int = 0
    by_phase_usd: dict[str, float] = Field(default_factory=dict)
    by_phase: dict[str, Usage] = Field(default_factory=dict)
    room: dict[str, float] = Field(default_factory=dict)
    threshold: float | None = None
    learned: dict[str, JsonValue] = Field(default_factory=dict)
    since: AwareDatetime | None = None


class RouterFeedback(_FromRouter):
    """What POST /v1/feedback answers. `by_tier` counts what was told of each."""

    total_feedback: int
    threshold: float | None = None
    avg_quality: float | None = None
    by_tier: dict[int, int] = Field(default_factory=dict)


@dataclass(frozen=True)
class RouterClient:
    """The router at `url`. `timeout_seconds` is for its own routes, which answer from memory."""

    url: str
    api_key: SecretStr | None = None
    timeout_seconds: float = 3.0

    def model(self, *, timeout_seconds: float = 600.0, retries: int = 2) -> ClaudeApi:
        """Whatever model the router picks, as a route for questions."""
        return ClaudeApi(
            base_url=self.url.rstrip("/"),
            api_key=self.api_key or _NO_KEY,
            route=Route.ROUTER,
            timeout_seconds=timeout_seconds,
            retries=retries,
        )

    def health(self) -> RouterHealth:
        """Whether the router answers.

        Raises:
            InfrastructureError: it is not reached, or answers 5xx or no JSON.
            CredentialError: 401 or 403.
            InputError: it has no such route.
        """
        return self._call("GET", "/health", TypeAdapter(RouterHealth))

    def backends(self) -> tuple[RouterBackend, ...]:
        """The models behind it. Raises as `health`."""
        return self._call("GET", "/v1/backends", TypeAdapter(tuple[RouterBackend, ...]))

    def stats(self) -> RouterStats:
        """Its counters. Raises as `health`."""
        return self._call("GET", "/stats", TypeAdapter(RouterStats))

    def feedback(self, *, score: float, tier: int, quality: float) -> RouterFeedback:
        """Tell it how good an answer was: score and quality 0 to 1, tier 1 to 3. Raises as `health`."""
        body: dict[str, JsonValue] = {"score": score, "tier": tier, "quality": quality}
        return self._call("POST", "/v1/feedback", TypeAdapter(RouterFeedback), body)

    def takes_the_key(self) -> bool | None:
        """Whether it answers this key, which costs nothing; False where it does not answer at all.

        None for a gateway that has nothing free to ask for.
        """
        try:
            self.backends()
        except InputError:
            return None
        except FactoryError:
            return False
        return True

    def _call(
        self, method: str, path: str, form: TypeAdapter[Reply], body: dict[str, JsonValue] | None = None
    ) -> Reply:
        where = self.url.rstrip("/") + path
        headers = {"authorization": f"Bearer {self.api_key.get_secret_value()}"} if self.api_key else {}
        fix = "Start the router, or fix or clear LLM_ROUTER_URL."
        try:
            response = ask(method, where, body=body, headers=headers, timeout=self.timeout_seconds)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InfrastructureError(
                f"The LLM router does not answer: {error}", where=where, fix=fix
            ) from error
        if response.status_code in {401, 403}:
            raise CredentialError(
                f"The LLM router refused the key (HTTP {response.status_code}).",
                where=where,
                fix="Check ANTHROPIC_API_KEY: the router wants one of its own.",
            )
        if response.status_code in {404, 405, 501}:
            raise InputError(
                "This gateway has no such route: it is not llm-router.",
                where=where,
                fix="Nothing, if it answers POST /v1/messages; else check LLM_ROUTER_URL.",
            )
        if not response.is_success:
            raise InfrastructureError(
                f"The LLM router answered HTTP {response.status_code}.", where=where, fix=fix
            )
        try:
            return form.validate_json(response.content)
        except ValidationError as error:
            raise InfrastructureError(
                f"The LLM router's answer cannot be read: {error.errors()[0]['msg']}.", where=where, fix=fix
            ) from error
