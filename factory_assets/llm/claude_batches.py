"""Questions that are asked together by the Message Batches API, at half the price, and answered within 24 hours.

https://platform.claude.com/docs/en/build-with-claude/batch-processing. Each question is known by what it asks, so that
an answer is found by whoever asks the same later, in whichever process.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from factory_assets.domain.agents import Answer, Purpose, Question, Route, StructuredModel
from factory_assets.domain.redaction import Redactor
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.claude_api_errors import NoBatchError
from factory_assets.llm.claude_messages import check_finished, priced, request_of, text_of
from factory_assets.llm.model_access import BATCH_HEADER, ModelAccess
from factory_assets.llm.prices import Extras, most_usd
from factory_assets.llm.routed_api import by_way_of
from factory_assets.llm.router_headers import GatewayReading

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types import Message
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
    from anthropic.types.messages import MessageBatch

_HALVED = Extras(batch=True)
_SECONDS = 600.0


@dataclass(frozen=True)
class BatchState:
    """A batch as the API tells of it. `answered` is how many of its requests were, once it has ended."""

    id: str
    has_ended: bool
    requests: int
    answered: int


def key_of(question: Question) -> str:
    """What a question is known by in a batch: 64 characters, as many as the API takes."""
    asked = [
        question.model,
        question.max_output_tokens,
        question.instructions,
        question.material,
        question.prompt,
        dict(question.answer_schema),
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class ClaudeBatches:
    """Makes batches, looks after them and reads them, by way of the router. No question goes out with a secret."""

    access: ModelAccess
    api: ClaudeApi
    purpose: Purpose
    setting: str
    redactor: Callable[[], Redactor]

    def make(self, questions: Sequence[Question], name: str) -> BatchState:
        """Ask together; of one `name` only once, whoever was killed in between.

        Raises:
            NoBatchError: the server has no message batches.
            FactoryError: as ClaudeApi.ask.
        """
        asked = {key_of(question): question for question in self.redactor().value(questions)}
        most = sum(most_usd(question, calls=1) for question in asked.values())
        with self._open(questions[0].model, limit_usd=most, headers={BATCH_HEADER: name}) as client:
            made = client.messages.batches.create(
                requests=[
                    {
                        "custom_id": key,
                        "params": cast("MessageCreateParamsNonStreaming", request_of(question)),
                    }
                    for key, question in asked.items()
                ]
            )
        return _state(made)

    def look(self, batch_id: str) -> BatchState:
        """How it stands.

        Raises:
            NoBatchError: it is not there any more.
            FactoryError: as ClaudeApi.ask.
        """
        with self._open() as client:
            return _state(client.messages.batches.retrieve(batch_id))

    def cancel(self, batch_id: str) -> BatchState:
        """Let it end with what is answered by now. Raises as `look`."""
        with self._open() as client:
            found = client.messages.batches.retrieve(batch_id)
            if found.processing_status == "in_progress":
                found = client.messages.batches.cancel(batch_id)
        return _state(found)

    def read(self, batch_id: str) -> Brought:
        """What it has brought, once it has ended. Raises as `look`."""
        with self._open() as client:
            found = client.messages.batches.retrieve(batch_id)
            messages = {
                entry.custom_id: entry.result.message
                for entry in client.messages.batches.results(batch_id)
                if entry.result.type == "succeeded"
            }
        return Brought(batch_id, found.ended_at or found.created_at, messages)

    @contextmanager
    def _open(
        self, model: str = "", *, limit_usd: float = 0.0, headers: Mapping[str, str] | None = None
    ) -> Iterator[Anthropic]:
        import anthropic  # noqa: PLC0415  1.2 seconds

        with self.access.open(
            self.purpose, limit_usd=limit_usd, seconds=_SECONDS, plain=True, batches=True
        ) as way:
            api = by_way_of(self.access, way, self.api, headers or {})
            with api.errors(model, self.setting), api.client() as client:
                try:
                    yield client
                except anthropic.NotFoundError as error:
                    raise NoBatchError(error.message, where=self.api.base_url) from error


@dataclass(frozen=True)
class Brought:
    """The messages that a batch has brought, by the keys of their questions, and when it ended."""

    batch_id: str
    ended_at: datetime
    messages: Mapping[str, Message]

    def answers(self) -> Iterator[tuple[Answer, datetime]]:
        """All of them with what they cost, each at a moment of its own: what is booked twice so is booked once."""
        for number, key in enumerate(sorted(self.messages)):
            message = self.messages[key]
            question = Question("", "", {}, model=message.model)
            yield self._answer(question, message), self.ended_at + timedelta(microseconds=number)

    def answer(self, question: Question) -> Answer | None:
        """The answer to a question; None where the batch has none.

        Raises:
            AnswerCutError, AnswerRefusedError: as ClaudeApi.ask.
        """
        message = self.messages.get(key_of(question))
        if message is None:
            return None
        answer = self._answer(question, message)
        check_finished(question, message, answer)
        return answer

    def _answer(self, question: Question, message: Message) -> Answer:
        text = text_of(message)
        usage, notes = priced(question, message, text, GatewayReading(), _HALVED)
        return Answer(text, Route.BATCH, message.model, usage, 0.0, notes=notes)


@dataclass(frozen=True)
class FromBatch:
    """Answers from a batch where it has brought an answer, and asks `model` where not."""

    brought: Brought
    model: StructuredModel
    notify: Callable[[str], None]

    def ask(self, question: Question) -> Answer:
        """See domain.agents.StructuredModel."""
        answer = self.brought.answer(question)
        if answer is not None:
            return answer
        self.notify(f"the batch {self.brought.batch_id} has no answer to this, so it is asked directly")
        return self.model.ask(question)


def _state(batch: MessageBatch) -> BatchState:
    counts = batch.request_counts
    requests = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
    return BatchState(batch.id, batch.processing_status == "ended", requests, counts.succeeded)
