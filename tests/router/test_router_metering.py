"""What the router sees of a grant's calls and allows: the money of each, refusals, and what it cannot read."""

from __future__ import annotations

import gzip
import http.client
import json
import math
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from egress_world import REAL, ask_port
from messages_api import MODEL, MessagesApi, Reply, end, error, message, messages_api, start, stream, text
from router_world import end_routers, router_to

from factory_assets.domain.agents import Purpose
from factory_assets.domain.builds import Usage
from factory_assets.domain.refusals import Fault, Refusal
from factory_assets.llm.prices import Extras, cost_usd, dearest_cost
from factory_assets.router.asked import Asked
from factory_assets.router.client import RouterPass
from factory_assets.router.metering import GrantMeter, TrackedCall

ONE = Usage(input_tokens=1000, output_tokens=100)
PRICE = cost_usd(MODEL, ONE)


@dataclass(frozen=True)
class EgressProxy:
    """Where to ask, and the token to show."""

    port: int
    token: str


@contextmanager
def metered(
    reply: Any = None, *, limit: float = 5.0
) -> Iterator[tuple[MessagesApi, EgressProxy, RouterPass]]:
    with messages_api(reply) as api, opened(api, limit=limit) as (access, way):
        yield api, access, way


@contextmanager
def opened(api: MessagesApi, *, limit: float = 5.0) -> Iterator[tuple[EgressProxy, RouterPass]]:
    with TemporaryDirectory() as folder:
        access = router_to(f"http://{api.place}", Path(folder), api_key=REAL)
        with access.open(Purpose("build"), limit_usd=limit, seconds=60) as way:
            yield EgressProxy(urlsplit(access.url).port or 0, way.token("")), way
        end_routers()


def call(access: EgressProxy, path: str = "/v1/messages", **request: Any) -> tuple[int, bytes]:
    body = json.dumps({"model": MODEL, "max_tokens": 2000, **request}).encode()
    return ask_port(access.port, path, body=body, x_api_key=access.token)


def begun(meter: GrantMeter) -> TrackedCall:
    return meter.call(Asked.read(b"{}"), 2)


def settled(meter: RouterPass, cost: float) -> bool:
    """An answer can arrive a moment before the router has settled it."""
    deadline = time.monotonic() + 5
    while meter.seen.usage.cost_usd != pytest.approx(cost) and time.monotonic() < deadline:
        time.sleep(0.01)
    return meter.seen.usage.cost_usd == pytest.approx(cost)


def settled_between(meter: RouterPass, least: int, most: int) -> bool:
    deadline = time.monotonic() + 5
    while not least <= meter.seen.usage.output_tokens <= most and time.monotonic() < deadline:
        time.sleep(0.01)
    return least <= meter.seen.usage.output_tokens <= most


def test_an_answer_in_one_piece_costs_what_it_counts() -> None:
    counts = {"cache_read_input_tokens": 500, "cache_creation_input_tokens": 300}
    with metered(message(**counts)) as (api, access, meter):
        assert call(access) == (200, api.reply.body)
        usage = Usage(input_tokens=1000, output_tokens=100, cache_read_tokens=500, cache_write_tokens=300)
        assert settled(meter, cost_usd(MODEL, usage))
        assert meter.seen.usage.model_copy(update={"calls": 0, "cost_usd": 0.0}) == usage
        assert meter.seen.usage.calls == 1
        assert api.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("chunk", [None, 1, 7, 4096])
def test_a_stream_costs_what_its_last_counts_say_however_it_is_cut_into_pieces(chunk: int | None) -> None:
    events = (start(), text("hello " * 50), text('"message_delta" {"usage": 1}'), end(output_tokens=100))
    with metered(stream(*events, chunk=chunk)) as (api, access, meter):
        assert call(access, stream=True) == (200, api.reply.body)
        assert settled(meter, PRICE)
        assert meter.seen.usage.calls == 1


@pytest.mark.parametrize(
    ("counts", "extras"),
    [
        ({"cache_creation": {"ephemeral_1h_input_tokens": 300}}, Extras(hour_writes=300)),
        ({"server_tool_use": {"web_search_requests": 3}}, Extras(web_searches=3)),
        ({"speed": "fast"}, Extras(fast=True)),
    ],
    ids=["cache for an hour", "searches", "fast mode"],
)
def test_what_makes_a_call_dearer_is_counted(counts: dict[str, Any], extras: Extras) -> None:
    with metered(message("claude-opus-5-5", cache_creation_input_tokens=300, **counts)) as (_, access, meter):
        call(access)
        usage = ONE.model_copy(update={"cache_write_tokens": 300})
        assert settled(meter, cost_usd("claude-opus-5-5", usage, extras))
        assert meter.seen.usage.cost_usd > cost_usd("claude-opus-5-5", usage)


