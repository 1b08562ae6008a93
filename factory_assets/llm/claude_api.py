"""Asks structured questions by the Messages API: of Anthropic, or of a gateway that speaks the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from pydantic import SecretStr

from factory_assets.domain.agents import Answer, Question, Route
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import CredentialError, InfrastructureError, RateLimitedError
from factory_assets.domain.refusals import Refusal, classify
from factory_assets.domain.tokens import tokens_of
from factory_assets.llm.claude_api_errors import refused_error
from factory_assets.llm.claude_messages import check_finished, priced, request_of, text_of
from factory_assets.llm.prices import cost_usd
from factory_assets.llm.router_headers import GatewayReading, read_gateway
from factory_assets.network.clients import anthropic_client

if TYPE_CHECKING:
    from anthropic import Anthropic, APIStatusError
    from anthropic.lib.streaming import MessageStream
    from anthropic.types import Message

# The SDK refuses to wait for a longer answer in one piece (anthropic._base_client).
_LONGEST_IN_ONE_PIECE = 21_333


@dataclass(frozen=True)
class ClaudeApi:
    """A server that speaks the Messages API, with the key or the bearer token that it takes.

    It is asked by way of `by`, a router's address, where that is given, which `headers` are for.
    `timeout_seconds` is for one attempt. Network failures, 5xx and rate limits whose wait is at most
    `patience_seconds` are tried again `retries` times. A refused credential is never tried again.
    """

    base_url: str
    by: str | None = field(default=None, kw_only=True)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    api_key: SecretStr | None = None
    auth_token: SecretStr | None = None
    route: Route = Route.API
    timeout_seconds: float = 600.0
    retries: int = 2
    patience_seconds: float = 60.0
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def ask(self, question: Question) -> Answer:
        """Ask; retry what may pass; say in dollars what it took.

        Raises:
            CredentialError: no credential, or refused.
            ModelStoppedError: no credit, a limit of the account, or no such model: whoever asks is refused.
            RateLimitedError: with the time that the server named.
            InfrastructureError: network, 5xx, 529, or an answer that is none.
            PromptTooLongError: the question is too long.
            InputError: any other refusal, or a model without a price.
            AnswerCutError: the answer was too long; it is in the error.
            AnswerRefusedError: the model declined.
        """
        cost_usd(question.model, Usage())
        attempt = 0
        while True:
            try:
                return self._ask_once(question)
            except InfrastructureError as error:
                wait = self._wait_before_retry(error, attempt)
                if wait is None:
                    raise
            self.pause(wait)
            attempt += 1

    def _wait_before_retry(self, error: InfrastructureError, attempt: int) -> float | None:
        """Seconds to wait, or None to give up. A named wait is honoured or left to whoever schedules."""
        if attempt >= self.retries:
            return None
        if not isinstance(error, RateLimitedError):
            return 2.0**attempt
        if error.until is None:
            return None
        wait = max(0.0, (error.until - datetime.now(UTC)).total_seconds())
        return wait if wait <= self.patience_seconds else None

    def _ask_once(self, question: Question) -> Answer:
        started = time.monotonic()
        with self.errors(question.model, question.setting), self.client() as client:
            message, headers = _send(client, question, partial(self._lose, question, started))
        return self._answer(question, message, read_gateway(headers), time.monotonic() - started)

    @contextmanager
    def errors(self, model: str, setting: str) -> Iterator[None]:
        """What the SDK raises within as the factory's own errors; `setting` names the model. See `ask`."""
        import anthropic  # noqa: PLC0415  1.2 seconds
        import httpx2  # noqa: PLC0415  comes with anthropic

        try:
            yield
        except anthropic.APIStatusError as error:
            raise refused_error(
                _refusal(error),
                where=self.base_url,
                model=model,
                credential=self._credential_setting,
                setting=setting,
            ) from error
        except (anthropic.APIError, httpx2.HTTPError) as error:
            raise self._no_answer(f"No answer: {error}") from error
        except (ValueError, AssertionError) as error:
            # What the SDK raises for a stream that is not what the Messages API sends.
            raise self._no_answer(f"The answer could not be read: {error}") from error

    def client(self) -> Anthropic:
        """The SDK's client.

        Raises:
            CredentialError: there is no credential.
        """
        from anthropic import Anthropic  # noqa: PLC0415  1.2 seconds

        key = self.api_key.get_secret_value() if self.api_key else None
        token = self.auth_token.get_secret_value() if self.auth_token and not key else None
        if not key and not token:
            raise CredentialError(
                "There is no key for the Claude API.",
                where=self.base_url,
                fix="Set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN, or log in with Claude Code.",
            )
        return Anthropic(
            api_key=key,
            auth_token=token,
            base_url=self.by or self.base_url,
            timeout=self.timeout_seconds,
            default_headers=self.headers,
            http_client=anthropic_client(self.by or self.base_url),
            max_retries=0,  # the SDK would wait as long as a retry-after header says, hours too
        )

    def _lose(self, question: Question, started: float, message: Message, headers: Mapping[str, str]) -> None:
        """Tell of an answer that was broken off: the model has worked, so it is paid for."""
        text = text_of(message)
        if message.usage is not None:
            # The final count comes at the end that is missing.
            least = tokens_of(text)
            message.usage.output_tokens = max(message.usage.output_tokens or 0, least)
        gateway = read_gateway(headers)
        usage, notes = priced(question, message, text, gateway)
        model = message.model or gateway.model or question.model
        question.lost(
            Answer("", self.route, model, usage, time.monotonic() - started, gateway.cache_hit, notes)
        )

    @property
    def _credential_setting(self) -> str:
        return "ANTHROPIC_API_KEY" if self.api_key else "ANTHROPIC_AUTH_TOKEN"

    def _no_answer(self, what: str) -> InfrastructureError:
        setting = "LLM_ROUTER_URL" if self.route is Route.ROUTER else "ANTHROPIC_BASE_URL"
        return InfrastructureError(
            what, where=self.base_url, fix=f"Check the network and {setting}, then run it again."
        )

    def _answer(
        self, question: Question, message: Message | None, gateway: GatewayReading, seconds: float
    ) -> Answer:
        # A gateway's answer is read by the SDK without checks: any field can be missing.
        if message is None or message.stop_reason is None or not isinstance(message.content, list):
            raise self._no_answer("The server answered something that is no complete message.")
        text = text_of(message)
        usage, notes = priced(question, message, text, gateway)
        answer = Answer(
            text=text,
            route=self.route,
            model=message.model or gateway.model or question.model,
            usage=usage,
            seconds=seconds,
            cache_hit=gateway.cache_hit,
            notes=notes,
        )
        check_finished(question, message, answer)
        return answer


