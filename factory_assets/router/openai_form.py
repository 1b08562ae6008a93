"""What a request in OpenAI's form may hold, as far as the Messages API can say the same.

Source: https://developers.openai.com/api/reference/resources/chat.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue

from factory_assets.router.forms import Form, JsonObject

DATA_URL = re.compile(r"data:(image/(?:jpeg|png|gif|webp));base64,([A-Za-z0-9+/=]+)")


def _listed(value: object) -> object:
    """A string as the list of one that stands for it."""
    return [value] if isinstance(value, str) else value


def _text_part(value: object) -> object:
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


def _typed(value: object) -> object:
    """`"auto"` as `{"type": "auto"}`."""
    return {"type": value} if isinstance(value, str) else value


def _parsed(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        # A call without arguments is written as no text at all by some clients.
        return json.loads(value or "{}")
    except RecursionError as error:
        raise ValueError("the arguments are nested too deeply") from error


class Text(Form):
    """Words."""

    type: Literal["text"]
    text: str


def _is_image(url: str) -> str:
    if not url.startswith("https://") and not DATA_URL.fullmatch(url):
        raise ValueError("An image is an https address, or a data URL of a JPEG, PNG, GIF or WebP in base64")
    return url


class ImageUrl(Form):
    """Where a picture is, or all of it."""

    url: Annotated[str, AfterValidator(_is_image)]
    detail: Literal["auto"] | None = None


class Image(Form):
    """A picture."""

    type: Literal["image_url"]
    image_url: ImageUrl


Texts = Annotated[list[Text], BeforeValidator(_text_part)]
Part = Annotated[Text | Image, Field(discriminator="type")]
Parts = Annotated[list[Part], BeforeValidator(_text_part)]


class System(Form):
    """Instructions."""

    role: Literal["system", "developer"]
    content: Texts


class User(Form):
    """What the user says."""

    role: Literal["user"]
    content: Parts


class Called(Form):
    """A function and what it is called with."""

    name: str
    arguments: Annotated[JsonObject, BeforeValidator(_parsed)]


class ToolCall(Form):
    """A call that the model made."""

    id: str
    type: Literal["function"]
    function: Called


class Assistant(Form):
    """What the model said."""

    role: Literal["assistant"]
    content: Texts | None = None
    tool_calls: list[ToolCall] | None = None
    # A client that sends an answer back sends what the answer left empty, too.
    refusal: None = None
    audio: None = None
    function_call: None = None
    annotations: list[JsonValue] | None = Field(default=None, max_length=0)


class Result(Form):
    """What a call of the model gave."""

    role: Literal["tool"]
    tool_call_id: str
    content: Texts


Message = Annotated[System | User | Assistant | Result, Field(discriminator="role")]


class Function(Form):
    """A function that the model may call."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class Tool(Form):
    """A tool, which can be a function only."""

    type: Literal["function"]
    function: Function


class Mode(Form):
    """Whether the model calls functions."""

    type: Literal["auto", "none", "required"]


class Name(Form):
    """The name of a function."""

    name: str


class Named(Form):
    """The one function that the model must call."""

    type: Literal["function"]
    function: Name


class Schema(Form):
    """A JSON schema with its name."""

    name: str
    form: JsonObject = Field(alias="schema")
    # The Messages API always holds an answer to its schema.
    strict: bool | None = None


class NoFormat(Form):
    """Any text."""

    type: Literal["text"]


class SchemaFormat(Form):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: Schema


class StreamOptions(Form):
    """What a streamed answer brings beside its text."""

    include_usage: bool | None = None
    include_obfuscation: Literal[False] | None = None


_Zero = Annotated[float, Field(ge=0, le=0)]
_One = Annotated[int, Field(ge=1, le=1)]
_Tokens = Annotated[int, Field(ge=1)]


class Request(Form):
    """The body of `POST /v1/chat/completions`."""

    model: str
    messages: list[Message] = Field(min_length=1)
    max_tokens: _Tokens | None = None
    max_completion_tokens: _Tokens | None = None
    stop: Annotated[list[str] | None, BeforeValidator(_listed)] = None
    temperature: float | None = Field(default=None, ge=0, le=1)
    top_p: float | None = Field(default=None, ge=0, le=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: Annotated[NoFormat | SchemaFormat, Field(discriminator="type")] | None = None
    tools: list[Tool] | None = None
    tool_choice: Annotated[
        Annotated[Mode | Named, Field(discriminator="type")] | None, BeforeValidator(_typed)
    ] = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    user: str | None = None
    # What follows is taken at the one value that asks for nothing, or changes no answer.
    n: _One | None = None
    frequency_penalty: _Zero | None = None
    presence_penalty: _Zero | None = None
    logprobs: Literal[False] | None = None
    logit_bias: dict[str, float] | None = Field(default=None, max_length=0)
    metadata: dict[str, str] | None = Field(default=None, max_length=0)
    modalities: list[Literal["text"]] | None = None
    store: Literal[False] | None = None
    service_tier: Literal["auto", "default"] | None = None
    prompt_cache_key: str | None = None
