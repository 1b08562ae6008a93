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
