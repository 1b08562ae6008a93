"""Calls through the router against the same calls made directly: what is not to change is the same."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anthropic
import httpx
import pytest
from egress_world import REAL, Outside, ask_port, outside_server
from layout import python_path
from llm_server import KEY as SCRIPTED_KEY
from llm_server import Reply, serving, stream
from pydantic import SecretStr
from router_world import router_to

from factory_assets.domain.agents import Purpose, Question
from factory_assets.domain.errors import InputError
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.routed_api import RoutedApi
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Conversation, RecordedTurn
from factory_assets.replay.server import ReplayServer
from factory_assets.router.client import RouterAccess, RouterPass
from factory_assets.router.passing import passed_on

ASK = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hello"}],
    "unknown": 1,
}


@contextmanager
def granted(access: RouterAccess, *, limit_usd: float = 1.0) -> Iterator[RouterPass]:
    with access.open(Purpose("build", "word-count", "build"), limit_usd=limit_usd, seconds=60) as way:
        yield way


def port_of(access: RouterAccess) -> int:
    return httpx.URL(access.url).port or 0


@pytest.fixture
def direct() -> Iterator[str]:
    """A replay server that lets in the real key alone."""
    recordings = Recordings.of(Conversation(repo="word-count", build=(RecordedTurn(say="Done."),)))
    with ReplayServer(recordings=recordings, accepted_keys=frozenset({REAL})) as server:
        yield server.url


def test_an_errors_words_status_and_headers_pass_unchanged(direct: str, tmp_path: Path) -> None:
    asked = {**ASK, "max_tokens": -1}
    with granted(access := router_to(direct, tmp_path, api_key=REAL)) as way:
        plain = httpx.post(f"{direct}/v1/messages", json=asked, headers={"x-api-key": REAL})
        routed = httpx.post(f"{access.url}/v1/messages", json=asked, headers={"x-api-key": way.token("")})
    assert routed.status_code == plain.status_code == 400
    assert routed.json()["error"] == plain.json()["error"]
    assert routed.headers.keys() - {"date"} >= {"anthropic-ratelimit-requests-remaining", "request-id"}


def test_the_sdk_counts_tokens_through_it(direct: str, tmp_path: Path) -> None:
    def count(url: str, key: str) -> int:
        with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as client:
            asked = client.messages.count_tokens(
                model="claude-haiku-4-5", messages=[{"role": "user", "content": "hello"}]
            )
            return asked.input_tokens

    with granted(access := router_to(direct, tmp_path, api_key=REAL)) as way:
        assert count(access.url, way.token("sk-ant-api03-")) == count(direct, REAL) > 0


def test_without_a_token_nothing_is_asked(tmp_path: Path) -> None:
    with outside_server() as outside:
        port = port_of(router_to(f"http://{outside.place}", tmp_path, api_key=REAL))
        for headers in ({}, {"x_api_key": REAL}, {"authorization": "Bearer x"}, {"x_api_key": "factory-x.y"}):
            status, body = ask_port(port, "/v1/messages", **headers)
            assert (status, b"authentication_error" in body) == (401, True)
        assert outside.seen == []


@contextmanager
def before_outside(tmp_path: Path, path: str = "", **credential: str) -> Iterator[tuple[Outside, int, str]]:
    """A server that keeps what arrives, the port of the router before it, and a token for that."""
    with outside_server() as outside:
        access = router_to(f"http://{outside.place}{path}", tmp_path, **credential)
        with granted(access) as way:
            yield outside, port_of(access), way.token("")


def test_the_real_key_arrives_in_the_place_of_the_token_and_nothing_else_changes(tmp_path: Path) -> None:
    with before_outside(tmp_path, api_key=REAL) as (outside, port, token):
        sent = {"x_api_key": token, "anthropic_beta": "a,b", "Connection": "X-Mine", "X_Mine": "1", "TE": "x"}
        asked = ask_port(port, "/v1/messages?beta=true&x=%20y", body=b'{"odd" : 1.0 }', **sent)
        assert asked == (200, b"hello")
    method, path, _, body = outside.seen[-1]
    assert (method, path, body) == ("POST", "/v1/messages?beta=true&x=%20y", b'{"odd" : 1.0 }')
    seen = outside.headers
    assert (seen["x-api-key"], seen["anthropic-beta"], seen["host"]) == (REAL, "a,b", outside.place)
    assert not {"x-mine", "te", "authorization"} & seen.keys()
    assert token not in str(outside.seen)


@pytest.mark.parametrize("path", ["/v1/messages?beta=true", "/v1/messages/count_tokens?beta=true"])
def test_what_claude_codes_own_gateway_passes_on_arrives_as_it_was_sent(tmp_path: Path, path: str) -> None:
    """The headers of `claude gateway` 2.1.330; see docs/router.md."""
    sent = {
        "accept": "application/json",
        "content-type": "application/json",
        "anthropic-beta": "interleaved-thinking-2025-05-14,context-management-2025-06-27",
        "anthropic-version": "2023-06-01",
        "user-agent": "claude-cli/2.1.330 (external, cli)",
        "x-stainless-lang": "js",
        "x-stainless-retry-count": "1",
    }
    with before_outside(tmp_path, api_key=REAL) as (outside, port, token):
        body = b'{"model": "claude-sonnet-5", "context_management": {"edits": []}}'
        asked = ask_port(
            port, path, body=body, x_api_key=token, **{k.replace("-", "_"): v for k, v in sent.items()}
        )
        assert asked == (200, b"hello")
    assert (outside.seen[-1][1], outside.seen[-1][3]) == (path, body)
    assert {name: outside.headers.get(name) for name in sent} == sent


@pytest.mark.parametrize("shown", ["x_api_key", "authorization"])
def test_a_bearer_token_goes_on_as_one_however_the_caller_shows_its_own(tmp_path: Path, shown: str) -> None:
    with before_outside(tmp_path, auth_token=REAL) as (outside, port, token):
        ask_port(port, "/v1/messages", **{shown: f"Bearer {token}" if shown == "authorization" else token})
    assert outside.headers["authorization"] == f"Bearer {REAL}"
    assert "x-api-key" not in outside.headers


def test_a_foreign_key_beside_the_token_is_dropped(tmp_path: Path) -> None:
    with before_outside(tmp_path, api_key=REAL) as (outside, port, token):
        asked = ask_port(port, "/v1/messages", x_api_key=token, authorization="Bearer sk-of-another")
        assert asked[0] == 200
    assert "authorization" not in outside.headers


def test_the_path_of_a_backend_comes_first(tmp_path: Path) -> None:
    with before_outside(tmp_path, "/gateway/", api_key=REAL) as (outside, port, token):
        ask_port(port, "/v1/messages/count_tokens", x_api_key=token)
    assert outside.seen[-1][1] == "/gateway/v1/messages/count_tokens"


@pytest.mark.parametrize(
    "path",
    [
        "/api/oauth/profile",
        "/v1/../admin",
        "/v1/%2e%2e/admin",
        "/v2/messages",
        "/v1",
        "/v1/messages/batches",
        "/v1/files",
        "/v1/organizations/api_keys",
        "/v1/complete",
        "//v1/messages",
        "/v1/messages/",
    ],
)
def test_nothing_else_of_the_api_is_reached_by_a_token(tmp_path: Path, path: str) -> None:
    with before_outside(tmp_path, api_key=REAL) as (outside, port, token):
        assert ask_port(port, path, x_api_key=token)[0] in {307, 404, 405}
        assert outside.seen == []


def test_what_the_router_knows_of_grants_is_told_to_no_holder_of_one(tmp_path: Path) -> None:
    with before_outside(tmp_path, api_key=REAL) as (_, port, token):
        ask_port(port, "/v1/messages", x_api_key=token)
        for method, path in (("GET", "/v1/grants"), ("GET", "/v1/grants/x"), ("DELETE", "/v1/grants/x")):
            assert ask_port(port, path, method=method, x_api_key=token)[0] == 401


def test_a_token_is_of_no_use_once_its_run_is_over(tmp_path: Path) -> None:
    with outside_server() as outside:
        access = router_to(f"http://{outside.place}", tmp_path, api_key=REAL)
        with granted(access) as way:
            assert ask_port(port_of(access), "/v1/messages", x_api_key=way.token(""))[0] == 200
        assert ask_port(port_of(access), "/v1/messages", x_api_key=way.token(""))[0] == 401
        assert len(outside.seen) == 1


def test_no_credential_of_the_caller_goes_further() -> None:
    raw = [
        (b"X-Api-Key", b"a"),
        (b"Authorization", b"b"),
        (b"Connection", b"x-slip"),
        (b"X-Slip", b"c"),
        (b"anthropic-beta", b"d"),
    ]
    assert passed_on(raw) == [(b"anthropic-beta", b"d")]


def test_a_stream_passes_as_it_is_sent(tmp_path: Path) -> None:
    with before_outside(tmp_path, api_key=REAL) as (outside, port, token):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"x-api-key": token}
        connection.request("POST", "/v1/messages?slow=1", body=b"{}", headers=headers)
        answer = connection.getresponse()
        assert answer.read1() == b"first"
        outside.first_heard.set()
        assert answer.read() == b"second"
        connection.close()


def test_a_client_that_hangs_up_ends_the_request_outside(tmp_path: Path) -> None:
    with before_outside(tmp_path, api_key=REAL) as (outside, port, token):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"x-api-key": token}
        connection.request("POST", "/v1/messages?slow=forever", body=b"{}", headers=headers)
        answer = connection.getresponse()
        assert answer.read1()
        answer.close()
        connection.close()
        assert outside.hung_up.wait(5)


@contextmanager
def before(reply: Reply, tmp_path: Path, *, limit_usd: float = 1.0) -> Iterator[tuple[str, str, RouterPass]]:
    """A scripted API: its address, the router's before it, and a way through that."""
    with serving(reply) as server:
        access = router_to(server.url, tmp_path, auth_token=SCRIPTED_KEY)
        with granted(access, limit_usd=limit_usd) as way:
            yield server.url, access.url, way


