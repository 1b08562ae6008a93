"""What a hostile caller, or a hostile backend, gets out of the router: nothing."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from egress_world import REAL, ask_port
from messages_api import MessagesApi, Reply, end, message, messages_api, start, stream, text
from router_world import router_before, router_to

from factory_assets.cli.processes import free_port
from factory_assets.domain.agents import Purpose
from factory_assets.router.backends_file import default_backend
from factory_assets.router.client import RouterAccess, RouterPass
from factory_assets.router.journal import spent_by
from factory_assets.router.whereabouts import Whereabouts

ASK = {"model": "claude-haiku-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
SENT = json.dumps(ASK).encode()


@contextmanager
def granted(access: RouterAccess, phase: str = "build", *, plain: bool = False) -> Iterator[RouterPass]:
    with access.open(Purpose("build", "word-count", phase), limit_usd=5.0, seconds=60, plain=plain) as way:
        yield way


@contextmanager
def before_api(
    tmp_path: Path, reply: Reply | None = None, *, plain: bool = False
) -> Iterator[tuple[MessagesApi, RouterAccess, RouterPass]]:
    with messages_api(reply) as api:
        access = router_to(f"http://{api.place}", tmp_path, api_key=REAL)
        with granted(access, plain=plain) as way:
            yield api, access, way


def port_of(access: RouterAccess) -> int:
    return httpx.URL(access.url).port or 0


def raw(access: RouterAccess, *parts: bytes) -> bytes:
    """What is answered to these very bytes, until the router hangs up or says no more for two seconds."""
    with socket.create_connection(("127.0.0.1", port_of(access)), timeout=10) as connection:
        heard = b""
        # It hangs up on what it refuses, bytes that it has not read among it.
        with suppress(TimeoutError, ConnectionError):
            for part in parts:
                connection.sendall(part)
            connection.settimeout(2)
            while more := connection.recv(65536):
                heard += more
        return heard


def head(way: RouterPass, *lines: str, path: str = "/v1/messages", connection: str = "close") -> bytes:
    told = [
        f"POST {path} HTTP/1.1",
        "host: x",
        f"x-api-key: {way.token('')}",
        f"connection: {connection}",
        *lines,
    ]
    return "\r\n".join([*told, "", ""]).encode()


@pytest.mark.parametrize(
    "lines",
    [
        ("content-length: 5", "transfer-encoding: chunked"),
        ("transfer-encoding: chunked", "content-length: 5"),
        ("content-length: 5", "content-length: 90"),
        ("content-length: 5", "transfer-encoding: xchunked"),
        ("content-length: 5", "transfer-encoding : chunked"),
        ("content-length: +5",),
        ("transfer-encoding: chunked, identity",),
    ],
)
def test_a_request_of_two_lengths_is_never_taken_for_two_others(
    tmp_path: Path, lines: tuple[str, ...]
) -> None:
    """Whatever is made of it, what the API hears has one length, and is the one request or the other whole."""
    with before_api(tmp_path) as (api, access, way):
        second = head(way, "content-length: 2") + b"{}"
        raw(access, head(way, *lines, connection="keep-alive"), b"0\r\n\r\n", second)
    for _, _, headers, body in api.seen:
        assert "transfer-encoding" not in {name.lower() for name in headers}
        assert headers["Content-Length"] == str(len(body))
        assert body in {b"", b"0\r\n\r\n", b"{}"}


def test_what_connection_names_goes_no_further(tmp_path: Path) -> None:
    lines = (
        "connection: x-slip , X-Other",
        "x-slip: 1",
        "x-other: 1",
        "te: trailers",
        "upgrade: h2c",
        "http2-settings: AAMAAABk",
        "proxy-authorization: Basic eA==",
        f"content-length: {len(SENT)}",
    )
    with before_api(tmp_path) as (api, access, way):
        assert b" 200 " in raw(access, head(way, *lines), SENT).split(b"\r\n")[0]
    assert not {"x-slip", "x-other", "te", "upgrade", "proxy-authorization"} & api.headers.keys()


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_credentials_neither_goes_on_and_the_real_one_arrives_alone(
    tmp_path: Path, is_first: bool
) -> None:
    with before_api(tmp_path) as (api, access, way):
        lines = [f"authorization: Bearer {way.token('')}", "Authorization: Bearer sk-of-another"]
        named = lines if is_first else lines[::-1]
        raw(access, head(way, *named, "X-Api-Key: other", f"content-length: {len(SENT)}"), SENT)
    for _, _, headers, _ in api.seen:
        credentials = [
            (n.lower(), v) for n, v in headers.items() if n.lower() in {"authorization", "x-api-key"}
        ]
        assert credentials == [("x-api-key", REAL)]


@pytest.mark.parametrize(
    "line", ["x-a: b\r\n x-api-key: folded", "x-a\x00: b", "x api: b", ": b", "x-a: b\x00c"]
)
def test_a_header_that_is_none_is_refused_or_does_not_arrive(tmp_path: Path, line: str) -> None:
    with before_api(tmp_path) as (api, access, way):
        raw(access, head(way, line, f"content-length: {len(SENT)}"), SENT)
    for _, _, headers, _ in api.seen:
        assert headers["x-api-key"] == REAL
        assert not any("\x00" in name + value or " " in name for name, value in headers.items())


@pytest.mark.parametrize(
    "path", ["/v1/messages?x=1%0d%0aHost:%20evil", "/v1/messages?u=http://169.254.169.254/"]
)
def test_no_query_leads_elsewhere(tmp_path: Path, path: str) -> None:
    with before_api(tmp_path) as (api, access, way):
        ask_port(port_of(access), path, body=SENT, x_api_key=way.token(""))
        (seen,) = api.seen
    assert (seen[1], seen[2]["Host"]) == (path, api.place)


def test_an_absolute_address_in_the_request_line_leads_nowhere_else(tmp_path: Path) -> None:
    with messages_api() as other, before_api(tmp_path) as (_, access, way):
        path = f"http://{other.place}/v1/messages"
        raw(access, head(way, f"content-length: {len(SENT)}", path=path), SENT)
        assert other.seen == []


def test_a_token_opens_no_grant_of_its_own_or_of_another(tmp_path: Path) -> None:
    with before_api(tmp_path) as (_, access, way), granted(access, "review") as other:
        port = port_of(access)
        for mine in (way, other):
            assert ask_port(port, "/v1/messages", body=SENT, x_api_key=mine.token(""))[0] == 200
        for grant in (way.grant, other.grant):
            for method in ("GET", "DELETE"):
                status, body = ask_port(
                    port, f"/v1/grants/{grant.id}", method=method, x_api_key=way.token("")
                )
                assert (status, b"usage" in body) == (401, False)
        for path in ("/stats", "/metrics", "/v1/backends", "/v1/windows", "/v1/grants"):
            assert ask_port(port, path, method="GET", authorization=f"Bearer {way.token('')}")[0] == 401
        assert other.seen.usage.calls == 1


def test_the_dollars_of_one_phase_are_not_anothers(tmp_path: Path) -> None:
    with before_api(tmp_path) as (_, access, way), granted(access, "review") as other:
        ask_port(port_of(access), "/v1/messages", body=SENT, x_api_key=way.token(""))
        assert (way.seen.usage.calls, other.seen.usage.calls) == (1, 0)


@pytest.mark.parametrize("streams", [False, True])
def test_after_its_phase_a_token_asks_nothing_though_another_phase_goes_on(
    tmp_path: Path, streams: bool
) -> None:
    with before_api(tmp_path) as (api, access, _):
        with granted(access, "seo") as ended:
            ask_port(port_of(access), "/v1/messages", body=SENT, x_api_key=ended.token(""))
        body = json.dumps({**ASK, "stream": streams}).encode()
        for path in ("/v1/messages", "/v1/messages/count_tokens", "/v1/chat/completions"):
            status, told = ask_port(port_of(access), path, body=body, x_api_key=ended.token(""))
            assert (status, b"authentication_error" in told) == (401, True)
        assert len(api.seen) == 1


def test_a_token_stays_ended_where_it_was_never_used_and_at_the_next_router(tmp_path: Path) -> None:
    with before_api(tmp_path) as (api, access, way):
        with granted(access, "seo") as unused:
            pass
        with granted(access, "review") as used:
            assert ask_port(port_of(access), "/v1/messages", body=SENT, x_api_key=used.token(""))[0] == 200
        second = router_to(f"http://{api.place}", tmp_path, api_key=REAL)
        for port in (port_of(access), port_of(second)):
            for ended in (unused, used):
                assert ask_port(port, "/v1/messages", body=SENT, x_api_key=ended.token(""))[0] == 401
            assert ask_port(port, "/v1/messages", body=SENT, x_api_key=way.token(""))[0] == 200


def test_a_token_that_is_changed_in_one_place_is_none(tmp_path: Path) -> None:
    with before_api(tmp_path) as (api, access, way):
        token = way.token("")
        for at in range(len("factory-"), len(token), 7):
            changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
            assert ask_port(port_of(access), "/v1/messages", body=SENT, x_api_key=changed)[0] == 401
        assert api.seen == []


@pytest.mark.parametrize(
    "shown", ["\xff", "factory-\xe4.\xf6", "Bearer", "Bearer  ", "factory-", "factory-.", "é" * 9000]
)
def test_no_credential_of_any_bytes_brings_the_router_down(tmp_path: Path, shown: str) -> None:
    with before_api(tmp_path) as (api, access, _):
        for path in ("/v1/messages", "/stats", "/v1/grants", "/metrics"):
            line = f"GET {path}" if path != "/v1/messages" else f"POST {path}"
            told = f"{line} HTTP/1.1\r\nhost: x\r\nx-api-key: {shown}\r\nauthorization: {shown}\r\n"
            answer = raw(
                access,
                told.encode("latin-1", "replace") + b"content-length: 2\r\nconnection: close\r\n\r\n{}",
            )
            assert answer.split(b" ")[1] in {b"401", b"400", b"431"}, answer[:200]
        assert api.seen == []


def test_the_key_stands_in_nothing_that_the_router_tells(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    echoing = Reply(b'{"type":"error","error":{"type":"authentication_error","message":"no"}}', 401)
    with before_api(tmp_path, echoing, plain=True) as (_, access, way):
        port, control = port_of(access), f"Bearer {access.signer.control()}"
        told += [
            str(ask_port(port, "/v1/messages", body=body, x_api_key=way.token("")))
            for body in (SENT, b"{", b"[]", b'{"model": 1}')
        ]
        for path in ("/stats", "/v1/backends", "/metrics", "/v1/windows", "/v1/grants", "/health"):
            status, content = ask_port(port, path, method="GET", authorization=control)
            assert status == 200
            told.append(content.decode())
        told.append(str(ask_port(port, f"/v1/grants/{way.grant.id}", method="GET", authorization=control)))
        told.append(str(ask_port(port, "/v1/feedback", body=b'{"score": "x"}', authorization=control)))
        token = way.token("")
    told.append(caplog.text)
    secret = (access.signer.file).read_bytes().hex()
    for said in told:
        assert not [hidden for hidden in (REAL, token, access.signer.control(), secret) if hidden in said]
    for file in (tmp_path / "router").iterdir():
        assert REAL.encode() not in file.read_bytes(), file.name


def test_a_backend_that_leads_elsewhere_is_not_followed_by_router_or_caller(tmp_path: Path) -> None:
    with messages_api() as other:
        leading = Reply(b"", 307, headers={"Location": f"http://{other.place}/v1/messages?key=x"})
        with before_api(tmp_path, leading) as (_, access, way):
            answer = httpx.post(
                f"{access.url}/v1/messages",
                content=SENT,
                headers={"x-api-key": way.token("")},
                follow_redirects=True,
            )
        assert other.seen == []
    assert answer.status_code == 502
    assert "location" not in answer.headers
    assert f"redirects to http://{other.place}/v1/messages" in answer.json()["error"]["message"]


class _Uncompared(bytes):
    """Bytes that nobody may compare by an operator, which stops at the first difference."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    __hash__ = bytes.__hash__


