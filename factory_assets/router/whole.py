"""The two forms of an answer of the Messages API, in one piece and event by event: what a whole one says, and the
other form of it.

https://platform.claude.com/docs/en/build-with-claude/streaming names the events. What has a kind that is not known
here is no whole answer: it is never kept, and never turned into something that lacks it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

STREAM_TYPE = "text/event-stream; charset=utf-8"
PIECE_TYPE = "application/json"

_Json = dict[str, JsonValue]
# Each kind of block by the fields that come in deltas, and the kinds of those.
_GROWING = {
    "text": {"text": "text_delta"},
    "thinking": {"thinking": "thinking_delta", "signature": "signature_delta"},
    "redacted_thinking": {},
}
_DELTA_FIELDS = {kind: name for fields in _GROWING.values() for name, kind in fields.items()}


class _NotWholeError(Exception):
    """It is no answer that came to its end as the model meant it to."""


@dataclass(frozen=True)
class Whole:
    """An answer that the model has ended by itself, with words in it."""

    message: Mapping[str, JsonValue]

    @classmethod
    def read(cls, content_type: str, body: bytes) -> Whole | None:
        """Read an answer in either form; None for errors, answers that were cut or refused, and for whatever else."""
        try:
            message = _of_events(_events(body)) if is_stream(content_type) else _object(body)
            _check(message)
        except (_NotWholeError, ValueError, RecursionError):
            return None
        return cls(message)

    @property
    def model(self) -> str:
        """The model that answered."""
        return str(self.message.get("model", ""))

    @property
    def text(self) -> str:
        """Its words."""
        return "".join(str(block["text"]) for block in _blocks(self.message) if block["type"] == "text")

    @property
    def is_json(self) -> bool:
        """Whether its words are JSON."""
        try:
            json.loads(self.text)
        except (ValueError, RecursionError):
            return False
        return True

    @property
    def piece(self) -> bytes:
        """The answer in one piece."""
        return json.dumps(self.message).encode()

    @property
    def stream(self) -> bytes:
        """The answer event by event."""
        return b"".join(
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in self._as_events()
        )

    def _as_events(self) -> Iterator[_Json]:
        message = dict(self.message)
        usage = message.get("usage")
        opening = {**usage, "output_tokens": 1} if isinstance(usage, dict) else usage
        begun = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": opening}
        yield {"type": "message_start", "message": {**message, **begun}}
        for index, block in enumerate(_blocks(message)):
            growing = _GROWING[str(block["type"])]
            empty = {**block, **{name: "" for name in growing if name in block}}
            yield {"type": "content_block_start", "index": index, "content_block": empty}
            for name, kind in growing.items():
                if name in block:
                    yield {
                        "type": "content_block_delta",
                        "index": index,
                        "delta": {"type": kind, name: block[name]},
                    }
            yield {"type": "content_block_stop", "index": index}
        ended = {name: message.get(name) for name in ("stop_reason", "stop_sequence")}
        yield {"type": "message_delta", "delta": ended, "usage": usage}
        yield {"type": "message_stop"}


def is_stream(content_type: str) -> bool:
    """Whether an answer comes event by event."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


def _object(text: bytes) -> _Json:
    found: JsonValue = json.loads(text)
    if not isinstance(found, dict):
        raise _NotWholeError
    return found


def _events(body: bytes) -> Iterator[_Json]:
    if not body.endswith((b"\n\n", b"\r\n\r\n")):
        raise _NotWholeError
    for line in body.splitlines():
        if line.startswith(b"data:"):
            yield _object(line.removeprefix(b"data:"))


def _of_events(events: Iterator[_Json]) -> _Json:
    """The message that events add up to."""
    told = (event for event in events if event.get("type") != "ping")
    first = next(told, {})
    if first.get("type") != "message_start":
        raise _NotWholeError
    message = _part(first, "message")
    blocks: list[JsonValue] = []
    for event in told:
        kind, index = event.get("type"), event.get("index")
        if kind == "content_block_start" and index == len(blocks):
            blocks.append(_part(event, "content_block"))
        elif kind == "content_block_delta" and index == len(blocks) - 1:
            _grow(blocks[-1], _part(event, "delta"))
        elif kind == "message_delta":
            message = _ended(message, event)
        elif kind == "message_stop":
            break
        elif kind != "content_block_stop":
            raise _NotWholeError
    else:
        raise _NotWholeError
    if next(told, None) is not None:
        raise _NotWholeError
    return {**message, "content": blocks}


def _ended(message: _Json, event: _Json) -> _Json:
    usage = {**_part(message, "usage"), **_part(event, "usage")}
    rest = {name: value for name, value in event.items() if name not in ("type", "delta")}
    return {**message, **rest, **_part(event, "delta"), "usage": usage}


def _grow(block: JsonValue, delta: _Json) -> None:
    name = _DELTA_FIELDS.get(str(delta.get("type")), "")
    more = delta.get(name)
    before = block.get(name, "") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(more, str) or not isinstance(before, str):
        raise _NotWholeError
    block[name] = before + more


def _part(event: _Json, name: str) -> _Json:
    part = event.get(name)
    if not isinstance(part, dict):
        raise _NotWholeError
    return part


def _check(message: _Json) -> None:
    if message.get("type") != "message" or message.get("stop_reason") != "end_turn":
        raise _NotWholeError
    blocks = _blocks(message)
    for block in blocks:
        growing = _GROWING.get(str(block.get("type")))
        if growing is None or not all(isinstance(block.get(name, ""), str) for name in growing):
            raise _NotWholeError
    if not any(block.get("text") for block in blocks):
        raise _NotWholeError


def _blocks(message: Mapping[str, JsonValue]) -> list[_Json]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [block if isinstance(block, dict) else {} for block in blocks]
