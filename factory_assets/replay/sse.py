"""Claude's stream: a finished message as the sequence of server-sent events that the real API sends."""

from __future__ import annotations

import json
from collections.abc import Iterator

from factory_assets.replay.messages_reply import JsonObject, MessageReply, TextBlock, ToolUseBlock

_TEXT_PIECE = 120
_JSON_PIECE = 600


def encode(event: JsonObject) -> bytes:
    """One event as it goes over the wire."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def encode_malformed(event: JsonObject) -> bytes:
    """The same event with its JSON cut in the middle."""
    data = json.dumps(event)
    return f"event: {event['type']}\ndata: {data[: len(data) // 2]}\n\n".encode()


def events_of(reply: MessageReply) -> Iterator[JsonObject]:
    """The events of a message: start, each content block in pieces, the final usage, stop."""
    opening = {**reply.usage.as_json(), "output_tokens": 1}
    yield {
        "type": "message_start",
        "message": {**reply.as_json(), "content": [], "stop_reason": None, "usage": opening},
    }
    for index, block in enumerate(reply.content):
        yield {"type": "content_block_start", "index": index, "content_block": _empty(block)}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reply.stop_reason, "stop_sequence": None},
        "usage": reply.usage.as_json(),
    }
    yield {"type": "message_stop"}


def _empty(block: TextBlock | ToolUseBlock) -> JsonObject:
    if isinstance(block, ToolUseBlock):
        return {**block.as_json(), "input": {}}
    return TextBlock("").as_json()


def _deltas(block: TextBlock | ToolUseBlock) -> Iterator[JsonObject]:
    if isinstance(block, ToolUseBlock):
        for piece in _pieces(json.dumps(block.input), _JSON_PIECE):
            yield {"type": "input_json_delta", "partial_json": piece}
    else:
        for piece in _pieces(block.text, _TEXT_PIECE):
            yield {"type": "text_delta", "text": piece}


def _pieces(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]