class _Shown(str):
    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return _Uncompared(super().encode(encoding, errors))

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    __hash__ = str.__hash__


def test_the_control_token_is_compared_in_constant_time(tmp_path: Path) -> None:
    signer = Whereabouts(tmp_path).signer
    assert signer.is_control(_Shown(signer.control()))
    assert not signer.is_control(_Shown("factory-x"))


def live(folder: Path) -> dict[str, str]:
    """The environment of a live instance in this folder."""
    named = {"DAGSTER_HOME": str(folder), "FACTORY_DATA_DIR": str(folder / "data")}
    return {**os.environ, **named, "FACTORY_MODE": "live", "ANTHROPIC_API_KEY": REAL, "COLUMNS": "300"}


ROUTER = [sys.executable, "-m", "factory_assets.cli", "router"]


def test_a_second_router_takes_no_address_from_the_first(tmp_path: Path) -> None:
    place = Whereabouts(tmp_path / "data" / "router")
    with messages_api() as api:
        first = router_to(f"http://{api.place}", tmp_path / "data", api_key=REAL)
        with place.told(first.url):
            done = subprocess.run(
                ROUTER, env=live(tmp_path), capture_output=True, text=True, check=False, timeout=60
            )
            found = place.find()
    assert (done.returncode, found) == (1, first)
    assert f"has a router already, at {first.url}" in done.stdout + done.stderr


