"""Calls through the router against the same calls made directly: what is not to change is the same."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anthropic
import httpx
import pytest
import uvicorn
from llm_server import KEY as SCRIPTED_KEY
from llm_server import Reply, serving, stream

from factory_assets.llm.claude_code_door import DoorMeter
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Conversation, Turn
from factory_assets.replay.server import ReplayServer
from factory_assets.router.app import Router
from factory_assets.router.passing import Backend, passed_on
from factory_assets.router.tokens import Grant, Signer

KEY = "sk-ant-the-real-one"


@contextmanager
def served(router: Router) -> Iterator[str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    server = uvicorn.Server(uvicorn.Config(router.app(), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "router.key")


class Through:
    """A router before a replay server that lets in the real key alone."""

    def __init__(self, url: str, direct: str, router: Router, token: str, grant: Grant) -> None:
        self.url, self.direct, self.router, self.token, self.grant = url, direct, router, token, grant


@pytest.fixture
def through(tmp_path: Path) -> Iterator[Through]:
    recordings = Recordings.of(Conversation(repo="word-count", build=(Turn(say="Done."),)))
    with ReplayServer(recordings=recordings, accepted_keys=frozenset({KEY})) as server:
        router = Router(
            backend=Backend("anthropic", server.url, ("x-api-key", KEY)),
            signer=Signer(tmp_path / "router.key"),
            clock=lambda: datetime.now(UTC),
        )
        grant = Grant(
            repo="word-count", phase="build", limit_usd=1.0, until=datetime.now(UTC) + timedelta(hours=1)
        )
        with served(router) as url:
            yield Through(url, server.url, router, router.signer.issue(grant), grant)


ASK = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hello"}],
    "unknown": 1,
}


def test_an_errors_words_status_and_headers_pass_unchanged(through: Through) -> None:
    asked = {**ASK, "max_tokens": -1}
    direct = httpx.post(f"{through.direct}/v1/messages", json=asked, headers={"x-api-key": KEY})
    routed = httpx.post(f"{through.url}/v1/messages", json=asked, headers={"x-api-key": through.token})
    assert routed.status_code == direct.status_code == 400
    assert routed.json()["error"] == direct.json()["error"]
    assert routed.headers.keys() - {"date"} >= {"anthropic-ratelimit-requests-remaining", "request-id"}


def test_without_a_token_nothing_is_asked(through: Through) -> None:
    for headers in ({}, {"x-api-key": KEY}, {"authorization": "Bearer x"}):
        answer = httpx.post(f"{through.url}/v1/messages", json=ASK, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")


def test_no_credential_of_the_caller_goes_further() -> None:
    raw = [
        (b"X-Api-Key", b"a"),
        (b"Authorization", b"b"),
        (b"Connection", b"x-slip"),
        (b"X-Slip", b"c"),
        (b"anthropic-beta", b"d"),
    ]
    assert passed_on(raw) == [(b"anthropic-beta", b"d")]


def test_the_sdk_counts_tokens_through_it(through: Through) -> None:
    def count(url: str, key: str) -> int:
        with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as client:
            asked = client.messages.count_tokens(
                model="claude-haiku-4-5", messages=[{"role": "user", "content": "hello"}]
            )
            return asked.input_tokens

    assert count(through.url, through.token) == count(through.direct, KEY) > 0


@contextmanager
def before(
    reply: Reply, signer: Signer, *, limit_usd: float = 1.0
) -> Iterator[tuple[str, str, str, DoorMeter]]:
    """A scripted API: its address, the router's before it, a token for that, and what the token's calls cost."""
    until = datetime.now(UTC) + timedelta(hours=1)
    grant = Grant(repo="word-count", phase="build", limit_usd=limit_usd, until=until)
    with serving(reply) as server:
        backend = Backend("anthropic", server.url, ("authorization", f"Bearer {SCRIPTED_KEY}"))
        router = Router(backend=backend, signer=signer, clock=lambda: datetime.now(UTC))
        with served(router) as url:
            yield server.url, url, signer.issue(grant), router.meter(grant)


def streamed(url: str, key: str) -> tuple[int, bytes]:
    headers = {"authorization": f"Bearer {key}", "anthropic-beta": "a,b"}
    with httpx.stream(
        "POST", f"{url}/v1/messages?beta=true", json={**ASK, "stream": True}, headers=headers
    ) as answer:
        return answer.status_code, b"".join(answer.iter_raw())


def test_a_stream_comes_through_byte_by_byte_and_is_counted(signer: Signer) -> None:
    with before(Reply(events=stream("ü" * 5000)), signer) as (direct, routed, token, meter):
        assert streamed(routed, token) == streamed(direct, SCRIPTED_KEY)
        assert (meter.usage.input_tokens, meter.usage.output_tokens) == (100, 50)
        assert meter.usage.cost_usd > 0


def test_a_stream_that_breaks_off_breaks_off_for_the_caller_too_and_is_estimated(signer: Signer) -> None:
    with before(Reply(events=stream("half", stop=None)), signer) as (_, routed, token, meter):
        status, content = streamed(routed, token)
        assert (status, b"half" in content, b"message_stop" in content) == (200, True, False)
        assert meter.usage.output_tokens >= 1000


def test_a_grant_that_is_used_up_is_told_so_in_the_apis_form(signer: Signer) -> None:
    with before(Reply(events=stream("{}")), signer, limit_usd=0.0) as (_, routed, token, _):
        assert streamed(routed, token)[0] == 200
        status, content = streamed(routed, token)
        assert status == 400
        assert b"the budget of $0.00 is used up" in content


def test_a_backend_that_is_away_is_told_as_the_api_would(signer: Signer) -> None:
    router = Router(
        backend=Backend("anthropic", "http://127.0.0.1:9", ("x-api-key", "x")),
        signer=signer,
        clock=lambda: datetime.now(UTC),
    )
    grant = Grant(
        repo="word-count", phase="build", limit_usd=1.0, until=datetime.now(UTC) + timedelta(hours=1)
    )
    with served(router) as url:
        status, content = streamed(url, signer.issue(grant))
    assert status == 502
    assert b"anthropic cannot be reached" in content
