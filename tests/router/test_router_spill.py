"""Calls of which one backend takes none: they go to the next, but for sessions that have begun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from messages_api import MessagesApi, error, message, messages_api
from pydantic import SecretStr
from router_world import router_before

from factory_assets.domain.agents import Purpose
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend

LIMITED = error(429, "rate_limit_error")
SESSION = {"x-claude-code-session-id": "5c0e"}


@contextmanager
def two_backends(tmp_path: Path) -> Iterator[tuple[MessagesApi, MessagesApi, httpx.Client]]:
    with messages_api() as first, messages_api() as second:
        chain = tuple(
            default_backend(f"http://{api.place}", CredentialKind.API_KEY, SecretStr("x"), name=name)
            for name, api in (("first", first), ("second", second))
        )
        access = router_before(tmp_path, *chain)
        with (
            access.open(Purpose("build", "word-count", "build"), limit_usd=5, seconds=60) as way,
            httpx.Client(base_url=access.url, headers={"x-api-key": way.token("")}) as client,
        ):
            yield first, second, client


def ask(client: httpx.Client, **headers: str) -> int:
    body = {"model": "claude-haiku-5-5", "max_tokens": 10, "messages": []}
    return client.post("/v1/messages", json=body, headers=headers).status_code


def test_what_one_backend_fails_or_limits_the_next_one_answers(tmp_path: Path) -> None:
    with two_backends(tmp_path) as (first, second, client):
        first.reply = error(529, "overloaded_error")
        assert ask(client) == 200
        first.reply = LIMITED
        assert [ask(client) for _ in range(2)] == [200, 200]
        # While it says that it takes nothing, it is not asked.
        assert (len(first.seen), len(second.seen)) == (2, 3)


def test_what_no_backend_takes_is_told_in_the_last_ones_words(tmp_path: Path) -> None:
    with two_backends(tmp_path) as (first, second, client):
        first.reply, second.reply = error(529, "overloaded_error"), error(503, "api_error", "away")
        assert ask(client) == 503


def test_a_mistake_of_the_caller_is_no_reason_to_ask_another(tmp_path: Path) -> None:
    with two_backends(tmp_path) as (first, second, client):
        first.reply = error(400, "invalid_request_error")
        assert ask(client) == 400
        assert second.seen == []


def test_a_session_stays_where_it_was_answered(tmp_path: Path) -> None:
    with two_backends(tmp_path) as (first, second, client):
        assert ask(client, **SESSION) == 200
        first.reply = error(529, "overloaded_error")
        assert ask(client, **SESSION) == 529
        assert ask(client) == 200
        first.reply = message()
        assert ask(client, **SESSION) == 200
        assert len(second.seen) == 1
