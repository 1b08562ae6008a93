"""A request to the Messages API, read as strictly as the real API reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from factory_assets.replay.messages_reply import ApiError, JsonObject

_TASK = re.compile(r"^Repository: .*\nPhase: ", re.MULTILINE)
_UNSUPPORTED = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems"),
}


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Block(_Lenient):
    """A content block; fields that the server has no use for are kept as they are."""

    type: str
    text: str | None = None
    id: str | None = None
    tool_use_id: str | None = None
    cache_control: JsonObject | None = None


class Message(_Lenient):
    """One message of the conversation. `system` may stand between the turns (a beta of the API)."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]

    @property
    def blocks(self) -> list[Block]:
        """The content as blocks, a bare string as one text block."""
        return _as_blocks(self.content)


class Tool(_Lenient):
    """A tool that the model may call."""

    name: str
    cache_control: JsonObject | None = None


class OutputFormat(_Lenient):
    """The form of a structured answer."""

    type: Literal["json_schema"]
    schema_: JsonObject = Field(alias="schema")


class OutputConfig(_Lenient):
    """How the answer shall look."""

    format: OutputFormat | None = None


class MessagesRequest(_Lenient):
    """The body of POST /v1/messages."""

    model: str = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    messages: list[Message] = Field(min_length=1)
    system: str | list[Block] | None = None
    tools: list[Tool] = Field(default_factory=list)
    stream: bool = False
    cache_control: JsonObject | None = None
    output_config: OutputConfig | None = None

    @property
    def system_blocks(self) -> list[Block]:
        """The system prompt as blocks."""
        return [] if self.system is None else _as_blocks(self.system)

    @property
    def opening(self) -> str:
        """The text of the user's messages from the last task on, before the model's first answer to it."""
        texts: list[str] = []
        for message in self.messages[self._task :]:
            if message.role == "assistant":
                break
            if message.role == "user":
                texts += [block.text for block in message.blocks if block.text]
        return "\n".join(texts)

    @property
    def user_text(self) -> str:
        """All text of the user's messages."""
        messages = (message for message in self.messages if message.role == "user")
        return "\n".join(block.text for message in messages for block in message.blocks if block.text)

    @property
    def answered(self) -> int:
        """How often the model has answered the last task; messages of one role in a row count as one, as in the API."""
        return sum(role == "assistant" for role, _, _ in _turns(self.messages[self._task :]))

    @property
    def _task(self) -> int:
        """Where the last task begins: a session that goes on has several, each with the lines that name it."""
        return max(
            (
                index
                for index, message in enumerate(self.messages)
                if message.role == "user"
                and any(_TASK.search(block.text) for block in message.blocks if block.text)
            ),
            default=0,
        )


class CountRequest(MessagesRequest):
    """The body of POST /v1/messages/count_tokens, which has no max_tokens."""

    max_tokens: int = 1


def _as_blocks(content: str | list[Block]) -> list[Block]:
    return [Block(type="text", text=content)] if isinstance(content, str) else content


def read_request(body: bytes, kind: type[MessagesRequest] = MessagesRequest) -> MessagesRequest:
    """Parse and check a request.

    Raises:
        ApiError: 400, with the words of the real API as near as they are known.
    """
    try:
        request = kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ApiError(400, f"{where}: {first['msg']}" if where else first["msg"]) from None
    if not request.model.startswith("claude-"):
        raise ApiError(404, f"model: {request.model}")
    _check_roles(request)
    _check_blocks(request)
    _check_tool_pairs(request)
    if request.output_config and request.output_config.format:
        _check_schema(request.output_config.format.schema_)
    return request


def _turns(messages: list[Message]) -> Iterator[tuple[str, int, list[Block]]]:
    """Role, index and blocks, with messages of one role in a row joined and system messages left out."""
    role, first, blocks = "", 0, list[Block]()
    for index, message in enumerate(messages):
        if message.role == "system":
            continue
        if message.role != role:
            if role:
                yield role, first, blocks
            role, first, blocks = message.role, index, []
        blocks = blocks + message.blocks
    yield role, first, blocks


def _check_roles(request: MessagesRequest) -> None:
    if request.messages[0].role != "user":
        raise ApiError(400, 'messages: first message must use the "user" role')
    if request.messages[-1].role == "assistant":
        raise ApiError(
            400,
            "This model does not support assistant message prefill."
            " The conversation must end with a user message.",
        )


def _check_blocks(request: MessagesRequest) -> None:
    for index, message in enumerate(request.messages):
        if not message.blocks:
            raise ApiError(400, f"messages.{index}: {message.role} messages must have non-empty content")
        if any(block.type == "text" and not block.text for block in message.blocks):
            raise ApiError(400, f"messages.{index}: text content blocks must be non-empty")


def _check_tool_pairs(request: MessagesRequest) -> None:
    open_calls: set[str] = set()
    for role, index, blocks in _turns(request.messages):
        results = {block.tool_use_id or "" for block in blocks if block.type == "tool_result"}
        if strange := results - open_calls:
            raise ApiError(
                400,
                f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks:"
                f" {', '.join(sorted(strange))}. Each `tool_result` block must have a corresponding"
                " `tool_use` block in the previous message.",
            )
        if missing := open_calls - results:
            raise ApiError(
                400,
                f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately"
                f" after: {', '.join(sorted(missing))}. Each `tool_use` block must have a corresponding"
                " `tool_result` block in the next message.",
            )
        calls = [block.id or "" for block in blocks if block.type == "tool_use"]
        if len(set(calls)) != len(calls):
            raise ApiError(400, f"messages.{index}: `tool_use` ids must be unique")
        open_calls = set(calls) if role == "assistant" else set()


def _check_schema(schema: JsonValue) -> None:
    """Refuse what structured output does not support.

    Source: https://docs.claude.com/en/docs/build-with-claude/structured-outputs, "JSON Schema limitations".
    """
    if isinstance(schema, list):
        for item in schema:
            _check_schema(item)
    if not isinstance(schema, dict):
        return
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        raise ApiError(
            400,
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set"
            " to false",
        )
    refused = [name for name in _UNSUPPORTED.get(str(kind), ()) if name in schema]
    if refused:
        raise ApiError(
            400,
            f"output_config.format.schema: For '{kind}' type, properties {', '.join(refused)} are not"
            " supported",
        )
    for value in schema.values():
        _check_schema(value)
