"""The replay server over HTTP: routes, the log, shutting down, and the real clients against it."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import anthropic
import httpx
import pytest
from arxiv_api import ArxivApi
from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, query
from pydantic import BaseModel
from replay_material import KEY, SPEC, analysis, body, conversation, send, two_files, user, write

from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import LoggedRequest, ReplayServer


def test_an_unknown_path_is_404_and_logged() -> None:
    with ReplayServer(recordings=two_files()) as server:
        response = send(server.url, {"a": 1}, path="/v1/nothing?x=1")
        assert (response.status, response.error[0]) == (404, "not_found_error")
        assert server.requests == [LoggedRequest("POST", "/v1/nothing?x=1", 404)]


def test_without_arxiv_the_query_api_is_404() -> None:
    with ReplayServer(recordings=two_files()) as server:
        assert send(server.url, path="/api/query?search_query=x", method="GET").status == 404


def test_the_query_api_is_answered_by_the_player_of_arxiv() -> None:
    with ReplayServer(recordings=two_files(), arxiv=ArxivApi.sample()) as server:
        query = {"search_query": 'abs:"prefix tree"', "max_results": "5"}
        found = httpx.get(server.arxiv_url, params=query, timeout=30)
        refused = httpx.get(server.arxiv_url, params={"id_list": "nonsense"}, timeout=30)
    assert found.headers["content-type"].startswith("application/atom+xml")
    assert "CacheWeaver" in found.text
    assert refused.status_code == 400


def test_a_request_that_is_too_large_is_413() -> None:
    with ReplayServer(recordings=two_files(), max_request_bytes=1000) as server:
        response = send(server.url, body(user("x" * 3_000_000)))
    assert (response.status, response.error[0]) == (413, "request_too_large")


def test_models_are_listed_for_whoever_has_a_key() -> None:
    with ReplayServer(recordings=two_files()) as server:
        listed = send(server.url, path="/v1/models", method="GET").json
        assert "claude-sonnet-5-5" in [model["id"] for model in listed["data"]]
        assert send(server.url, path="/v1/models", method="GET", headers={}).status == 401


def test_answers_carry_the_headers_of_the_real_api() -> None:
    with ReplayServer(recordings=two_files()) as server:
        headers = send(server.url, body()).headers
    assert headers["request-id"].startswith("req_")
    assert int(headers["anthropic-ratelimit-requests-remaining"]) < int(
        headers["anthropic-ratelimit-requests-limit"]
    )


def test_a_connection_serves_several_requests() -> None:
    with ReplayServer(recordings=two_files()) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
        for stream in (False, True, False):
            data = json.dumps(body(stream=stream))
            connection.request("POST", "/v1/messages", body=data, headers=KEY)
            response = connection.getresponse()
            assert response.status == 200
            assert response.read()
        connection.close()


def test_the_pace_holds_back_each_answer() -> None:
    with ReplayServer(recordings=two_files(), pace_seconds=0.2) as server:
        start = time.monotonic()
        send(server.url, body())
        assert time.monotonic() - start >= 0.2


def test_closing_does_not_wait_for_slow_answers_or_idle_connections() -> None:
    slow = Recordings.of(conversation({"say": "Hi.", "fault": {"delay_seconds": 60}}))
    with ReplayServer(recordings=slow) as server:
        idle = http.client.HTTPConnection(urlsplit(server.url).netloc)
        idle.connect()
        waiting = Thread(target=_send_and_lose, args=(server.url,))
        waiting.start()
        time.sleep(0.1)
        start = time.monotonic()
    assert time.monotonic() - start < 20
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    idle.close()


def _send_and_lose(url: str) -> None:
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        send(url, body())


class Names(BaseModel):
    names: list[str]


def test_the_anthropic_sdk_is_served_streamed_and_not_and_with_structured_output() -> None:
    recordings = Recordings.of(analysis("each", specs=[SPEC]))
    prompt = "Task: merge\nDate: 2026-06-03\nsome-tool"
    with ReplayServer(recordings=recordings, accepted_keys=frozenset({"made-up"})) as server:
        client = anthropic.Anthropic(api_key="made-up", base_url=server.url, max_retries=0)
        message = client.messages.parse(
            model="claude-haiku-5-5",
            max_tokens=1000,
            messages=[{"role": "user", "content": prompt}],
            output_format=Names,
        )
        assert message.parsed_output == Names(names=["some-tool"])
        with client.messages.stream(
            model="claude-haiku-5-5", max_tokens=1000, messages=[{"role": "user", "content": prompt}]
        ) as stream:
            assert "".join(stream.text_stream) == '{"names": ["some-tool"]}'
            assert stream.get_final_message().usage.output_tokens > 0
        counted = client.messages.count_tokens(
            model="claude-haiku-5-5", messages=[{"role": "user", "content": prompt}]
        )
        assert counted.input_tokens > 10
        refused = anthropic.Anthropic(api_key="other", base_url=server.url, max_retries=2)
        with pytest.raises(anthropic.AuthenticationError):
            refused.messages.create(
                model="claude-haiku-5-5", max_tokens=10, messages=[{"role": "user", "content": prompt}]
            )
        assert [request.status for request in server.requests].count(401) == 1


@dataclass(frozen=True)
class Run:
    result: ResultMessage
    seconds: float


def run_claude_code(url: str, workspace: Path, home: Path, prompt: str, **options: object) -> Run:
    async def run() -> Run:
        start = time.monotonic()
        settings = ClaudeAgentOptions(
            cwd=workspace,
            model="claude-sonnet-5-5",
            setting_sources=[],
            permission_mode="acceptEdits",
            verbatim_prompts=True,
            env={
                "HOME": str(home),
                "ANTHROPIC_BASE_URL": url,
                "ANTHROPIC_API_KEY": "made-up",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
            },
            **options,
        )
        results = [
            message
            async for message in query(prompt=prompt, options=settings)
            if isinstance(message, ResultMessage)
        ]
        return Run(results[-1], time.monotonic() - start)

    return asyncio.run(run())


@pytest.mark.end_to_end
def test_the_real_claude_code_does_what_the_recording_says(tmp_path: Path) -> None:
    workspace, home = tmp_path / "work", tmp_path / "home"
    workspace.mkdir()
    home.mkdir()
    there = "{workspace}/a.txt"
    recordings = Recordings.of(
        conversation(
            {"say": "Two files.", "calls": [write("a.txt", "hello\n"), write("b.txt", "there\n")]},
            {"calls": [{"tool": "Read", "input": {"file_path": there}}]},
            {
                "calls": [
                    {
                        "tool": "Edit",
                        "input": {"file_path": there, "old_string": "hello", "new_string": "good day"},
                    },
                    {"tool": "Bash", "input": {"command": "cat a.txt b.txt > c.txt"}},
                ],
                "fault": {"http_status": 529, "headers": {"retry-after": "0"}, "times": 1},
            },
            {"say": "Done."},
        )
    )
    prompt = f"Repository: two-files\nPhase: build\nWorkspace: {workspace}\n\nBuild it."
    with ReplayServer(recordings=recordings) as server:
        run = run_claude_code(
            server.url, workspace, home, prompt, allowed_tools=["Bash", "Read", "Write", "Edit"], max_turns=15
        )
        statuses = [request.status for request in server.requests]
    assert run.result.subtype == "success"
    assert not run.result.is_error
    assert run.result.result == "Done."
    # FACTS: turns are tool calls, plus one for the last answer.
    assert run.result.num_turns == 6
    assert (workspace / "c.txt").read_text() == "good day\nthere\n"
    assert statuses == [200, 200, 529, 200, 200]
    assert run.result.usage is not None
    assert run.result.usage["cache_read_input_tokens"] > run.result.usage["cache_creation_input_tokens"] > 0


@pytest.mark.end_to_end
def test_the_real_claude_code_gets_a_structured_answer(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"specs": {"type": "array", "items": {"type": "object"}}}}
    with ReplayServer(recordings=Recordings.of(analysis("each", specs=[SPEC]))) as server:
        run = run_claude_code(
            server.url,
            tmp_path,
            tmp_path,
            "Task: analyze\nDate: 2026-06-03\n2606.00001",
            tools=[],
            max_turns=3,
            output_format={"type": "json_schema", "schema": schema},
        )
    assert run.result.structured_output == {"specs": [SPEC]}
