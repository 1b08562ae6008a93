"""A plain question of the Messages API as one to a backend that speaks OpenAI's form, such as a local model.

Tools, thinking and whatever else such a backend has no word for is refused by the name of its field.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue

from factory_assets.router.forms import Form, JsonObject, UnconvertibleError, read

_INTO = "the form of an OpenAI-compatible backend"


def _text_block(value: object) -> object:
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


class _Block(Form):
    # Where a cache may begin is no part of what is asked.
    cache_control: JsonValue = None


class _Text(_Block):
    type: Literal["text"]
    text: str
    citations: list[JsonValue] | None = Field(default=None, max_length=0)


class _Inline(Form):
    type: Literal["base64"]
    media_type: str
    data: str


class _Url(Form):
    type: Literal["url"]
    url: str


class _Image(_Block):
    type: Literal["image"]
    source: Annotated[_Inline | _Url, Field(discriminator="type")]


_Part = Annotated[_Text | _Image, Field(discriminator="type")]
_Texts = Annotated[list[_Text], BeforeValidator(_text_block)]


class _User(Form):
    role: Literal["user"]
    content: Annotated[list[_Part], BeforeValidator(_text_block)]


class _Other(Form):
    role: Literal["assistant", "system"]
    content: _Texts


class _Format(Form):
    type: Literal["json_schema"]
    form: JsonObject = Field(alias="schema")


class _OutputConfig(Form):
    format: _Format | None = None
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None


class _Metadata(Form):
    user_id: str | None = None


class _NoThinking(Form):
    type: Literal["disabled"]


class _Request(Form):
    model: str
    messages: list[Annotated[_User | _Other, Field(discriminator="role")]] = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    system: _Texts | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    stream: bool | None = None
    output_config: _OutputConfig | None = None
    metadata: _Metadata | None = None
    # What follows is taken at the values that ask for nothing, or change no answer.
    thinking: _NoThinking | None = None
    tools: list[JsonValue] | None = Field(default=None, max_length=0)
    service_tier: Literal["auto", "standard_only"] | None = None
    speed: Literal["standard"] | None = None
    cache_control: JsonValue = None


def to_chat(content: bytes, *, model: str) -> bytes:
    """The same question for `model`, the backend's own name for one.

    Raises:
        UnconvertibleError: it is none, or asks for something that cannot be said there.
    """
    asked = read(_Request, content, _INTO)
    if asked.messages[-1].role == "assistant":
        raise UnconvertibleError(
            "An answer whose beginning is given cannot be asked for there.",
            where=f"messages.{len(asked.messages) - 1}",
            fix="End with a message of the user.",
        )
    system: list[JsonValue] = [{"role": "system", "content": _content(asked.system)}] if asked.system else []
    said: JsonObject = {
        # The name that local servers know; `max_completion_tokens` is OpenAI's own.
        "max_tokens": asked.max_tokens,
        "stop": list(asked.stop_sequences or ()) or None,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "stream": asked.stream or None,
        "stream_options": {"include_usage": True} if asked.stream else None,
        "user": asked.metadata.user_id if asked.metadata else None,
    }
    body: JsonObject = {
        "model": model,
        "messages": [*system, *({"role": m.role, "content": _content(m.content)} for m in asked.messages)],
    }
    body |= {
        name: value for name, value in (said | _output(asked.output_config)).items() if value is not None
    }
    return json.dumps(body).encode()


def _output(config: _OutputConfig | None) -> JsonObject:
    said: JsonObject = {"reasoning_effort": config.effort} if config and config.effort else {}
    if config and config.format:
        schema: JsonObject = {"name": "answer", "schema": config.format.form, "strict": True}
        said["response_format"] = {"type": "json_schema", "json_schema": schema}
    return said


def _content(parts: Sequence[_Part]) -> JsonValue:
    """Text alone as a string, which every backend takes."""
    if len(parts) == 1 and isinstance(parts[0], _Text):
        return parts[0].text
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, _Text)
        else {"type": "image_url", "image_url": {"url": _url(part)}}
        for part in parts
    ]


def _url(image: _Image) -> str:
    source = image.source
    return source.url if isinstance(source, _Url) else f"data:{source.media_type};base64,{source.data}"
