"""A router under load that is restarted, whose backends come and go, and whose memory is tried."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import psutil
import pytest
from messages_api import MODEL, MessagesApi, Reply, end, error, messages_api, start, stream, text, usage
from pydantic import SecretStr
from router_world import router_before

from factory_assets.cli.processes import free_port
from factory_assets.domain.agents import Purpose
from factory_assets.domain.builds import Usage
from factory_assets.llm.prices import cost_usd
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.client import RouterAccess, RouterPass
from factory_assets.router.whereabouts import Whereabouts

pytestmark = pytest.mark.end_to_end

ROUTER = """
import sys
from pathlib import Path
from pydantic import SecretStr
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.made import RouterConfig, router_of
from factory_assets.router.serving import serve
from factory_assets.router.whereabouts import Whereabouts
folder, api, port = sys.argv[1:]
chains = {"api": (default_backend(api, CredentialKind.API_KEY, SecretStr("x")),)}
with router_of(Whereabouts(Path(folder)), RouterConfig(chains=chains)) as router:
    serve(router, "127.0.0.1", int(port))
"""
CALLS, AT_ONCE = 100, 8
# As long as the API counts: a thousand tokens.
FILLING = "word " * 800
ONE_CALL = cost_usd(MODEL, Usage(input_tokens=1000, output_tokens=100))


@contextmanager
def router_process(folder: Path, api: MessagesApi, port: int) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-c", ROUTER, str(folder / "router"), f"http://{api.place}", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def granted(stack: ExitStack, access: RouterAccess, phase: str, limit_usd: float = 5.0) -> RouterPass:
    return stack.enter_context(
        access.open(Purpose("build", "word-count", phase), limit_usd=limit_usd, seconds=120)
    )


def echo(asked: dict[str, Any], **rest: Any) -> Reply:
    """The number of a question, whole or as a stream of a second."""
    said = asked["messages"][0]["content"].split()[0]
    if asked.get("stream"):
        events = (start(), *(text(part) for part in said), end(output_tokens=100), {"type": "message_stop"})
        return stream(*events, chunk=100, pace=0.05)
    told = {"id": "msg", "type": "message", "role": "assistant", "model": MODEL, "stop_reason": "end_turn"}
    content = [{"type": "text", "text": said}]
    return Reply(json.dumps(told | {"content": content, "usage": usage()}).encode(), **{"wait": 0.3, **rest})


async def ask(client: anthropic.AsyncAnthropic, number: int, *, streams: bool) -> str:
    """As the SDK's callers do: it tries again itself, and they where a stream breaks off."""
    said: Any = [{"role": "user", "content": f"question-{number} {FILLING}"}]
    while True:
        try:
            if not streams:
                answer = await client.messages.create(model=MODEL, max_tokens=100, messages=said)
                return "".join(block.text for block in answer.content if block.type == "text")
            heard = ""
            async with await client.messages.create(
                model=MODEL, max_tokens=100, messages=said, stream=True
            ) as events:
                async for event in events:
                    if event.type == "message_stop":
                        return heard
                    if event.type == "content_block_delta" and event.delta.type == "text_delta":
                        heard += event.delta.text
        except (anthropic.APIConnectionError, httpx2.TransportError):
            continue


def clients(access: RouterAccess, *ways: RouterPass) -> list[anthropic.AsyncAnthropic]:
    return [
        anthropic.AsyncAnthropic(
            base_url=access.url, api_key=way.token("sk-ant-"), max_retries=20, timeout=60
        )
        for way in ways
    ]


def in_thread(work: Callable[[], Awaitable[Any]]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(asyncio.run(work())), daemon=True)  # type: ignore[arg-type]
    thread.start()
    return thread, results


def rows(folder: Path) -> list[tuple[str, str, float]]:
    """Phase, outcome and dollars of every call in the journal."""
    with sqlite3.connect(folder / "router" / "calls.sqlite") as journal:
        return journal.execute("SELECT phase, outcome, cost_usd FROM calls").fetchall()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_a_restart_under_load_loses_no_call_and_no_dollar(tmp_path: Path, how: signal.Signals) -> None:
    port, limit_usd = free_port(), 12.5 * ONE_CALL
    place = Whereabouts(tmp_path / "router")
    access = place.access_to(f"http://127.0.0.1:{port}")
    with messages_api(echo) as api, ExitStack() as stack:

        async def load() -> list[str]:
            work = [ask(askers[n % len(askers)], n, streams=n % 2 == 1) for n in range(CALLS)]
            tight = [ask(scarce, CALLS + n, streams=False) for n in range(40)]
            answers = await asyncio.gather(*work, *tight, return_exceptions=True)
            return ["refused" if isinstance(a, anthropic.BadRequestError) else str(a) for a in answers]

        with router_process(tmp_path, api, port) as first:
            ways = [granted(stack, access, f"phase-{number}") for number in range(4)]
            *askers, scarce = clients(access, *ways, granted(stack, access, "scarce", limit_usd))
            thread, results = in_thread(load)
            while len(api.seen) < CALLS // 3:
                time.sleep(0.01)
            first.send_signal(how)
            first.wait(15)
        with router_process(tmp_path, api, port):
            thread.join(60)
            stack.close()
    (answers,) = results
    assert answers[:CALLS] == [f"question-{number}" for number in range(CALLS)]
    booked = rows(tmp_path)
    outcomes = Counter(outcome for _, outcome, _ in booked)
    # Each call that the API has seen is booked once; what was written down and had not gone out yet is so, too.
    assert len(api.seen) <= len(booked) <= len(api.seen) + 5 * AT_ONCE, outcomes
    assert outcomes["answered"] >= CALLS
    assert outcomes["under way"] == 0
    assert all(dollars >= ONE_CALL * 0.99 for _, outcome, dollars in booked if outcome != "no answer"), booked
    spent = sum(dollars for phase, _, dollars in booked if phase == "scarce")
    assert spent <= limit_usd * 1.05 + AT_ONCE * ONE_CALL * 1.1
    assert answers.count("refused") >= 40 - spent / ONE_CALL - AT_ONCE