def test_what_other_models_did_for_an_answer_is_counted_too() -> None:
    beside = {
        "type": "advisor_message",
        "model": "claude-opus-5-5",
        "input_tokens": 1000,
        "output_tokens": 100,
    }
    own = {"type": "message", "input_tokens": 1000, "output_tokens": 100}
    with metered(message(iterations=[own, beside])) as (_, access, meter):
        call(access)
        assert settled(meter, PRICE + cost_usd("claude-opus-5-5", ONE))


def test_a_spent_budget_lets_no_further_call_pass_and_says_so() -> None:
    with metered(limit=1.5 * PRICE) as (api, access, meter):
        assert [call(access)[0] for _ in range(2)] == [200, 200]
        assert settled(meter, 2 * PRICE)
        assert not meter.seen.over_budget
        status, body = call(access)
        assert status == 400
        assert b"No further call of the model passes: the budget of $0.00 is used up" in body
        assert call(access)[0] == 400
        assert len(api.seen) == 2
        assert meter.seen.over_budget
        assert len(meter.seen.not_passed) == 1


@pytest.mark.parametrize("chunk", [None, 50])
def test_an_answer_counts_before_its_end_has_reached_the_program(chunk: int | None) -> None:
    with metered(replace(message(), chunk=chunk, linger=0.5), limit=0.5 * PRICE) as (_, access, meter):
        assert call(access)[0] == 200
        assert meter.seen.usage.cost_usd == pytest.approx(PRICE)
        assert call(access)[0] == 400


def test_a_budget_that_is_passed_by_a_twentieth_still_holds() -> None:
    with metered(limit=PRICE / 1.04) as (_, access, meter):
        call(access)
        assert settled(meter, PRICE)
        assert call(access)[0] == 200
    with metered(limit=PRICE / 1.06) as (_, access, meter):
        call(access)
        assert settled(meter, PRICE)
        assert call(access)[0] == 400


def test_a_call_under_way_counts_from_its_first_event_on() -> None:
    meter = GrantMeter(1.0)
    under_way = begun(meter)
    under_way.answered(200, "text/event-stream")
    under_way.heard(stream(start(input_tokens=50_000)).body)
    assert meter.seen.usage.input_tokens == 50_000
    assert meter.seen.usage.cost_usd > PRICE


def test_the_api_is_silent_from_the_last_part_of_an_answer_that_is_waited_for() -> None:
    meter = GrantMeter(1.0)
    assert meter.seen.silent_seconds == 0
    first = begun(meter)
    time.sleep(0.02)
    assert meter.seen.silent_seconds >= 0.02
    whole = stream(start(input_tokens=10), end(output_tokens=5)).body
    first.answered(200, "text/event-stream")
    first_event, gap, rest = whole.partition(b"\n\n")
    first.heard(first_event + gap)
    assert meter.seen.silent_seconds < 0.02
    first.heard(rest)
    first.ended()
    assert meter.seen.silent_seconds == 0


def test_errors_of_the_api_do_not_end_its_silence() -> None:
    meter = GrantMeter(1.0)
    for _ in range(2):
        failed = begun(meter)
        failed.answered(529, "application/json")
        failed.heard(b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}')
        failed.ended()
        time.sleep(0.02)
    assert meter.seen.silent_seconds >= 0.04


