"""Streamed answers, from the Messages API's events into OpenAI's chunks and back, as their bytes come.

A converter never raises: what it cannot pass on ends the stream with an error in the form that the caller reads, and
so does an answer that breaks off, for a stream that merely stops is taken for a whole answer by OpenAI's clients.
Forms: https://platform.claude.com/docs/en/build-with-claude/streaming and
https://developers.openai.com/api/reference/resources/chat.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator

from pydantic import Field, JsonValue

from factory_assets.router.answer import Counts
from factory_assets.router.forms import JsonObject, UnconvertibleError
from factory_assets.router.openai_answer import (
    UNSPOKEN,
    Block,
    ChatUsage,
    Heard,
    StopDetails,
    chat_error,
    chat_usage,
    finish,
    heard,
    message_of,
    messages_error,
    messages_usage,
    stop,
    unheard_of,
)

# An event brings one step of an answer; more than any answer is held against a backend that never ends one.
_LONGEST_EVENT = 8 * 1024 * 1024
_BROKEN_OFF = "The backend's answer broke off before its end."


class _Delta(Heard):
    type: str = ""
    text: str = ""
    partial_json: str = ""
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class _Started(Heard):
    id: str
    model: str
    usage: Counts


class _Failure(Heard):
    type: str | None = None
    message: str = ""


class _Event(Heard):
    type: str
    index: int = 0
    message: _Started | None = None
    content_block: Block | None = None
    delta: _Delta = _Delta()
    usage: Counts | None = None
    error: _Failure | None = None


class _Spoken(Heard):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[JsonValue] | None = None


class _Choice(Heard):
    delta: _Spoken = _Spoken()
    finish_reason: str | None = None


class _Chunk(Heard):
    id: str = ""
    model: str = ""
    choices: list[_Choice] = Field(default_factory=list, max_length=1)
    usage: ChatUsage | None = None
    error: _Failure | None = None


class _Lines:
    """Splits the bytes of server-sent events into the data of each."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data = bytearray()

    def feed(self, content: bytes) -> Iterator[bytes]:
        """The events that end within these bytes. Raises UnconvertibleError: one grows beyond all measure."""
        *lines, rest = content.split(b"\n")
        for line in lines:
            self._line += line
            yield from self._ended(bytes(self._line.removesuffix(b"\r")))
            self._line.clear()
        self._line += rest
        if len(self._line) + len(self._data) > _LONGEST_EVENT:
            raise UnconvertibleError("The backend's answer has an event without an end.", status=502)

    def end(self) -> Iterator[bytes]:
        """The last event, where no empty line came after it."""
        yield from self.feed(b"\n\n")

    def _ended(self, line: bytes) -> Iterator[bytes]:
        if line.startswith(b"data:"):
            self._data += line.removeprefix(b"data:").removeprefix(b" ") + b"\n"
        elif not line and self._data:
            data = bytes(self._data)
            self._data.clear()
            yield data


