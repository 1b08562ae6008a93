"""A question as a request of the Messages API, and what the message that answers it says and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from factory_assets.domain.agents import Answer, Question
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InputError
from factory_assets.domain.tokens import tokens_of
from factory_assets.llm.claude_api_errors import AnswerCutError, AnswerRefusedError
from factory_assets.llm.prices import Extras, cost_usd
from factory_assets.llm.router_headers import GatewayReading

if TYPE_CHECKING:
    from anthropic.types import Message, MessageParam, OutputConfigParam, TextBlockParam

_NO_EXTRAS = Extras()
_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})


class RequestBody(TypedDict):
    """What a question asks for, streamed or not, by itself or in a batch."""

    model: str
    max_tokens: int
    system: list[TextBlockParam]
    messages: list[MessageParam]
    output_config: OutputConfigParam


def request_of(question: Question) -> RequestBody:
    """The request that asks a question."""
    from anthropic import transform_schema  # noqa: PLC0415  1.2 seconds

    system, messages = _said(question)
    return {
        "model": question.model,
        "max_tokens": question.max_output_tokens,
        "system": system,
        "messages": messages,
        "output_config": {
            "format": {"type": "json_schema", "schema": transform_schema(dict(question.answer_schema))}
        },
    }


def _said(question: Question) -> tuple[list[TextBlockParam], list[MessageParam]]:
    """The system prompt and the message; the last block that other questions share carries the mark of the cache."""
    blocks: list[TextBlockParam] = [
        {"type": "text", "text": text} for text in (question.instructions, question.material) if text
    ]
    if question.caches:
        blocks[-1]["cache_control"] = {"type": "ephemeral"}
    system, shared = blocks[:1], blocks[1:]
    own: list[TextBlockParam] = [{"type": "text", "text": question.prompt}]
    content = [*shared, *own] if shared else question.prompt
    return system, [{"role": "user", "content": content}]


def text_of(message: Message) -> str:
    """Its words."""
    return "".join(block.text for block in message.content if block.type == "text")


def priced(
    question: Question,
    message: Message,
    text: str,
    gateway: GatewayReading,
    extras: Extras = _NO_EXTRAS,
) -> tuple[Usage, tuple[str, ...]]:
    """Tokens and dollars of one call, and what had to be guessed because a gateway did not say it."""
    notes: list[str] = []
    counted = getattr(message, "usage", None)
    if counted is None:
        notes.append("the server reported no usage: tokens are estimated from the length of the texts")
        usage = Usage(
            calls=1,
            input_tokens=tokens_of(question.instructions + question.text),
            output_tokens=tokens_of(text),
        )
    else:
        usage = Usage(
            calls=1,
            input_tokens=counted.input_tokens or 0,
            output_tokens=counted.output_tokens or 0,
            cache_read_tokens=counted.cache_read_input_tokens or 0,
            cache_write_tokens=counted.cache_creation_input_tokens or 0,
        )
    if gateway.cache_hit:
        return usage.model_copy(update={"cost_usd": 0.0}), tuple(notes)
    cost = gateway.cost_usd
    if cost is None:
        try:
            cost = cost_usd(message.model or question.model, usage, extras)
        except InputError:
            cost = cost_usd(question.model, usage, extras)
            notes.append(f"no price is known for {message.model}: reckoned at that of {question.model}")
    return usage.model_copy(update={"cost_usd": cost}), tuple(notes)


def check_finished(question: Question, message: Message, answer: Answer) -> None:
    """Refuse an answer that the model has not ended as it meant to.

    Raises:
        AnswerCutError: it was too long.
        AnswerRefusedError: the model declined.
    """
    if message.stop_reason in _CUT:
        raise AnswerCutError(
            f"The answer was cut off ({message.stop_reason}) at {answer.usage.output_tokens} tokens.",
            where=answer.model,
            fix=f"Ask about fewer papers at once; at most {question.max_output_tokens} tokens were allowed.",
            answer=answer,
        )
    if message.stop_reason == "refusal":
        details = getattr(message, "stop_details", None)
        reason = (
            getattr(details, "explanation", None) or getattr(details, "category", None) or "no reason given"
        )
        raise AnswerRefusedError(
            f"The model declined to answer: {reason}.",
            where=answer.model,
            fix="Leave the paper out that it takes offence at, or name another model.",
            answer=answer,
        )
