"""What the bundled Claude Code asks of a gateway, by the protocol that its command `gateway` serves.

The same text: https://code.claude.com/docs/en/llm-gateway-protocol. Signing in, managed settings, telemetry and usage
limits concern a gateway that people sign in to; sandboxes are given an address and a token.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import claude_agent_sdk
import httpx
import pytest
from egress_world import REAL
from messages_api import MessagesApi, Reply, error, message, messages_api
from openai_server import local_model
from router_world import router_before, router_to

from factory_assets.domain.agents import Purpose
from factory_assets.router.backends import Backend

MODEL = "claude-haiku-5-5"
ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "two and two"}],
}
# As the bundled program writes it, line breaks included.
RULES = (
    "On \\`/v1/messages\\` pass body fields and \\`anthropic-beta\\` values\nto your upstream unchanged",
    "Pass all three through unchanged.",
    "Don't buffer SSE on the \\`stream: true\\` path.",
    "Send \\`x-should-retry: false\\` with it for a revoked or expired bearer",
    "relay that\n  \\`error.message\\`, the client's recovery (auto-compact etc.) keys on it.",
    "strip hop-by-hop headers",
    'a clean "not\n  implemented", with no retry storm.',
)


@contextmanager
def before(api: MessagesApi, folder: Path) -> Iterator[httpx.Client]:
    access = router_to(f"http://{api.place}", folder, api_key=REAL)
    with access.open(Purpose("build", "word-count", "build"), limit_usd=1.0, seconds=60) as way:
        headers = {"authorization": f"Bearer {way.token('')}"}
        with httpx.Client(base_url=access.url, headers=headers) as client:
            yield client


@pytest.mark.parametrize("rule", RULES)
def test_the_bundled_program_still_states_the_rules_that_are_held_here(rule: str) -> None:
    program = Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude"
    with program.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert content.find(rule.encode()) >= 0


def test_fields_betas_and_headers_that_nobody_knows_yet_pass_and_fail_nothing(tmp_path: Path) -> None:
    asked = json.dumps({**ASK, "safeguards": {"mode": "auto"}, "field_of_2031": [1.0]}, indent=3).encode()
    headers = {"anthropic-beta": "of-2031,safeguards-1", "x-app": "cli", "x-stainless-odd": "1", "x-odd": "1"}
    reply = json.dumps({**json.loads(message().body), "safeguard_results": [{"odd": 1.0}]}).encode()
    with messages_api(Reply(reply)) as api, before(api, tmp_path) as client:
        answer = client.post("/v1/messages?beta=true", content=asked, headers=headers)
    assert (answer.status_code, answer.content) == (200, reply)
    _, target, seen, body = api.seen[0]
    assert (target, body) == ("/v1/messages?beta=true", asked)
    for name in ("anthropic-beta", "x-app", "x-stainless-odd"):
        assert seen[name] == headers[name]


def test_a_refusal_of_safeguards_comes_back_in_the_words_that_the_client_looks_for(tmp_path: Path) -> None:
    refusal = error(400, "invalid_request_error", "safeguards: Extra inputs are not permitted")
    with messages_api(refusal) as api, before(api, tmp_path) as client:
        answer = client.post("/v1/messages", json=ASK)
    assert (answer.status_code, answer.content) == (400, refusal.body)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        (413, "request_too_large", "Request exceeds the maximum size"),
        (529, "overloaded_error", "Overloaded"),
    ],
)
def test_words_that_the_clients_recovery_keys_on_are_relayed(
    tmp_path: Path, status: int, kind: str, words: str
) -> None:
    refusal = error(status, kind, words)
    with messages_api(refusal) as api, before(api, tmp_path) as client:
        answer = client.post("/v1/messages", json=ASK)
    assert (answer.status_code, answer.content) == (status, refusal.body)


def test_a_token_that_has_ended_is_told_so_that_the_client_does_not_ask_on(tmp_path: Path) -> None:
    with messages_api(message()) as api:
        access = router_to(f"http://{api.place}", tmp_path, api_key=REAL)
        with access.open(Purpose("build", "word-count", "build"), limit_usd=1.0, seconds=60) as way:
            shown = {"authorization": f"Bearer {way.token('')}"}
        for headers in (shown, {"authorization": "Bearer made-up"}, {}):
            answer = httpx.post(f"{access.url}/v1/messages", json=ASK, headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"]["type"] == "authentication_error"
            assert answer.headers["x-should-retry"] == "false"
    assert not api.seen


def test_a_body_over_the_cap_is_too_large_and_one_in_chunks_is_taken(tmp_path: Path) -> None:
    with messages_api(message()) as api, before(api, tmp_path) as client:
        answer = client.post("/v1/messages", content=b" " * (32 * 1024 * 1024 + 1))
        assert (answer.status_code, answer.json()["error"]["type"]) == (413, "request_too_large")
        taken = client.post("/v1/messages", content=iter([json.dumps(ASK).encode()]))
        assert taken.status_code == 200
    assert len(api.seen) == 1


def test_what_concerns_one_connection_does_not_come_back(tmp_path: Path) -> None:
    whole = Reply(
        message().body, headers={"keep-alive": "timeout=5", "x-of-one": "1", "connection": "x-of-one"}
    )
    with messages_api(whole) as api, before(api, tmp_path) as client:
        answer = client.post("/v1/messages", json=ASK)
    assert answer.status_code == 200
    assert not {"keep-alive", "x-of-one"} & set(answer.headers)


def test_models_are_listed_as_the_backend_lists_them(tmp_path: Path) -> None:
    listed = json.dumps({"data": [{"id": MODEL, "display_name": "Haiku", "type": "model"}]}).encode()
    with messages_api() as api, before(api, tmp_path) as client:
        api.read = Reply(listed)
        assert client.get("/v1/models?limit=1000").content == listed
    assert api.seen[0][1] == "/v1/models?limit=1000"


def test_where_no_backend_counts_tokens_or_lists_models_that_is_said_once_and_for_all(tmp_path: Path) -> None:
    with local_model() as model:
        listed = [{"name": "qwen3", "tier": 1, "price": {"input": 1, "output": 10}}]
        told = {"name": "local", "kind": "openai", "base_url": model.base_url, "credential_kind": "none"}
        access = router_before(tmp_path, Backend.model_validate(told | {"models": listed}))
        with access.open(Purpose("analyze", None, None), limit_usd=1.0, seconds=60, plain=True) as way:
            headers = {"authorization": f"Bearer {way.token('')}"}
            counted = httpx.post(f"{access.url}/v1/messages/count_tokens", json=ASK, headers=headers)
            models = httpx.get(f"{access.url}/v1/models", headers=headers)
    assert (counted.status_code, counted.json()["error"]["type"]) == (501, "not_supported")
    assert counted.headers["x-should-retry"] == "false"
    assert (models.status_code, models.json()["error"]["type"]) == (404, "not_found_error")
    assert model.requests == []