def test_backends_that_go_down_in_turn_lose_no_call_and_are_left_alone_meanwhile(tmp_path: Path) -> None:
    workers = 20
    down: set[str] = set()

    def answering(name: str) -> Callable[[dict[str, Any]], Reply]:
        return lambda asked: error(529, "overloaded_error") if name in down else echo(asked, wait=0.02)

    with (
        messages_api(answering("first")) as first,
        messages_api(answering("second")) as second,
        ExitStack() as stack,
    ):
        chain = (
            default_backend(f"http://{api.place}", CredentialKind.API_KEY, SecretStr("x"), name=name)
            for name, api in (("first", first), ("second", second))
        )
        access = router_before(tmp_path, *chain)
        asking = clients(access, *(granted(stack, access, f"phase-{number}") for number in range(4)))
        is_over = threading.Event()

        async def work(worker: int) -> list[tuple[str, str]]:
            told: list[tuple[str, str]] = []
            while not is_over.is_set():
                number = worker * 10_000 + len(told)
                told.append((f"question-{number}", await ask(asking[worker % 4], number, streams=False)))
            return told

        async def load() -> list[list[tuple[str, str]]]:
            return await asyncio.gather(*(work(worker) for worker in range(workers)))

        def flip(*names: str) -> tuple[int, int]:
            before = len(first.seen), len(second.seen)
            down.clear()
            down.update(names)
            return before

        def wait_for(api: MessagesApi, more: int) -> None:
            until, before = time.monotonic() + 12, len(api.seen)
            while len(api.seen) < before + more:
                assert time.monotonic() < until
                time.sleep(0.02)

        thread, results = in_thread(load)
        wait_for(first, 50)
        seen, _ = flip("first")
        wait_for(second, 200)
        asked_while_down = len(first.seen) - seen
        _, seen = flip("second")
        wait_for(first, 200)
        asked_while_second_was_down = len(second.seen) - seen
        flip()
        wait_for(first, 50)
        is_over.set()
        thread.join(20)
        state = access.state()
    (told,) = results
    assert all(asked == answered for answers in told for asked, answered in answers)
    # Those under way when it went down, and the calls that tried it since.
    assert asked_while_down <= workers + 5
    assert asked_while_second_was_down <= workers + 5
    assert state is not None
    assert {row.status for row in state.backends if row.backend == "first"} == {"healthy"}


def megabytes(process: subprocess.Popen[bytes]) -> float:
    return float(psutil.Process(process.pid).memory_full_info().uss) / 2**20


def test_prompts_of_thirty_megabytes_leave_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    access = Whereabouts(tmp_path / "router").access_to(f"http://127.0.0.1:{port}")
    body = json.dumps(
        {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "x" * 30_000_000}]}
    ).encode()
    with messages_api() as api, router_process(tmp_path, api, port) as process, ExitStack() as stack:
        headers = {"x-api-key": granted(stack, access, "build", 1e3).token("")}

        async def round_of_three() -> list[int]:
            async with httpx.AsyncClient(base_url=access.url, timeout=60) as client:
                asked = (client.post("/v1/messages", content=body, headers=headers) for _ in range(3))
                return [answer.status_code for answer in await asyncio.gather(*asked)]

        grown: list[float] = []
        for _ in range(4):
            assert asyncio.run(round_of_three()) == [200] * 3
            api.seen.clear()
            grown.append(megabytes(process))
    # Nine more prompts of thirty megabytes.
    assert grown[-1] - grown[0] < 90, grown


def test_slow_readers_hold_up_what_the_backend_sends_and_lose_nothing_of_it(tmp_path: Path) -> None:
    port, readers = free_port(), 8
    access = Whereabouts(tmp_path / "router").access_to(f"http://127.0.0.1:{port}")
    long = stream(start(), *[text("word " * 2000)] * 4000, end(output_tokens=9), {"type": "message_stop"})
    asked = json.dumps({"model": MODEL, "max_tokens": 9, "stream": True, "messages": []}).encode()
    with messages_api(long) as api, router_process(tmp_path, api, port) as process, ExitStack() as stack:
        keys = [granted(stack, access, f"phase-{number}", 1e3).token("") for number in range(3)]
        before = megabytes(process)
        connections = []
        for number in range(readers):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {keys[number % 3]}\r\nconnection: close\r\n"
            connection.sendall(f"{head}content-length: {len(asked)}\r\n\r\n".encode() + asked)
            connections.append(connection)
        while len(api.seen) < readers:
            time.sleep(0.02)
        time.sleep(2)
        held = megabytes(process) - before
        for connection in connections:
            heard = bytearray()
            while part := connection.recv(2**20):
                heard += part
            assert heard.partition(b"\r\n\r\n")[2].endswith(long.body[-40:])
            assert len(heard) > len(long.body)
    # Of all that they have not read, 320 MB, the system takes some megabytes for each connection.
    assert held < 80