def test_it_listens_on_loopback_alone_unless_told_otherwise(tmp_path: Path) -> None:
    port = free_port()
    place = Whereabouts(tmp_path / "data" / "router")
    command = [*ROUTER, "--port", str(port)]
    with subprocess.Popen(command, env=live(tmp_path), stdout=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while place.find() is None:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            listening = [
                line.split()[1]
                for table in ("/proc/net/tcp", "/proc/net/tcp6")
                for line in Path(table).read_text().splitlines()[1:]
                if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
            ]
        finally:
            process.terminate()
    assert listening == [f"0100007F:{port:04X}"]
    for name in ("key", "control.token", "calls.sqlite", "state.sqlite"):
        assert (tmp_path / "data" / "router" / name).exists(), name


def test_two_hundred_calls_at_once_are_all_answered(tmp_path: Path) -> None:
    def own(asked: dict[str, Any]) -> Reply:
        told = json.loads(message().body) | {
            "content": [{"type": "text", "text": asked["messages"][0]["content"]}]
        }
        return Reply(json.dumps(told).encode(), wait=0.05)

    async def ask(client: httpx.AsyncClient, number: int, token: str) -> tuple[int, str]:
        asked = ASK | {"messages": [{"role": "user", "content": f"question {number}"}]}
        answer = await client.post("/v1/messages", json=asked, headers={"x-api-key": token})
        assert answer.status_code == 200, answer.text
        return answer.status_code, answer.json()["content"][0]["text"]

    async def all_of_them(access: RouterAccess, tokens: list[str]) -> list[tuple[int, str]]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=access.url, timeout=60, limits=limits) as client:
            return await asyncio.gather(
                *(ask(client, number, tokens[number % len(tokens)]) for number in range(200))
            )

    with messages_api(own) as api:
        access = router_to(f"http://{api.place}", tmp_path, api_key=REAL)
        with (
            granted(access) as one,
            granted(access) as two,
            granted(access) as three,
            granted(access) as four,
        ):
            ways = (one, two, three, four)
            answers = asyncio.run(all_of_them(access, [way.token("") for way in ways]))
            counted = sum(way.seen.usage.calls for way in ways)
    assert answers == [(200, f"question {number}") for number in range(200)]
    assert counted == 200


