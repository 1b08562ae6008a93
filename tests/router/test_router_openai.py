"""Requests and whole answers in OpenAI's form and in that of the Messages API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from factory_assets.router.forms import UnconvertibleError
from factory_assets.router.openai_request import SAMPLING_VERSION, VERSION, from_chat

PIXEL = "iVBORw0KGgo="
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks a word up.",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}},
        "strict": True,
    },
}
CHAT: dict[str, Any] = {"model": "claude-haiku-5-5", "messages": [{"role": "user", "content": "hello"}]}


def converted(**fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(from_chat(json.dumps(CHAT | fields).encode(), most_tokens=4096).body)
    return body


def test_a_whole_conversation_with_tools_and_pictures_says_the_same_in_the_messages_api() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"word": "a"}'}}
    second = {"id": "c2", "type": "function", "function": {"name": "look_up", "arguments": ""}}
    body = converted(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                    {
                        "type": "image_url",
                        "image_url": {"url": "https://example.org/a.png", "detail": "auto"},
                    },
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [call, second], "refusal": None},
            {"role": "tool", "tool_call_id": "c1", "content": "the first letter"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "nothing"}]},
            {"role": "user", "content": "And now?"},
            {"role": "assistant", "content": "A letter."},
            {"role": "system", "content": "Now be long."},
        ],
        tools=[TOOL],
        tool_choice="required",
        parallel_tool_calls=False,
        max_completion_tokens=100,
        stop="END",
        reasoning_effort="low",
        user="u1",
    )
    assert body == {
        "model": "claude-haiku-5-5",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
                    },
                    {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "c1", "name": "look_up", "input": {"word": "a"}},
                    {"type": "tool_use", "id": "c2", "name": "look_up", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "the first letter"},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "nothing"},
                    {"type": "text", "text": "And now?"},
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "A letter."}]},
            {"role": "system", "content": "Now be long."},
        ],
        "tools": [
            {
                "name": "look_up",
                "description": "Looks a word up.",
                "input_schema": TOOL["function"]["parameters"],
                "strict": True,
            }
        ],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "stop_sequences": ["END"],
        "output_config": {"effort": "low"},
        "metadata": {"user_id": "u1"},
    }


def test_the_plainest_question_gets_the_longest_answer_that_is_allowed() -> None:
    assert converted() == {
        "model": "claude-haiku-5-5",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "hello"}],
    }


def test_a_schema_for_the_answer_is_kept() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    asked = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    assert converted(response_format=asked)["output_config"] == {
        "format": {"type": "json_schema", "schema": schema}
    }


def test_sampling_is_asked_of_the_version_of_the_api_that_has_it() -> None:
    def of(**fields: Any) -> tuple[str, dict[str, Any]]:
        made = from_chat(json.dumps(CHAT | fields).encode(), most_tokens=1)
        return made.version, {k: v for k, v in json.loads(made.body).items() if k in {"temperature", "top_p"}}

    assert of(temperature=1, top_p=1.0) == (VERSION, {})
    assert of(temperature=0, top_p=0.5) == (SAMPLING_VERSION, {"temperature": 0, "top_p": 0.5})


def test_fields_at_values_that_ask_for_nothing_pass() -> None:
    nothing = {
        "n": 1,
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "logprobs": False,
        "logit_bias": {},
        "modalities": ["text"],
        "store": False,
        "service_tier": "auto",
        "response_format": {"type": "text"},
        "tools": [],
        "stop": None,
        "stream": False,
        "metadata": {},
    }
    assert converted(**nothing) == converted()


def test_whether_to_stream_and_to_count_is_told() -> None:
    made = from_chat(
        json.dumps(CHAT | {"stream": True, "stream_options": {"include_usage": True}}).encode(), most_tokens=1
    )
    assert (made.streams, made.includes_usage, json.loads(made.body)["stream"]) == (True, True, True)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"n": 2}, "n"),
        ({"seed": 7}, "seed"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"temperature": 1.5}, "temperature"),
        ({"store": True}, "store"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools.0.type"),
        ({"tools": [{"type": "function", "function": {"name": "x", "wish": 1}}]}, "tools.0.function.wish"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": "x", "name": "Ada"}]}, "messages.0.name"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "function", "content": "x", "name": "f"}]}, "messages.0"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
            "messages.0.content.0",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,QQ=="}}
                        ],
                    }
                ]
            },
            "messages.0.content.0.image_url.url",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [
                            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "[1"}}
                        ],
                    }
                ]
            },
            "messages.0.tool_calls.0.function.arguments",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_by_the_name_of_its_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(UnconvertibleError) as caught:
        converted(**fields)
    assert (caught.value.where, caught.value.status) == (named, 400)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"7", b'{"a":' * 5000, b"\xff"])
def test_what_is_no_request_is_refused(content: bytes) -> None:
    with pytest.raises(UnconvertibleError, match="request"):
        from_chat(content, most_tokens=1)