def test_at_most_eight_calls_are_under_way_at_once() -> None:
    with metered(Reply(message().body, wait=1.0)) as (api, access, meter):
        threads = [threading.Thread(target=call, args=(access,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(api.seen) == 12
        assert api.most == 8
        assert settled(meter, 12 * PRICE)


def test_counting_tokens_costs_nothing_and_passes_when_nothing_else_does() -> None:
    with metered(limit=0.5 * PRICE) as (api, access, meter):
        call(access)
        assert settled(meter, PRICE)
        assert call(access)[0] == 400
        assert call(access, "/v1/messages/count_tokens?beta=true")[0] == 200
        assert meter.seen.usage.calls == 1
        assert len(api.seen) == 2


def test_a_model_without_a_price_costs_what_the_one_that_was_asked_for_does() -> None:
    with metered(message("qwen-of-a-router")) as (_, access, meter):
        call(access)
        assert settled(meter, PRICE)


def test_a_model_without_a_price_that_was_asked_for_costs_what_the_dearest_does() -> None:
    with metered(message("claude-unheard-of")) as (_, access, meter):
        call(access, model="claude-unheard-of")
        assert settled(meter, dearest_cost(ONE, Extras()))
        assert meter.seen.usage.cost_usd > 50 * PRICE


def test_a_stream_that_breaks_off_costs_its_prompt_and_what_was_written() -> None:
    reply = stream(start(), *[text("word " * 20)] * 200, end(output_tokens=5), chunk=4096, cut=30_000)
    with metered(reply) as (_, access, meter):
        with pytest.raises(http.client.IncompleteRead):
            call(access, stream=True)
        assert settled_between(meter, 3000, 7500)
        assert meter.seen.usage.input_tokens == 1000


def hang_up(access: EgressProxy, **request: Any) -> int:
    """Ask, and leave without waiting for the answer; gives the size of the request."""
    body = json.dumps({"model": MODEL, **request}).encode()
    with socket.create_connection(("127.0.0.1", access.port), timeout=10) as client:
        head = (
            f"POST /v1/messages HTTP/1.1\r\nx-api-key: {access.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        client.sendall(head.encode() + body)
        time.sleep(0.2)
    return len(body)


def estimated(size: int) -> int:
    """Tokens of a request of so many bytes: a quarter, in steps of 250."""
    return math.ceil(size // 4 / 250) * 250


def test_who_hangs_up_before_the_answer_pays_for_the_most_that_was_asked_for() -> None:
    slow = Reply(message().body, wait=1.0)
    prompt = "word " * 4000
    with metered(slow) as (_, access, meter):
        size = hang_up(access, max_tokens=30_000, messages=prompt)
        assert settled(meter, cost_usd(MODEL, Usage(input_tokens=estimated(size), output_tokens=30_000)))
    with metered(slow) as (_, access, meter):
        size = hang_up(access, max_tokens=30_000, messages=prompt, stream=True)
        assert settled(meter, cost_usd(MODEL, Usage(input_tokens=estimated(size), output_tokens=1000)))


def test_a_request_that_did_not_arrive_whole_costs_nothing() -> None:
    with metered() as (api, access, meter):
        with socket.create_connection(("127.0.0.1", access.port), timeout=10) as client:
            head = f"POST /v1/messages HTTP/1.1\r\nx-api-key: {access.token}\r\nContent-Length: 100\r\n\r\n"
            client.sendall(head.encode() + b"{" * 99)
        assert call(access)[0] == 200
        assert settled(meter, PRICE)
        assert len(api.seen) == 1


@pytest.mark.parametrize("hang_up", ["close", "reset"])
def test_an_api_that_hangs_up_without_an_answer_charges_nothing(hang_up: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_hang_up, args=(server, hang_up), daemon=True).start()
        api = MessagesApi(port=server.getsockname()[1])
        with opened(api) as (access, meter):
            status, body = call(access)
            assert (status, meter.seen.usage) == (502, Usage())
    assert b"gave no answer" in body


def _hang_up(server: socket.socket, how: str) -> None:
    """Take one request whole, because bytes left unread would make every close a reset."""
    connection, _ = server.accept()
    while b"}" not in connection.recv(65536):
        pass
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_compressed_answer_is_not_passed_on_and_its_call_is_estimated() -> None:
    packed = Reply(gzip.compress(message().body), headers={"Content-Encoding": "gzip"})
    with metered(packed) as (_, access, meter):
        status, body = call(access)
        assert status == 502
        assert b"is encoded (gzip), though it was asked not to be" in body
        assert settled_between(meter, 2000, 2000)


def test_lines_too_long_to_be_read_pass_and_the_counts_after_them_are_read() -> None:
    reply = stream(start(), text("x" * 3_000_000), end(output_tokens=100))
    with metered(reply) as (_, access, meter):
        assert call(access, stream=True) == (200, reply.body)
        assert settled(meter, PRICE)


def test_an_answer_too_long_to_be_read_passes_and_costs_the_most() -> None:
    body = message().body[:-1] + b', "x": "' + b"y" * 9_000_000 + b'"}'
    with metered(Reply(body)) as (_, access, meter):
        assert call(access)[1] == body
        assert settled_between(meter, 2000, 10_000_000)


def test_a_request_larger_than_the_api_takes_is_refused() -> None:
    with (
        metered() as (api, access, _),
        socket.create_connection(("127.0.0.1", access.port), timeout=10) as client,
    ):
        head = f"POST /v1/messages HTTP/1.1\r\nx-api-key: {access.token}\r\nContent-Length: 33554433\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(65536).startswith(b"HTTP/1.1 413")
        assert api.seen == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b'{"usage": null}',
        b'{"usage": {"input_tokens": -1}}',
        b"[" * 100_000,
    ],
    ids=["none", "no JSON", "a list", "null", "no counts", "negative counts", "very deep"],
)
def test_an_answer_that_cannot_be_understood_costs_the_most_that_was_asked_for(body: bytes) -> None:
    with metered(Reply(body)) as (_, access, meter):
        assert call(access) == (200, body)
        assert settled_between(meter, 2000, 30_000)


def refused_at(meter: RouterPass) -> Refusal | None:
    """What the router saw refused, once it has read it."""
    deadline = time.monotonic() + 5
    while meter.seen.refusal is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return meter.seen.refusal


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (error(401, "authentication_error"), Fault.CREDENTIAL),
        (error(403, "permission_error"), Fault.CREDENTIAL),
        (Reply(b"blocked", 403, "text/html"), Fault.CREDENTIAL),
        (error(402, "billing_error"), Fault.CREDIT),
        (error(400, "invalid_request_error", "Your credit balance is too low to use the API."), Fault.CREDIT),
        (error(400, "invalid_request_error", "This organization has been disabled."), Fault.ACCOUNT),
        (error(404, "not_found_error", "model: claude-haiku-5-5"), Fault.MODEL),
        (Reply(b'{"detail": "Budget has been exceeded!"}', 400), Fault.USAGE_LIMIT),
        (error(429, "rate_limit_error"), Fault.RATE_LIMIT),
        (stream({"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}), Fault.RATE_LIMIT),
        (error(400, "invalid_request_error", "429 authentication_error"), Fault.NOT_UNDERSTOOD),
        (error(529, "overloaded_error"), Fault.OUTAGE),
    ],
)
def test_the_router_remembers_the_refusal_that_it_saw(reply: Reply, fault: Fault) -> None:
    with metered(reply) as (_, access, meter):
        call(access)
        refusal = refused_at(meter)
        assert refusal is not None
        assert refusal.fault is fault
        assert meter.seen.silent_seconds > 0


def test_an_answer_after_a_refusal_ends_it() -> None:
    with metered(error(529, "overloaded_error")) as (api, access, meter):
        call(access)
        assert refused_at(meter)
        api.reply = message()
        call(access)
        assert settled(meter, PRICE)
        deadline = time.monotonic() + 5
        while meter.seen.silent_seconds:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert meter.seen.refusal is None


@pytest.mark.parametrize(
    ("reply", "model", "is_doubted"),
    [
        (error(401, "authentication_error"), MODEL, True),
        (error(403, "permission_error"), MODEL, True),
        (error(400, "invalid_request_error", "This organization has been disabled."), MODEL, True),
        (error(404, "not_found_error", "model: x"), MODEL, True),
        (error(404, "not_found_error", "model: x"), "claude-another", False),
        (error(402, "billing_error"), MODEL, False),
    ],
)
def test_what_was_accepted_and_is_then_refused_is_in_doubt_alone(
    reply: Reply, model: str, is_doubted: bool
) -> None:
    """Code in a sandbox can be denied on purpose, but it cannot make an account run dry unseen."""
    with metered() as (api, access, meter):
        call(access)
        assert settled(meter, PRICE)
        api.reply = reply
        call(access, model=model)
        assert refused_at(meter) is not None
        assert meter.seen.is_doubted is is_doubted


def test_a_placeholder_that_is_wrong_is_no_refusal_of_the_api() -> None:
    with metered() as (_, access, meter):
        assert ask_port(access.port, "/v1/messages", x_api_key="sk-ant-another")[0] == 401
        assert meter.seen.refusal is None