def test_a_prompt_of_thirty_megabytes_passes_whole(tmp_path: Path) -> None:
    asked = json.dumps(ASK | {"system": "x" * 30_000_000}).encode()
    with before_api(tmp_path) as (api, access, way):
        status, _ = ask_port(port_of(access), "/v1/messages", body=asked, x_api_key=way.token(""))
    assert status == 200
    assert api.seen[0][3] == asked


def test_a_prompt_beyond_the_apis_own_bound_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with before_api(tmp_path) as (api, access, way):
        answer = raw(access, head(way, f"content-length: {10**12}"), b"{")
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert b"request_too_large" in answer
    assert api.seen == []


ODD: list[dict[str, Any]] = [
    {"model": ["x"]},
    {"model": ""},
    {"model": "\ud800"},
    {"model": "x\r\nx-slip: 1"},
    {"model": "x" * 100_000},
    {"max_tokens": 10**30},
    {"max_tokens": -5},
    {"max_tokens": float("nan")},
    {"messages": 5},
    {"messages": [5, None, [], {"role": ["user"], "content": [{"type": ["text"]}]}]},
    {"messages": [{"role": "user", "content": "\ud800"}], "system": "\udfff"},
    {"tools": "x", "thinking": [], "stream": "yes", "output_config": {"format": "\ud800"}},
    {"\ud800": 1},
]
NO_JSON = [b"{", b"", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"max_tokens": ' + b"9" * 5000 + b"}"]


@pytest.mark.parametrize("session", ["", "a-session"])
@pytest.mark.parametrize("plain", [True, False])
def test_what_is_no_request_is_left_to_the_api_to_refuse(tmp_path: Path, plain: bool, session: str) -> None:
    refusal = Reply(b'{"type":"error","error":{"type":"invalid_request_error","message":"bad"}}', 400)
    bodies = [*NO_JSON, *(json.dumps(ASK | fields).encode() for fields in ODD)]
    named = {"x_claude_code_session_id": session} if session else {}
    with before_api(tmp_path, refusal, plain=plain) as (api, access, way):
        for body in bodies:
            answer = ask_port(port_of(access), "/v1/messages", body=body, x_api_key=way.token(""), **named)
            assert answer == (400, refusal.body), body[:100]
    assert [body for *_, body in api.seen] == bodies


def test_a_call_that_cannot_be_made_leaves_nothing_under_way(tmp_path: Path) -> None:
    """A login that is gone: more such calls than a grant has places are each told so at once."""
    with messages_api() as api:
        backend = default_backend(f"http://{api.place}")
        access = router_before(tmp_path, backend, login_file=tmp_path / "gone.json")
        with granted(access) as way:
            for _ in range(10):
                status, told = ask_port(port_of(access), "/v1/messages", body=SENT, x_api_key=way.token(""))
                assert (status, b"login cannot be read" in told) == (500, True)
            assert way.seen.usage.cost_usd == 0


def test_a_subscription_counts_no_tokens_of_the_factorys_own_questions(tmp_path: Path) -> None:
    login = tmp_path / "login.json"
    login.write_text(json.dumps({"claudeAiOauth": {"accessToken": "sk-ant-oat01-mine"}}))
    with messages_api() as api:
        access = router_before(tmp_path, default_backend(f"http://{api.place}"), login_file=login)
        with granted(access, plain=True) as plain, granted(access) as agents:
            for path in ("/v1/messages", "/v1/messages/count_tokens"):
                status, _ = ask_port(port_of(access), path, body=SENT, x_api_key=plain.token(""))
                assert status in {400, 501}
            assert api.seen == []
            assert ask_port(port_of(access), "/v1/messages", body=SENT, x_api_key=agents.token(""))[0] == 200
    assert api.headers["authorization"] == "Bearer sk-ant-oat01-mine"


def test_a_backend_that_has_dropped_all_its_kept_connections_loses_no_call(tmp_path: Path) -> None:
    async def ask(client: httpx.AsyncClient, way: RouterPass) -> int:
        answer = await client.post("/v1/messages", content=SENT, headers={"x-api-key": way.token("")})
        return answer.status_code

    async def both_rounds(access: RouterAccess, ways: list[RouterPass]) -> list[int]:
        async with httpx.AsyncClient(base_url=access.url, timeout=60) as client:
            first = await asyncio.gather(*(ask(client, way) for way in ways * 8))
            return [*first, await ask(client, ways[0])]

    with forgetful_server(16) as url:
        access = router_to(url, tmp_path, api_key=REAL)
        with granted(access) as one, granted(access) as two:
            assert asyncio.run(both_rounds(access, [one, two])) == [200] * 17


@contextmanager
def forgetful_server(calls: int) -> Iterator[str]:
    """Answers one request of each connection, the first ones together, and hangs up at its second."""
    together, connections = threading.Barrier(calls), itertools.count()
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            number = next(connections)
            self.read()
            if number < calls:
                together.wait(30)
            self.wfile.write(answer)
            self.read()

        def read(self) -> None:
            size = 0
            while (line := self.rfile.readline().lower()) not in {b"\r\n", b""}:
                size = int(line.partition(b":")[2]) if line.startswith(b"content-length") else size
            self.rfile.read(size)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_an_answer_under_way_stands_in_the_journal_as_what_it_costs_if_it_is_never_heard_to_its_end(
    tmp_path: Path,
) -> None:
    """A router that is killed meanwhile settles nothing any more."""
    whole = stream(start(), text("I was about to"), end(output_tokens=5000))
    begun = replace(whole, cut=whole.body.index(b"event: message_delta"), linger=3.0)
    asked = json.dumps({**ASK, "stream": True}).encode()
    with before_api(tmp_path, begun) as (_, access, way):
        headers = {"x-api-key": way.token("")}
        with httpx.stream("POST", f"{access.url}/v1/messages", content=asked, headers=headers) as answer:
            assert next(answer.iter_raw())
            known = spent_by(access.journal, way.grant.id)
    assert (known.input_tokens, known.output_tokens) == (1000, 1000)
