"""Answers in the other form, whole and streamed, as the real clients of both forms read them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import anthropic
import openai
import pytest
from llm_server import Reply, error, message, serving, stream, usage
from pydantic import BaseModel

from factory_assets.router.answer import BackendAnswer
from factory_assets.router.forms import UnconvertibleError
from factory_assets.router.openai_answer import (
    answer_from_chat,
    answer_to_chat,
    chat_error,
    error_from_chat,
    error_to_chat,
    messages_error,
)
from factory_assets.router.openai_backend import to_chat
from factory_assets.router.openai_request import from_chat
from factory_assets.router.openai_stream import FromChat, StreamConverter, ToChat

CREATED = 1_790_000_000
MODEL = "claude-haiku-5-5"
Events = list[tuple[str, dict[str, Any]]]


def sse(events: Events) -> bytes:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events).encode()


def chunks(*told: dict[str, Any] | str) -> bytes:
    return "".join(f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in told).encode()


def through(converter: StreamConverter, content: bytes, *, pieces: int = 1) -> bytes:
    """The whole of a stream that comes in so many pieces, cut anywhere."""
    cuts = sorted(random.Random(pieces).sample(range(1, len(content)), pieces - 1))
    ends = [0, *cuts, len(content)]
    said = b"".join(converter.feed(content[start:end]) for start, end in pairwise(ends))
    return said + converter.end()


@contextmanager
def openai_reading(body: bytes, *, status: int = 200, streamed: bool = True) -> Iterator[openai.OpenAI]:
    kind = "text/event-stream" if streamed else "application/json"
    reply = Reply(status, body=body.decode(), content_type=kind)
    with (
        serving(reply) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="x", max_retries=0) as client,
    ):
        yield client


@contextmanager
def anthropic_reading(
    body: bytes, *, status: int = 200, streamed: bool = True
) -> Iterator[anthropic.Anthropic]:
    kind = "text/event-stream" if streamed else "application/json"
    reply = Reply(status, body=body.decode(), content_type=kind)
    with (
        serving(reply) as server,
        anthropic.Anthropic(base_url=server.url, api_key="x", max_retries=0) as client,
    ):
        yield client


def tool_events() -> Events:
    """An answer that thinks, speaks, and calls two tools, one of them without arguments."""

    def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> Events:
        told = [
            {"type": "content_block_start", "index": index, "content_block": start},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]
        return [(event["type"], event) for event in told]

    started = message("", content=[], stop="end_turn") | {"stop_reason": None, "usage": usage(7, 1, 20, 3)}
    ended = {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 40},
    }
    return [
        ("message_start", {"type": "message_start", "message": started}),
        ("ping", {"type": "ping"}),
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "secret thought"},
            {"type": "signature_delta", "signature": "s"},
        ),
        *block(
            1,
            {"type": "text", "text": ""},
            {"type": "text_delta", "text": "Let me "},
            {"type": "text_delta", "text": "löok."},
        ),
        *block(
            2,
            {"type": "tool_use", "id": "t1", "name": "look_up", "input": {}},
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"word": '},
            {"type": "input_json_delta", "partial_json": '"ü"}'},
        ),
        *block(3, {"type": "tool_use", "id": "t2", "name": "stop", "input": {}}),
        ("message_delta", ended),
        ("message_stop", {"type": "message_stop"}),
    ]


@pytest.mark.parametrize("pieces", [1, 40, 300])
def test_openais_client_reads_a_streamed_answer_with_tools(pieces: int) -> None:
    said = through(ToChat(created=CREATED, includes_usage=True), sse(tool_events()), pieces=pieces)
    with (
        openai_reading(said) as client,
        client.chat.completions.stream(
            model=MODEL, messages=[{"role": "user", "content": "x"}], stream_options={"include_usage": True}
        ) as read,
    ):
        answer = read.get_final_completion()
    (choice,) = answer.choices
    calls = choice.message.tool_calls or []
    assert (answer.id, answer.model, answer.created) == ("msg_1", MODEL, CREATED)
    assert (choice.message.content, choice.finish_reason) == ("Let me löok.", "tool_calls")
    assert [(c.id, c.function.name, json.loads(c.function.arguments)) for c in calls] == [
        ("t1", "look_up", {"word": "ü"}),
        ("t2", "stop", {}),
    ]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        30,
        40,
        70,
    )
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 20
    assert b"secret thought" not in said
    assert said.endswith(b"data: [DONE]\n\n")


def test_counts_come_only_where_they_were_asked_for() -> None:
    said = through(ToChat(created=CREATED, includes_usage=False), sse(stream("{}")))
    assert b"usage" not in said
    assert said.endswith(b"data: [DONE]\n\n")


def test_what_has_come_is_passed_on_at_once() -> None:
    converter = ToChat(created=CREATED, includes_usage=False)
    first = converter.feed(sse(stream("early", stop=None)))
    assert b"early" in first


def broken_off() -> bytes:
    return sse(stream("half", stop=None))


def failed_midway() -> bytes:
    return sse([*stream("half", stop=None), ("error", error("overloaded_error", "Overloaded"))])


def with_a_servers_tool() -> bytes:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    return broken_off() + sse(
        [("content_block_start", {"type": "content_block_start", "index": 1, "content_block": block})]
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (broken_off(), "broke off"),
        (failed_midway(), "Overloaded"),
        (with_a_servers_tool(), "server_tool_use"),
        (broken_off() + b"data: {nonsense\n\n", "cannot be read"),
        (broken_off() + b"data: " + b"x" * (9 * 1024 * 1024), "without an end"),
    ],
)
def test_a_stream_that_fails_is_told_to_openais_client_as_an_error(content: bytes, words: str) -> None:
    said = through(ToChat(created=CREATED, includes_usage=False), content)
    with (
        openai_reading(said) as client,
        client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "x"}], stream=True
        ) as read,
        pytest.raises(openai.APIError, match=words),
    ):
        list(read)
    assert b"[DONE]" not in said


def test_openais_client_reads_a_whole_answer() -> None:
    content = [
        {"type": "thinking", "thinking": "secret", "signature": "s"},
        {"type": "text", "text": "Yes"},
        {"type": "text", "text": "."},
        {"type": "tool_use", "id": "t1", "name": "look_up", "input": {"word": "ü"}},
    ]
    body = json.dumps(message("", content=content, stop="tool_use", usage=usage(7, 40, 20, 3))).encode()
    said = answer_to_chat(body, created=CREATED)
    with openai_reading(said, streamed=False) as client:
        answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("Yes.", "tool_calls")
    assert [c.function.arguments for c in choice.message.tool_calls or []] == ['{"word": "\\u00fc"}']
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (30, 70)
    assert b"secret" not in said


class Word(BaseModel):
    word: str


def test_what_openais_client_really_sends_is_converted_and_its_schema_kept() -> None:
    said = answer_to_chat(json.dumps(message('{"word": "a"}')).encode(), created=CREATED)
    with openai_reading(said, streamed=False) as client:
        answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
    with serving(Reply(body=said.decode())) as server:
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key="x", max_retries=0) as client:
            parsed = client.chat.completions.parse(
                model=MODEL,
                messages=[
                    {"role": "user", "content": "x"},
                    answer.choices[0].message.model_dump(),
                    {"role": "user", "content": "y"},
                ],
                response_format=Word,
            )
        body = json.loads(from_chat(json.dumps(server.requests[-1]).encode(), most_tokens=9).body)
    assert parsed.choices[0].message.parsed == Word(word="a")
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["output_config"]["format"]["schema"]["properties"]["word"]["type"] == "string"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
    ],
)
def test_the_end_of_an_answer_is_told_alike_whole_and_streamed(reason: str, finish: str) -> None:
    whole = json.loads(answer_to_chat(json.dumps(message("", stop=reason)).encode(), created=1))
    streamed = through(ToChat(created=1, includes_usage=False), sse(stream("x", stop=reason)))
    assert whole["choices"][0]["finish_reason"] == finish
    assert f'"finish_reason": "{finish}"'.encode() in streamed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        json.dumps(message("", stop="pause_turn")).encode(),
        json.dumps(
            message("", content=[{"type": "server_tool_use", "id": "s", "name": "web_search"}])
        ).encode(),
    ],
)
def test_an_answer_that_cannot_be_passed_on_is_the_backends_failure(body: bytes) -> None:
    with pytest.raises(UnconvertibleError) as caught:
        answer_to_chat(body, created=1)
    assert caught.value.status == 502


def test_errors_are_told_in_the_form_of_the_client() -> None:
    told = error_to_chat(json.dumps(error("rate_limit_error", "Slow down.")).encode(), 429)
    with (
        openai_reading(told, status=429, streamed=False) as client,
        pytest.raises(openai.RateLimitError) as limited,
    ):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
    assert (limited.value.type, limited.value.body) == (
        "rate_limit_error",
        {"message": "Slow down.", "type": "rate_limit_error", "param": None, "code": None},
    )
    own = chat_error("invalid_request_error", "No such field.", field="n")
    with (
        openai_reading(own, status=400, streamed=False) as client,
        pytest.raises(openai.BadRequestError) as bad,
    ):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
    assert bad.value.param == "n"


@pytest.mark.parametrize(
    ("body", "words"),
    [(b'{"error": {"message": "No such model.", "type": "x"}}', "No such model."), (b'{"error": "no"}', "no"),
     (b"<html>busy</html>", "<html>busy</html>"), (b"", "HTTP 404")],
)  # fmt: skip
def test_a_local_models_error_reaches_the_anthropic_client(body: bytes, words: str) -> None:
    told = error_from_chat(body, 404)
    with (
        anthropic_reading(told, status=404, streamed=False) as client,
        pytest.raises(anthropic.NotFoundError) as caught,
    ):
        client.messages.create(model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "x"}])
    assert caught.value.body == json.loads(messages_error("not_found_error", words))


def chunk(delta: dict[str, Any], finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "qwen",
        "choices": [choice],
        **fields,
    }


COUNTED = chunk({}) | {
    "choices": [],
    "usage": {"prompt_tokens": 30, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 20}},
}
LOCAL = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "hm"}),
    chunk({"content": "Hel"}),
    chunk({"content": "lö"}),
    chunk({}, "stop"),
    COUNTED,
    "[DONE]",
)


def without_an_end(content: bytes) -> bytes:
    return content.removesuffix(b"data: [DONE]\n\n").removesuffix(b"\n\n")


@pytest.mark.parametrize("pieces", [1, 40, 300])
@pytest.mark.parametrize(
    "changed", [bytes, without_an_end, lambda content: b": hello\r\n\r\n" + content.replace(b"\n", b"\r\n")]
)
def test_the_anthropic_client_reads_a_local_models_stream(
    pieces: int, changed: Callable[[bytes], bytes]
) -> None:
    said = through(FromChat(), changed(chunks(*LOCAL)), pieces=pieces)
    with (
        anthropic_reading(said) as client,
        client.messages.stream(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "x"}]
        ) as read,
    ):
        answer = read.get_final_message()
    assert (answer.id, answer.model, answer.stop_reason) == ("msg_c1", "qwen", "end_turn")
    assert [(block.type, getattr(block, "text", None)) for block in answer.content] == [("text", "Hellö")]
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens, answer.usage.output_tokens) == (
        10,
        20,
        9,
    )


def test_what_a_local_model_counts_is_counted_by_the_routers_meter() -> None:
    meter = BackendAnswer(streams=True)
    meter.feed(through(FromChat(), chunks(*LOCAL)))
    meter.end()
    assert meter.complete
    assert meter.counts is not None
    assert (meter.counts.usage.input_tokens, meter.counts.usage.output_tokens) == (10, 9)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (chunks(*LOCAL[:3]), "broke off"),
        (chunks(*LOCAL[:3], "[DONE]"), "broke off"),
        (chunks(*LOCAL[:3], {"error": {"message": "out of memory"}}), "out of memory"),
        (chunks(*LOCAL[:3], chunk({"tool_calls": [{"index": 0}]})), "tool"),
        (chunks(*LOCAL[:3], chunk({}, "eos")), "eos"),
    ],
)
def test_a_local_models_stream_that_fails_is_an_error_to_the_anthropic_client(
    content: bytes, words: str
) -> None:
    said = through(FromChat(), content)
    with (
        anthropic_reading(said) as client,
        pytest.raises(anthropic.APIError, match=words),
        client.messages.stream(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "x"}]
        ) as read,
    ):
        read.get_final_message()
    assert b"message_stop" not in said


def completion(said: dict[str, Any], finish: str = "stop") -> bytes:
    counts = {"prompt_tokens": 30, "completion_tokens": 9}
    choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": finish}
    return json.dumps({"id": "c1", "model": "qwen", "choices": [choice], "usage": counts}).encode()


@pytest.mark.parametrize(
    ("said", "finish", "stopped", "texts"),
    [
        ({"content": "Hello"}, "stop", "end_turn", ["Hello"]),
        ({"content": "Hel"}, "length", "max_tokens", ["Hel"]),
        ({"content": None}, "content_filter", "refusal", []),
        ({"content": None, "refusal": "No."}, "stop", "refusal", ["No."]),
    ],
)
def test_the_anthropic_client_reads_a_local_models_whole_answer(
    said: dict[str, Any], finish: str, stopped: str, texts: list[str]
) -> None:
    with anthropic_reading(answer_from_chat(completion(said, finish)), streamed=False) as client:
        answer = client.messages.create(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )
    assert (answer.stop_reason, [getattr(block, "text", None) for block in answer.content]) == (
        stopped,
        texts,
    )
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (30, 9)


def test_a_question_and_its_answer_come_through_both_conversions_unchanged() -> None:
    asked = {
        "model": "qwen",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ=="}}],
            },
        ],
        "max_tokens": 9,
        "stop": ["END"],
        "temperature": 0.5,
        "reasoning_effort": "low",
        "user": "u1",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    there = from_chat(json.dumps(asked).encode(), most_tokens=1).body
    assert json.loads(to_chat(there, model="qwen")) == asked
    events = through(FromChat(), chunks(*LOCAL))
    back = through(ToChat(created=1, includes_usage=True), events)
    assert (
        "".join(
            choice["delta"].get("content") or ""
            for line in back.splitlines()
            if line.startswith(b"data: {")
            for choice in json.loads(line[6:])["choices"]
        )
        == "Hellö"
    )
    assert json.loads(back.splitlines()[-4][6:])["usage"]["prompt_tokens"] == 30


PLAIN: dict[str, Any] = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tools": [{"name": "t", "input_schema": {}}]}, "tools"),
        ({"thinking": {"type": "adaptive"}}, "thinking.type"),
        ({"top_k": 4}, "top_k"),
        ({"context_management": {}}, "context_management"),
        ({"messages": [*PLAIN["messages"], {"role": "assistant", "content": "{"}]}, "messages.1"),
        (
            {"messages": [{"role": "user", "content": [{"type": "document", "source": {}}]}]},
            "messages.0.content.0",
        ),
        ({"output_config": {"task_budget": 1}}, "output_config.task_budget"),
    ],
)
def test_what_a_local_model_cannot_be_asked_is_refused_by_the_name_of_its_field(
    fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(UnconvertibleError) as caught:
        to_chat(json.dumps(PLAIN | fields).encode(), model="qwen")
    assert (caught.value.where, caught.value.status) == (named, 400)


def test_where_a_cache_may_begin_is_not_told_to_a_local_model() -> None:
    block = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    asked = {**PLAIN, "system": [block], "thinking": {"type": "disabled"}, "tools": []}
    assert json.loads(to_chat(json.dumps(asked).encode(), model="qwen")) == {
        "model": "qwen",
        "max_tokens": 9,
        "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "x"}],
    }