class StreamConverter(ABC):
    """Takes the bytes of one answer's stream and gives those of the same answer in the other form."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._is_over = False

    def feed(self, content: bytes) -> bytes:
        """What the next bytes come to; nothing once the answer is over."""
        return self._converted(self._lines.feed(content))

    def end(self) -> bytes:
        """What is left to say when no more bytes come."""
        left = self._converted(self._lines.end())
        return left if self._is_over else left + self._fail("api_error", _BROKEN_OFF)

    def _converted(self, events: Iterator[bytes]) -> bytes:
        said = bytearray()
        try:
            for event in events:
                if self._is_over:
                    break
                for part in self._take(event):
                    said += part
        except UnconvertibleError as error:
            said += self._fail("api_error", str(error))
        return bytes(said)

    def _fail(self, kind: str, message: str) -> bytes:
        self._is_over = True
        return self._failure(kind, message)

    @abstractmethod
    def _take(self, event: bytes) -> Iterator[bytes]:
        """What one event comes to."""

    @abstractmethod
    def _failure(self, kind: str, message: str) -> bytes:
        """The event that tells an error."""


class ToChat(StreamConverter):
    """Events of the Messages API as `chat.completion.chunk`s of a moment in Unix seconds; thinking is left out."""

    def __init__(self, *, created: int, includes_usage: bool) -> None:
        super().__init__()
        self._head: JsonObject = {"object": "chat.completion.chunk", "created": created}
        self._includes_usage = includes_usage
        self._counts = Counts()
        # The number of each tool call by its block's, and the blocks that have brought no argument yet.
        self._calls: dict[int, int] = {}
        self._silent: set[int] = set()

    def _take(self, event: bytes) -> Iterator[bytes]:
        told = heard(_Event, event)
        if told.error is not None:
            yield self._fail(told.error.type or "api_error", told.error.message)
        elif told.type == "message_start" and told.message is not None:
            self._head |= {"id": told.message.id, "model": told.message.model}
            self._counts = told.message.usage
            yield self._chunk({"role": "assistant", "content": "", "refusal": None})
        elif told.type.startswith("content_block_"):
            yield from self._speak(told)
        elif told.type == "message_delta":
            self._counts = self._counts.then(told.usage or Counts())
            if told.delta.stop_reason is not None:
                details = told.delta.stop_details
                refusal: JsonObject = {"refusal": details.explanation} if details else {}
                yield self._chunk(refusal, finish(told.delta.stop_reason))
        elif told.type == "message_stop":
            self._is_over = True
            if self._includes_usage:
                yield self._written([], chat_usage(self._counts))
            yield b"data: [DONE]\n\n"
        elif told.type == "ping":
            # What keeps a connection alive is kept; clients skip a comment.
            yield b": ping\n\n"

    def _speak(self, told: _Event) -> Iterator[bytes]:
        if told.content_block is not None:
            yield from self._begin(told.index, told.content_block)
        elif told.delta.type == "text_delta":
            yield self._chunk({"content": told.delta.text})
        elif told.index in self._calls and told.delta.partial_json:
            yield self._argue(told.index, told.delta.partial_json)
        elif told.index in self._silent and told.type == "content_block_stop":
            # A call without arguments brings no text of any; OpenAI's form wants an object.
            yield self._argue(told.index, "{}")

    def _begin(self, index: int, block: Block) -> Iterator[bytes]:
        if block.type == "tool_use":
            number = self._calls[index] = len(self._calls)
            self._silent.add(index)
            function: JsonObject = {"name": block.name, "arguments": ""}
            yield self._chunk(
                {"tool_calls": [{"index": number, "id": block.id, "type": "function", "function": function}]}
            )
        elif block.type == "text":
            if block.text:
                yield self._chunk({"content": block.text})
        elif block.type not in UNSPOKEN:
            raise unheard_of("content_block", block.type)

    def _argue(self, index: int, text: str) -> bytes:
        self._silent.discard(index)
        return self._chunk({"tool_calls": [{"index": self._calls[index], "function": {"arguments": text}}]})

    def _chunk(self, delta: JsonObject, finish_reason: str | None = None) -> bytes:
        choice: JsonObject = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return self._written([choice], None)

    def _written(self, choices: list[JsonValue], usage: JsonObject | None) -> bytes:
        chunk = self._head | {"choices": choices} | ({"usage": usage} if self._includes_usage else {})
        return b"data: %s\n\n" % json.dumps(chunk).encode()

    def _failure(self, kind: str, message: str) -> bytes:
        return b"data: %s\n\n" % chat_error(kind, message)


class FromChat(StreamConverter):
    """`chat.completion.chunk`s of a plain answer as events of the Messages API."""

    def __init__(self) -> None:
        super().__init__()
        self._has_begun = False
        self._has_text = False
        self._stop_reason: str | None = None
        self._usage: ChatUsage | None = None

    def end(self) -> bytes:
        """What is left to say; some backends end with neither `[DONE]` nor an empty line."""
        left = self._converted(self._lines.end())
        if not self._is_over and self._stop_reason is not None:
            left += b"".join(self._close())
        return left if self._is_over else left + self._fail("api_error", _BROKEN_OFF)

    def _take(self, event: bytes) -> Iterator[bytes]:
        if event.strip() == b"[DONE]":
            if self._stop_reason is None:
                yield self._fail("api_error", _BROKEN_OFF)
            else:
                yield from self._close()
            return
        told = heard(_Chunk, event)
        if told.error is not None:
            yield self._fail("api_error", told.error.message)
            return
        if not self._has_begun:
            self._has_begun = True
            yield _event("message_start", message=message_of(told.id, told.model))
        self._usage = told.usage or self._usage
        for choice in told.choices:
            yield from self._speak(choice)

    def _speak(self, choice: _Choice) -> Iterator[bytes]:
        if choice.delta.tool_calls:
            raise unheard_of("tool_calls", "a call of a tool that it was not given")
        text = choice.delta.content or choice.delta.refusal
        if text and not self._has_text:
            self._has_text = True
            yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        if text:
            yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
        if choice.delta.refusal:
            self._stop_reason = "refusal"
        elif choice.finish_reason is not None and self._stop_reason is None:
            self._stop_reason = stop(choice.finish_reason)

    def _close(self) -> Iterator[bytes]:
        self._is_over = True
        if self._has_text:
            yield _event("content_block_stop", index=0)
        yield _event(
            "message_delta",
            delta={"stop_reason": self._stop_reason, "stop_sequence": None},
            usage=messages_usage(self._usage),
        )
        yield _event("message_stop")

    def _failure(self, kind: str, message: str) -> bytes:
        return b"event: error\ndata: %s\n\n" % messages_error(kind, message)


def _event(kind: str, **fields: JsonValue) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