def _send(
    client: Anthropic, question: Question, lose: Callable[[Message, Mapping[str, str]], None]
) -> tuple[Message | None, Mapping[str, str]]:
    """The answer and its headers; a stream that breaks off after the model began goes to `lose`, too."""
    from anthropic.types import Message  # noqa: PLC0415  1.2 seconds

    asked = request_of(question)
    if question.max_output_tokens > _LONGEST_IN_ONE_PIECE:
        with client.messages.stream(**asked) as stream:
            try:
                message = cast("Message", stream.get_final_message())
            except Exception:
                if begun := _begun(stream):
                    lose(begun, stream.response.headers)
                raise
            if message.stop_reason is None:
                lose(message, stream.response.headers)
            return message, stream.response.headers
    raw = client.messages.with_raw_response.create(**asked)
    message = raw.parse()
    return (message if isinstance(message, Message) else None), raw.headers


def _begun(stream: MessageStream[None]) -> Message | None:
    """What has come of a stream so far; None before its first event."""
    try:
        return cast("Message", stream.current_message_snapshot)
    except AssertionError:
        return None


def _refusal(error: APIStatusError) -> Refusal:
    """What the server meant. An error event inside a stream has HTTP status 200."""
    return classify(
        status=error.status_code if error.status_code >= 400 else None,
        kind=error.type or "",
        words=error.api_message or error.message,
        headers=error.response.headers,
        now=datetime.now(UTC),
    )
