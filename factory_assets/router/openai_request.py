"""A request in OpenAI's form as one of the Messages API: https://platform.claude.com/docs/en/api/messages.

What the Messages API has no word for is refused, by the name of its field, and never dropped: an answer to another
question than was asked is worse than none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from factory_assets.router import openai_form as chat
from factory_assets.router.forms import JsonObject, read

# Sampling parameters are refused since 2026-10-21, even at their defaults, and served by some models before it:
# https://platform.claude.com/docs/en/api/versioning.
VERSION = "2026-10-21"
SAMPLING_VERSION = "2023-06-01"


@dataclass(frozen=True)
class Converted:
    """A request of the Messages API. `version` is the `anthropic-version` that it must be sent with.

    `includes_usage` is whether a streamed answer is to end with its counts.
    """

    body: bytes
    version: str
    streams: bool
    includes_usage: bool


def from_chat(content: bytes, *, most_tokens: int) -> Converted:
    """The same request to the Messages API; `most_tokens` is the longest answer where it names none.

    Raises:
        UnconvertibleError: it is none, or asks for something that cannot be said there.
    """
    asked = read(chat.Request, content, "the Messages API")
    opening = _opening(asked.messages)
    body: JsonObject = {
        "model": asked.model,
        "max_tokens": asked.max_completion_tokens or asked.max_tokens or most_tokens,
        "messages": _conversation(asked.messages[len(opening) :]),
    }
    sampling: JsonObject = {
        name: value
        for name, value in (("temperature", asked.temperature), ("top_p", asked.top_p))
        # 1 is what both APIs do unasked.
        if value is not None and value != 1
    }
    said: JsonObject = {
        "system": _content([text for message in opening for text in message.content]),
        "stop_sequences": list(asked.stop or ()),
        "tools": [_tool(tool.function) for tool in asked.tools or ()],
        "tool_choice": _choice(asked),
        "output_config": _output(asked),
        "metadata": {"user_id": asked.user} if asked.user else None,
        "stream": asked.stream,
    }
    body |= {name: value for name, value in said.items() if value} | sampling
    return Converted(
        body=json.dumps(body).encode(),
        version=SAMPLING_VERSION if sampling else VERSION,
        streams=bool(asked.stream),
        includes_usage=bool(asked.stream_options and asked.stream_options.include_usage),
    )


def _opening(messages: Sequence[chat.Message]) -> list[chat.System]:
    """The system messages that the conversation begins with."""
    opening: list[chat.System] = []
    for message in messages:
        if not isinstance(message, chat.System):
            break
        opening.append(message)
    return opening


def _conversation(messages: Sequence[chat.Message]) -> list[JsonValue]:
    said: list[JsonValue] = []
    results: list[JsonValue] | None = None
    for message in messages:
        if isinstance(message, chat.Result):
            # All results of a turn belong into the one message after it, and before any words.
            if results is None:
                results = []
                said.append({"role": "user", "content": results})
            results.append(_result(message))
        elif isinstance(message, chat.User) and results is not None:
            results += _blocks(message.content)
            results = None
        else:
            said.append(_turn(message))
            results = None
    return said


def _turn(message: chat.System | chat.User | chat.Assistant) -> JsonValue:
    if isinstance(message, chat.Assistant):
        spoken = _blocks([text for text in message.content or () if text.text])
        return {"role": "assistant", "content": [*spoken, *map(_call, message.tool_calls or ())]}
    # Later instructions stay in their place; a model that does not take them there says so.
    return {
        "role": "user" if isinstance(message, chat.User) else "system",
        "content": _content(message.content),
    }


def _content(parts: Sequence[chat.Part]) -> JsonValue:
    """One text as a string, which is short for a list of it; empty where there is nothing."""
    blocks = _blocks(parts)
    return parts[0].text if len(parts) == 1 and isinstance(parts[0], chat.Text) else blocks


def _blocks(parts: Sequence[chat.Part]) -> list[JsonValue]:
    return [
        {"type": "text", "text": part.text} if isinstance(part, chat.Text) else _image(part) for part in parts
    ]


def _image(part: chat.Image) -> JsonValue:
    url = part.image_url.url
    inline = chat.DATA_URL.fullmatch(url)
    source: JsonObject = (
        {"type": "base64", "media_type": inline[1], "data": inline[2]}
        if inline
        else {"type": "url", "url": url}
    )
    return {"type": "image", "source": source}


def _call(call: chat.ToolCall) -> JsonValue:
    return {"type": "tool_use", "id": call.id, "name": call.function.name, "input": call.function.arguments}


def _result(message: chat.Result) -> JsonValue:
    return {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": _content(message.content)}


def _tool(function: chat.Function) -> JsonValue:
    told: JsonObject = {
        "name": function.name,
        "description": function.description,
        "input_schema": function.parameters or {"type": "object", "properties": {}},
        "strict": function.strict,
    }
    return {name: value for name, value in told.items() if value is not None}


def _choice(asked: chat.Request) -> JsonObject | None:
    choice = asked.tool_choice
    if isinstance(choice, chat.Named):
        said: JsonObject = {"type": "tool", "name": choice.function.name}
    elif choice is not None:
        said = {"type": "any" if choice.type == "required" else choice.type}
    elif asked.tools and asked.parallel_tool_calls is False:
        said = {"type": "auto"}
    else:
        return None
    if asked.parallel_tool_calls is False and said["type"] != "none":
        said["disable_parallel_tool_use"] = True
    return said


def _output(asked: chat.Request) -> JsonObject:
    said: JsonObject = {"effort": asked.reasoning_effort} if asked.reasoning_effort else {}
    if isinstance(asked.response_format, chat.SchemaFormat):
        said["format"] = {"type": "json_schema", "schema": asked.response_format.json_schema.form}
    return said
