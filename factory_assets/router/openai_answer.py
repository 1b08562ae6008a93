"""Whole answers and errors, from the Messages API's form into OpenAI's and back."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from factory_assets.router.answer import Counts
from factory_assets.router.forms import JsonObject, UnconvertibleError

# Those of https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons that an answer without the
# API's own tools can have, and OpenAI's: https://developers.openai.com/api/reference/resources/chat.
FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
# What the API's form of a conversation has and OpenAI's has no place for.
UNSPOKEN = frozenset({"thinking", "redacted_thinking"})
# https://platform.claude.com/docs/en/api/errors.
_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_SHOWN = 500
_BAD_GATEWAY = 502

Read = TypeVar("Read", bound="Heard")


class Heard(BaseModel):
    """What is read of an answer; whatever else it holds is not needed."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class StopDetails(Heard):
    """Why the model refused."""

    explanation: str | None = None


class Block(Heard):
    """One block of an answer of the Messages API."""

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: JsonObject = Field(default_factory=dict)


class _Message(Heard):
    id: str
    model: str
    content: list[Block]
    stop_reason: str | None
    stop_details: StopDetails | None = None
    usage: Counts


class _Cached(Heard):
    cached_tokens: int | None = None


class ChatUsage(Heard):
    """The counts of an answer in OpenAI's form."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Cached | None = None


class _Said(Heard):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[JsonValue] | None = None


class _Choice(Heard):
    message: _Said
    finish_reason: str | None = None


class _Completion(Heard):
    id: str = ""
    model: str
    choices: list[_Choice] = Field(min_length=1, max_length=1)
    usage: ChatUsage | None = None


def answer_to_chat(content: bytes, *, created: int) -> bytes:
    """An answer of the Messages API as a `chat.completion` of a moment in Unix seconds; thinking is left out.

    Raises:
        UnconvertibleError: with status 502, for it is no such answer, or holds what OpenAI's form has no word for.
    """
    answer = heard(_Message, content)
    texts = [block.text for block in answer.content if block.type == "text"]
    calls: list[JsonValue] = [
        {
            "id": block.id,
            "type": "function",
            "function": {"name": block.name, "arguments": json.dumps(block.input)},
        }
        for block in answer.content
        if block.type == "tool_use"
    ]
    for block in answer.content:
        if block.type not in {"text", "tool_use"} | UNSPOKEN:
            raise unheard_of("content", block.type)
    message: JsonObject = {
        "role": "assistant",
        "content": "".join(texts) if texts else None,
        "refusal": answer.stop_details.explanation if answer.stop_details else None,
    }
    if calls:
        message["tool_calls"] = calls
    choice: JsonObject = {
        "index": 0,
        "message": message,
        "finish_reason": finish(answer.stop_reason),
        "logprobs": None,
    }
    return json.dumps(
        {
            "id": answer.id,
            "object": "chat.completion",
            "created": created,
            "model": answer.model,
            "choices": [choice],
            "usage": chat_usage(answer.usage),
        }
    ).encode()


def answer_from_chat(content: bytes) -> bytes:
    """A `chat.completion` to a plain question as an answer of the Messages API.

    Raises:
        UnconvertibleError: with status 502, for it is no such answer, or calls tools.
    """
    answer = heard(_Completion, content)
    (choice,) = answer.choices
    if choice.message.tool_calls:
        raise unheard_of("tool_calls", "a call of a tool that it was not given")
    said = choice.message
    text = said.refusal or said.content
    blocks: list[JsonValue] = [{"type": "text", "text": text}] if text else []
    return json.dumps(
        message_of(answer.id, answer.model)
        | {
            "content": blocks,
            "stop_reason": "refusal" if said.refusal else stop(choice.finish_reason),
            "usage": messages_usage(answer.usage),
        }
    ).encode()


def message_of(number: str, model: str) -> JsonObject:
    """An answer of the Messages API that has just begun."""
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": messages_usage(None),
    }


def chat_usage(counts: Counts) -> JsonObject:
    """Counts in OpenAI's form, where the prompt's include what was read from the cache and written to it."""
    read, written = counts.cache_read_input_tokens, counts.cache_creation_input_tokens
    prompt = counts.input_tokens + read + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": counts.output_tokens,
        "total_tokens": prompt + counts.output_tokens,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
    }


def messages_usage(usage: ChatUsage | None) -> JsonObject:
    """Counts in the form of the Messages API; 0 where a backend counts nothing."""
    known = usage or ChatUsage()
    cached = (known.prompt_tokens_details and known.prompt_tokens_details.cached_tokens) or 0
    return {
        "input_tokens": max(0, known.prompt_tokens - cached),
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": known.completion_tokens,
    }


def finish(stop_reason: str | None) -> str:
    """The `finish_reason` for a `stop_reason`. Raises UnconvertibleError: there is none for it."""
    if stop_reason not in FINISHES:
        raise unheard_of("stop_reason", stop_reason)
    return FINISHES[stop_reason]


def stop(finish_reason: str | None) -> str:
    """The `stop_reason` for a `finish_reason`. Raises UnconvertibleError: there is none for it."""
    if finish_reason not in STOPS:
        raise unheard_of("finish_reason", finish_reason)
    return STOPS[finish_reason]


def unheard_of(where: str, what: object) -> UnconvertibleError:
    """The error for an answer that holds what the other form has no word for."""
    return UnconvertibleError(
        f"The backend's answer cannot be passed on: {what!r} has no place in the form that was asked for.",
        where=where,
        status=_BAD_GATEWAY,
    )


def heard(form: type[Read], content: bytes) -> Read:
    """What is read of an answer.

    Raises:
        UnconvertibleError: with status 502, for it has not that form.
    """
    try:
        return form.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise UnconvertibleError(
            f"The backend's answer cannot be read: {first['msg']}.",
            where=".".join(map(str, first["loc"])),
            status=_BAD_GATEWAY,
        ) from error


def chat_error(kind: str, message: str, *, field: str | None = None) -> bytes:
    """The body of an error in OpenAI's form."""
    return json.dumps({"error": {"message": message, "type": kind, "param": field, "code": None}}).encode()


def messages_error(kind: str, message: str) -> bytes:
    """The body of an error in the form of the Messages API."""
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()


def kind_of(status: int) -> str:
    """The API's name for an HTTP status of 400 or more."""
    return _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")


def error_to_chat(content: bytes, status: int) -> bytes:
    """An error of the Messages API in OpenAI's form."""
    kind, message = _told(content, status)
    return chat_error(kind, message)


def error_from_chat(content: bytes, status: int) -> bytes:
    """An error of an OpenAI-compatible backend in the form of the Messages API, whose kinds go by the status."""
    _, message = _told(content, status)
    return messages_error(kind_of(status), message)


def _told(content: bytes, status: int) -> tuple[str, str]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    told = error if isinstance(error, dict) else {"message": error}
    kind, message = told.get("type"), told.get("message")
    return (
        kind if isinstance(kind, str) else kind_of(status),
        message
        if isinstance(message, str)
        else content[:_SHOWN].decode(errors="replace") or f"HTTP {status}",
    )
