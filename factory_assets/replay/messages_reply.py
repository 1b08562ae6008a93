"""The answers of the Messages API as typed values: a finished message, its usage, and the error form."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

JsonObject = dict[str, JsonValue]

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class ApiError(Exception):
    """A request that the API refuses, in the API's own form (https://docs.claude.com/en/api/errors)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        error_type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.error_type = error_type or _ERROR_TYPES.get(status, "api_error")
        self.headers = dict(headers or {})

    def as_json(self, request_id: str) -> JsonObject:
        """The body of the answer."""
        return {
            "type": "error",
            "error": {"type": self.error_type, "message": self.message},
            "request_id": request_id,
        }


@dataclass(frozen=True)
class TextBlock:
    """A piece of text."""

    text: str

    def as_json(self) -> JsonObject:
        """The block as the API writes it."""
        return {"type": "text", "text": self.text}


@dataclass(frozen=True)
class ToolUseBlock:
    """A tool call."""

    name: str
    input: JsonObject
    id: str = field(default_factory=lambda: f"toolu_{secrets.token_hex(12)}")

    def as_json(self) -> JsonObject:
        """The block as the API writes it."""
        return {"type": "tool_use", "id": self.id, "name": self.name, "input": self.input}


@dataclass(frozen=True)
class TokenUsage:
    """Tokens of one call, as the API counts them: input, read and written do not overlap.

    `cache_write_1h_tokens` are those among the written ones that are kept for an hour.
    """

    input_tokens: int
    cache_write_tokens: int
    cache_write_1h_tokens: int
    cache_read_tokens: int
    output_tokens: int

    def as_json(self) -> JsonObject:
        """The usage as the API writes it."""
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": self.cache_write_tokens,
            "cache_read_input_tokens": self.cache_read_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.cache_write_tokens - self.cache_write_1h_tokens,
                "ephemeral_1h_input_tokens": self.cache_write_1h_tokens,
            },
            "output_tokens": self.output_tokens,
            "service_tier": "standard",
        }


@dataclass(frozen=True)
class MessageReply:
    """A finished answer of the model."""

    model: str
    content: tuple[TextBlock | ToolUseBlock, ...]
    stop_reason: str
    usage: TokenUsage
    id: str = field(default_factory=lambda: f"msg_{secrets.token_hex(12)}")

    def as_json(self) -> JsonObject:
        """The message as the API writes it."""
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [block.as_json() for block in self.content],
            "stop_reason": self.stop_reason,
            "stop_sequence": None,
            "usage": self.usage.as_json(),
        }