def streamed(url: str, key: str) -> tuple[int, bytes]:
    headers = {"authorization": f"Bearer {key}", "anthropic-beta": "a,b"}
    parts: list[bytes] = []
    with httpx.stream(
        "POST", f"{url}/v1/messages?beta=true", json={**ASK, "stream": True}, headers=headers
    ) as answer:
        try:
            parts.extend(answer.iter_raw())
        except httpx.RemoteProtocolError:
            parts.append(b"[broken off]")
        return answer.status_code, b"".join(parts)


def test_a_stream_comes_through_byte_by_byte_and_is_counted(tmp_path: Path) -> None:
    with before(Reply(events=stream("ü" * 5000)), tmp_path) as (direct, routed, way):
        assert streamed(routed, way.token("")) == streamed(direct, SCRIPTED_KEY)
        seen = way.seen.usage
        assert (seen.input_tokens, seen.output_tokens) == (100, 50)
        assert seen.cost_usd > 0


def test_a_stream_that_ends_too_early_is_estimated(tmp_path: Path) -> None:
    with before(Reply(events=stream("half", stop=None)), tmp_path) as (_, routed, way):
        status, content = streamed(routed, way.token(""))
        assert (status, b"half" in content, b"message_stop" in content) == (200, True, False)
        deadline = time.monotonic() + 5
        while way.seen.usage.output_tokens < 1000:
            assert time.monotonic() < deadline


