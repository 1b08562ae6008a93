"""The player of Claude's Messages API: as strict as the real one, and answering from recordings."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest
from replay_material import (
    KEY,
    PROMPT,
    SPEC,
    analysis,
    assistant,
    body,
    conversation,
    send,
    two_files,
    user,
)

from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import ReplayServer


@pytest.fixture
def url() -> Iterator[str]:
    with ReplayServer(recordings=two_files()) as server:
        yield server.url


def call(number: str) -> dict[str, object]:
    return {"type": "tool_use", "id": number, "name": "Write", "input": {}}


def result(number: str) -> dict[str, object]:
    return {"type": "tool_result", "tool_use_id": number, "content": "ok"}


def test_a_turn_is_answered_with_its_text_and_tool_calls(url: str) -> None:
    reply = send(url, body()).json
    text, first, second = reply["content"]
    assert text == {"type": "text", "text": "Two files."}
    assert first["input"] == {"file_path": "/somewhere/here/a.txt", "content": "hello\n"}
    assert first["id"] != second["id"]
    assert reply["stop_reason"] == "tool_use"
    assert (reply["role"], reply["model"]) == ("assistant", "claude-sonnet-5-5")


def test_the_turn_is_the_number_of_answers_so_far(url: str) -> None:
    answered = [user(PROMPT), assistant([call("t1")]), user([result("t1")])]
    reply = send(url, body(*answered)).json
    assert reply["content"] == [{"type": "text", "text": "Done."}]
    assert reply["stop_reason"] == "end_turn"


def test_answers_in_a_row_count_as_one(url: str) -> None:
    messages = [user(PROMPT), assistant("Hm."), assistant([call("t1")]), user([result("t1")])]
    assert send(url, body(*messages)).json["content"][0]["text"] == "Done."


def test_a_system_message_between_the_turns_is_no_answer(url: str) -> None:
    messages = [user(PROMPT), {"role": "system", "content": "The date."}]
    assert send(url, body(*messages)).json["content"][0]["text"] == "Two files."


def test_a_stream_has_the_events_of_the_real_one(url: str) -> None:
    response = send(url, body(stream=True))
    assert response.headers["content-type"].startswith("text/event-stream")
    kinds = [event["type"] for event in response.events]
    assert kinds[:4] == ["message_start", "content_block_start", "ping", "content_block_delta"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert response.events[0]["message"]["content"] == []
    assert response.events[-2]["delta"]["stop_reason"] == "tool_use"
    pieces = [
        event["delta"]["partial_json"]
        for event in response.events
        if event["type"] == "content_block_delta" and event["index"] == 1
    ]
    assert json.loads("".join(pieces)) == {"file_path": "/somewhere/here/a.txt", "content": "hello\n"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"model": None}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [assistant("Hi.")]}, 'first message must use the "user" role'),
        ({"messages": [user("Hi."), assistant("Hi.")]}, "must end with a user message"),
        ({"messages": [{"role": "robot", "content": "Hi."}]}, "messages.0.role"),
        ({"messages": [user([])]}, "non-empty content"),
        ({"messages": [user("")]}, "must be non-empty"),
        ({"messages": [user([result("t1")])]}, "unexpected `tool_use_id` found"),
        ({"messages": [user("Hi."), assistant([call("t1")]), user("So?")]}, "without `tool_result` blocks"),
        (
            {"messages": [user("Hi."), assistant([call("t1"), call("t1")]), user([result("t1")])]},
            "must be unique",
        ),
    ],
)
def test_a_malformed_request_is_refused_in_the_apis_form(
    url: str, change: dict[str, object], message: str
) -> None:
    payload = {name: value for name, value in (body() | change).items() if value is not None}
    response = send(url, payload)
    assert response.status == 400
    assert response.json["type"] == "error"
    assert response.json["request_id"] == response.headers["request-id"]
    kind, text = response.error
    assert kind == "invalid_request_error"
    assert message in text


def test_a_body_that_is_no_json_is_refused(url: str) -> None:
    assert send(url, b"{").error[0] == "invalid_request_error"


def test_an_unknown_model_is_not_found(url: str) -> None:
    response = send(url, body(model="gpt-4"))
    assert (response.status, response.error) == (404, ("not_found_error", "model: gpt-4"))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "object", "properties": {}}, "additionalProperties"),
        ({"type": "array", "items": {"type": "integer", "minimum": 1}}, "minimum"),
        ({"type": "string", "maxLength": 5}, "maxLength"),
    ],
)
def test_a_schema_that_structured_output_cannot_hold_is_refused(
    url: str, schema: dict[str, object], message: str
) -> None:
    response = send(url, body(output_config={"format": {"type": "json_schema", "schema": schema}}))
    assert response.status == 400
    assert message in response.error[1]


@pytest.mark.parametrize(
    "headers",
    [
        {"anthropic-version": "2023-06-01"},
        {"anthropic-version": "2023-06-01", "x-api-key": ""},
        {"anthropic-version": "2023-06-01", "authorization": "Bearer "},
        {"anthropic-version": "2023-06-01", "authorization": "Basic abc"},
    ],
)
def test_a_request_without_a_key_is_401(url: str, headers: dict[str, str]) -> None:
    response = send(url, body(), headers=headers)
    assert (response.status, response.error[0]) == (401, "authentication_error")


def test_a_request_without_the_version_header_is_400(url: str) -> None:
    assert "anthropic-version" in send(url, body(), headers={"x-api-key": "k"}).error[1]


def test_only_accepted_keys_are_let_in_by_either_header() -> None:
    with ReplayServer(recordings=two_files(), accepted_keys=frozenset({"right"})) as server:
        version = {"anthropic-version": "2023-06-01"}
        assert send(server.url, body(), headers=version | {"x-api-key": "right"}).status == 200
        assert send(server.url, body(), headers=version | {"authorization": "Bearer right"}).status == 200
        refused = send(server.url, body(), headers=version | {"x-api-key": "wrong"})
        assert (refused.status, refused.error) == (401, ("authentication_error", "invalid x-api-key"))


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        (PROMPT.replace("two-files", "other"), "repository 'other', phase 'build'"),
        (PROMPT.replace("build", "seo"), "repository 'two-files', phase 'seo'"),
        (PROMPT.replace("build", "polish"), "repository 'two-files', phase 'polish'"),
        (PROMPT.replace("Workspace: /somewhere/here\n", ""), "Workspace: /absolute/path"),
        ("Hello", "Found: none of them"),
        ("Task: analyze\nDate: 2026-06-03", "an analysis of 2026-06-03"),
        ("Task: guess\nDate: 2026-06-03", "analysis 2026-06-03 guess"),
        ("Task: analyze\nDate: June", "analysis June analyze"),
    ],
)
def test_a_request_that_no_recording_fits_is_told_what_was_looked_for(
    url: str, prompt: str, named: str
) -> None:
    response = send(url, body(user(prompt)))
    assert response.status == 400
    assert named in response.error[1]


def test_a_conversation_that_goes_on_after_its_last_turn_is_refused(url: str) -> None:
    messages = [user(PROMPT), assistant("1"), user("go on"), assistant("2"), user("go on")]
    assert "turn 3 of two-files build, which has 2" in send(url, body(*messages)).error[1]


def test_only_claude_code_gets_a_plain_answer_to_a_side_call(url: str) -> None:
    payload = body(user("Give this a title."), tools=[])
    assert send(url, payload).status == 400
    reply = send(url, payload, headers=KEY | {"user-agent": "claude-cli/2.1"}).json
    assert reply["content"] == [{"type": "text", "text": "OK"}]


def analyse(recordings: Recordings, prompt: str, **fields: object) -> dict[str, object]:
    with ReplayServer(recordings=recordings) as server:
        reply = send(server.url, body(user(prompt), tools=[], **fields)).json
    answer: dict[str, object] = json.loads(reply["content"][0]["text"])
    return answer


def test_an_analysis_names_only_papers_of_its_request() -> None:
    other = SPEC | {"name": "other-tool", "source_papers": ["2606.00001", "2606.00002"]}
    recordings = Recordings.of(analysis("2026-06-03", specs=[SPEC, other]))
    prompt = "Task: analyze\nDate: 2026-06-03\n[2606.00001] A paper"
    assert analyse(recordings, prompt) == {"specs": [SPEC]}
    assert analyse(recordings, prompt + "\n[2606.00002] Another") == {"specs": [SPEC, other]}


def test_a_merge_ranks_the_candidates_of_its_request_by_name() -> None:
    other = SPEC | {"name": "some-tool-too"}
    recordings = Recordings.of(analysis("2026-06-03", specs=[other, SPEC]))
    prompt = "Task: merge\nDate: 2026-06-03\n- {}"
    assert analyse(recordings, prompt.format("some-tool")) == {"names": ["some-tool"]}
    both = prompt.format("some-tool\n- some-tool-too")
    assert analyse(recordings, both) == {"names": ["some-tool-too", "some-tool"]}


def test_a_date_without_its_own_recording_is_answered_by_each() -> None:
    recordings = Recordings.of(analysis("each"), analysis("2026-06-03", specs=[SPEC]))
    assert analyse(recordings, "Task: analyze\nDate: 2026-06-04\n2606.00001") == {"specs": []}
    assert analyse(recordings, "Task: analyze\nDate: 2026-06-03\n2606.00001") == {"specs": [SPEC]}


def test_a_task_with_turns_of_its_own_is_answered_word_for_word() -> None:
    recordings = Recordings.of(analysis("each", specs=[SPEC], analyze=[{"say": '{"specs": [1]}'}]))
    assert analyse(recordings, "Task: analyze\nDate: 2026-06-04\n2606.00001") == {"specs": [1]}


def test_an_answer_longer_than_max_tokens_is_cut() -> None:
    recordings = Recordings.of(conversation({"say": "word " * 100}))
    with ReplayServer(recordings=recordings) as server:
        reply = send(server.url, body(max_tokens=10)).json
    assert reply["stop_reason"] == "max_tokens"
    assert len(reply["content"][0]["text"]) == 30


def test_an_http_fault_is_played_as_often_as_recorded() -> None:
    fault = {"http_status": 529, "message": "Overloaded", "headers": {"retry-after": "7"}, "times": 1}
    with ReplayServer(recordings=Recordings.of(conversation({"say": "Hi.", "fault": fault}))) as server:
        failed, good = send(server.url, body()), send(server.url, body())
        assert (failed.status, failed.error) == (529, ("overloaded_error", "Overloaded"))
        assert failed.headers["retry-after"] == "7"
        assert good.status == 200
        assert [request.status for request in server.requests] == [529, 200]


def test_a_fault_without_times_is_for_ever() -> None:
    fault = {"http_status": 429, "error_type": "rate_limit_error"}
    with ReplayServer(recordings=Recordings.of(conversation({"fault": fault}))) as server:
        assert {send(server.url, body()).status for _ in range(3)} == {429}


def test_a_cut_stream_ends_without_its_end() -> None:
    recordings = Recordings.of(conversation({"say": "Hi.", "fault": {"cut_after_events": 2}}))
    with ReplayServer(recordings=recordings) as server, pytest.raises(http.client.IncompleteRead) as cut:
        send(server.url, body(stream=True))
    assert cut.value.partial.count(b"event:") == 2


def test_a_malformed_event_is_no_json() -> None:
    recordings = Recordings.of(conversation({"say": "Hi.", "fault": {"malformed_event": 3}}))
    with ReplayServer(recordings=recordings) as server:
        response = send(server.url, body(stream=True))
    data = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    with pytest.raises(json.JSONDecodeError):
        json.loads(data[3])
    assert json.loads(data[4])["type"] == "content_block_stop"


def test_tokens_are_counted_from_the_real_size(url: str) -> None:
    def counted(text: str) -> int:
        payload = {"model": "claude-haiku-5-5", "messages": [user(text)]}
        found: int = send(url, payload, path="/v1/messages/count_tokens").json["input_tokens"]
        return found

    assert counted("x" * 3000) - counted("x" * 1500) == 500
