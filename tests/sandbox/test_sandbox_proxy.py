"""The proxy at a sandbox's egress: what it lets through, what it puts in, what it refuses."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator

import pytest
from egress_world import Outside, access_to, ask, outside_server

from factory_assets.domain.agents import Reach
from factory_assets.sandbox.egress import EgressProxy, EgressRules
from factory_assets.sandbox.proxy_thread import open_local_egress


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are asked through such a one without a look at their address."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def outside() -> Iterator[Outside]:
    with outside_server() as server:
        yield server


@pytest.fixture
def egress(outside: Outside) -> Iterator[EgressProxy]:
    with access_to(outside) as opened:
        yield opened


def test_a_call_of_the_model_reaches_the_router_byte_by_byte(outside: Outside, egress: EgressProxy) -> None:
    """What the router rules by, it must get as the program sent it."""
    asked = ask(egress, "/v1/messages?beta=true", body=b"question", x_api_key="a-token", X_Odd="Kept")
    assert asked == (200, b"hello")
    method, path, headers, body = outside.seen[-1]
    assert (method, path, body) == ("POST", "/v1/messages?beta=true", b"question")
    assert (headers["x-api-key"], headers["X-Odd"]) == ("a-token", "Kept")


@pytest.mark.parametrize(
    "extra", ["Transfer-Encoding: odd\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n", "no colon\r\n"]
)
def test_a_request_of_unclear_length_or_form_is_refused(
    outside: Outside, egress: EgressProxy, extra: str
) -> None:
    with socket.create_connection(("127.0.0.1", egress.port), timeout=10) as client:
        client.sendall(f"POST /v1/messages HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode())
        assert client.recv(65536).startswith(b"HTTP/1.1 400")
    assert outside.seen == []


def test_a_stream_arrives_as_it_is_sent(outside: Outside, egress: EgressProxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", egress.port, timeout=10)
    connection.request("POST", "/v1/messages?slow=1", body=b"{}")
    answer = connection.getresponse()
    assert answer.read1() == b"first"
    outside.first_heard.set()
    assert answer.read() == b"second"
    connection.close()


def test_a_client_that_hangs_up_ends_the_request_outside(outside: Outside, egress: EgressProxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", egress.port, timeout=10)
    connection.request("POST", "/v1/messages?slow=forever", body=b"{}")
    answer = connection.getresponse()
    assert answer.read1() == b"first"
    answer.close()
    connection.close()
    assert outside.hung_up.wait(5)


def test_a_closed_proxy_ends_what_is_under_way_without_a_word(
    outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    with access_to(outside) as egress:
        connection = http.client.HTTPConnection("127.0.0.1", egress.port, timeout=10)
        connection.request("POST", "/v1/messages?slow=forever", body=b"{}")
        assert connection.getresponse().read1() == b"first"
    assert outside.hung_up.wait(5)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", egress.port), timeout=2)
    connection.close()
    assert caplog.records == []


def test_a_router_that_is_gone_is_a_server_error_that_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    with open_local_egress(EgressRules(Reach(), f"http://127.0.0.1:{closed}")) as egress:
        status, body = ask(egress, "/v1/messages")
    assert status == 502
    assert b"router cannot be reached" in body


def tunnel(egress: EgressProxy, place: str) -> tuple[int, bytes]:
    """Ask for a tunnel, and through it for a page."""
    with socket.create_connection(("127.0.0.1", egress.port), timeout=10) as client:
        client.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
        head = client.recv(65536)
        status = int(head.split()[1])
        if status != 200:
            return status, head
        client.sendall(b"GET /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return status, b"".join(iter(lambda: client.recv(65536), b""))


def test_a_tunnel_leads_to_a_place_that_is_named_with_its_port(outside: Outside) -> None:
    with access_to(outside, hosts=(outside.place,)) as egress:
        status, answer = tunnel(egress, outside.place)
    assert (status, answer[-5:]) == (200, b"hello")
    assert outside.seen[-1][1] == "/page"


@pytest.mark.parametrize(
    "place", ["example.com:443", "pypi.org:22", "evil-pypi.org:443", "pypi.org.evil.com:443", "127.0.0.1:443"]
)
def test_a_tunnel_to_anything_else_is_refused_and_told_once(outside: Outside, place: str) -> None:
    with access_to(outside, hosts=("pypi.org",)) as egress:
        assert [tunnel(egress, place)[0] for _ in range(2)] == [403, 403]
    assert egress.log.refused.all == (place,)


def test_a_name_within_reach_that_leads_to_this_machine_is_refused(outside: Outside) -> None:
    with access_to(outside, hosts=("localhost",)) as egress:
        assert tunnel(egress, "localhost:443")[0] == 403
    assert egress.log.refused.all == ("localhost:443 (its address is a private one)",)


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[fd00::1]"],
)
def test_private_addresses_are_refused_even_within_reach(outside: Outside, address: str) -> None:
    with access_to(outside, hosts=(address.strip("[]"),)) as egress:
        assert tunnel(egress, f"{address}:443")[0] == 403


def test_plain_http_goes_to_named_places_only_and_without_the_proxys_form(outside: Outside) -> None:
    with access_to(outside, hosts=(outside.place,)) as egress:
        assert ask(egress, f"http://{outside.place}/simple/x?y=1", method="GET")[1] == b"hello"
        assert outside.seen[-1][1] == "/simple/x?y=1"
        assert outside.headers["host"] == outside.place
        assert ask(egress, "http://example.com/", method="GET")[0] == 403
        assert ask(egress, "ftp://example.com/", method="GET")[0] == 400


def test_a_proxy_without_a_model_has_none() -> None:
    with open_local_egress(EgressRules(Reach())) as egress:
        assert ask(egress, "/v1/messages")[0] == 403


def test_this_machines_own_proxy_is_used_where_it_has_one(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's proxy is played by a second egress, which leads to the server."""
    with open_local_egress(EgressRules(Reach(("registry.invalid:443",)))) as company:
        monkeypatch.setenv("https_proxy", company.url)
        monkeypatch.setenv("no_proxy", "")
        with open_local_egress(EgressRules(Reach(("registry.invalid", "blocked.invalid")))) as egress:
            status, answer = tunnel(egress, "blocked.invalid:443")
    assert status == 502
    assert b"own proxy refused it with 403" in answer
    assert [line.partition(" ")[0] for line in egress.log.unreached.all] == ["blocked.invalid:443"]
    assert company.log.refused.all == ("blocked.invalid:443",)


def test_a_proxy_of_this_machine_that_cannot_serve_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://who:s3cret@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with open_local_egress(EgressRules(Reach(("registry.invalid",)))) as egress:
        status, answer = tunnel(egress, "registry.invalid:443")
    assert status == 502
    assert b"https_proxy" in answer
    assert b"SOCKS" in answer
    assert b"s3cret" not in answer


def test_no_call_waits_for_the_connection_of_the_one_before(egress: EgressProxy) -> None:
    started = time.monotonic()
    for _ in range(20):
        ask(egress, "/v1/messages")
    assert time.monotonic() - started < 20