def test_a_grant_that_is_used_up_is_told_so_in_the_apis_form(tmp_path: Path) -> None:
    with before(Reply(events=stream("{}")), tmp_path, limit_usd=0.0) as (_, routed, way):
        assert streamed(routed, way.token(""))[0] == 200
        status, content = streamed(routed, way.token(""))
        assert status == 400
        assert b"the budget of $0.00 is used up" in content


def test_a_backend_that_is_away_is_told_as_the_api_would(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    with granted(access := router_to(f"http://127.0.0.1:{closed}", tmp_path, api_key="x")) as way:
        status, content = streamed(access.url, way.token(""))
    assert status == 502
    assert f"127.0.0.1:{closed} cannot be reached".encode() in content


def test_a_call_after_a_router_was_killed_finds_what_was_spent_before(tmp_path: Path) -> None:
    """Two routers of one instance share its key and its journal."""
    with before(Reply(events=stream("{}")), tmp_path) as (direct, routed, way):
        streamed(routed, way.token(""))
        spent = way.seen.usage
        second = router_to(direct, tmp_path, auth_token=SCRIPTED_KEY)
        assert streamed(second.url, way.token(""))[0] == 200
        after = RouterPass(
            way.grant, second.signer, httpx.Client(base_url="http://127.0.0.1:9"), second.journal
        )
        assert after.seen.usage.calls == 2
        assert after.seen.usage.cost_usd == pytest.approx(2 * spent.cost_usd)


_TLS = """
import os, sys
sys.path[:0] = sys.argv[2].split(os.pathsep)
from pathlib import Path
from router_world import end_routers, router_to
from test_router_passing import REAL, ask_port, granted, port_of
for host in ("localhost", "127.0.0.1"):
    with granted(access := router_to(f"https://{host}:{sys.argv[1]}", Path(sys.argv[3]), api_key=REAL)) as way:
        print(ask_port(port_of(access), "/v1/messages", x_api_key=way.token("")))
end_routers()
"""


def test_the_model_api_is_asked_with_tls_and_its_certificate_is_checked(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    making = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run([*making, "-keyout", key, "-out", certificate, *subject], check=True, capture_output=True)
    with outside_server(certificate=certificate, key=key) as outside:
        done = subprocess.run(
            [sys.executable, "-c", _TLS, str(outside.port), python_path(__file__), str(tmp_path)],
            env={**os.environ, "SSL_CERT_FILE": str(certificate), "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    answered, refused = done.stdout.splitlines()
    assert answered == "(200, b'hello')"
    assert refused.startswith("(502")
    assert "certificate verify failed" in refused


def test_a_question_goes_by_the_router_and_its_dollars_are_booked_there(direct: str, tmp_path: Path) -> None:
    access = router_to(direct, tmp_path, api_key=REAL)
    api = ClaudeApi(direct, api_key=SecretStr(REAL), retries=0)
    question = Question("rules", "papers", {"type": "object", "properties": {}}, "claude-haiku-4-5")
    with pytest.raises(InputError):
        # The replay server has no answer to such a question; a key of somebody else's would be a CredentialError.
        RoutedApi(access, api).ask(question)
    with sqlite3.connect(access.journal) as journal:
        assert journal.execute("SELECT stage, outcome FROM calls").fetchall() == [
            ("trial", "refused with 400")
        ]
