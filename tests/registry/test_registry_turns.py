"""Over hosts that share a registry one at a time asks a server, and no sooner than the interval after the last."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from factory_assets.domain.errors import InfrastructureError, RateLimitedError
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.instance import Instance
from factory_assets.mirror.pacing import Pacing
from factory_assets.network.politeness import Politeness, SharedPoliteness
from factory_assets.registry import Patience, Registry
from factory_assets.settings import Settings

# A host of its own: its clock is minutes off, and it has nothing of the others but the address.
_HOST = """
import datetime, sys, time
off, real = float(sys.argv[1]), time.time
time.time = lambda: real() + off
from pydantic import SecretStr
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.network.clients import http_client
from factory_assets.network.politeness import SharedPoliteness
from factory_assets.network.service import Service
from factory_assets.registry import Registry

registry = Registry(PostgresPlace(SecretStr(sys.argv[2]), sys.argv[3]))
turns = SharedPoliteness(registry.turns_at("arxiv"), interval=float(sys.argv[4]))
service = Service("arXiv", turns, print, fix="", later="")
with http_client(timeout=10) as client:
    # So that the first request is as quick as the others.
    client.get(sys.argv[6] + "/unnoticed")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[5])):
    service.get(sys.argv[6])
"""


@dataclass
class StrictPeer:
    """Notes when each request came, and how many were answered at once at most."""

    url: str = ""
    came: list[float] = field(default_factory=list)
    at_work: int = 0
    most: int = 0


@contextmanager
def strict_peer(seconds: float) -> Iterator[StrictPeer]:
    """A server that answers after so many seconds. arXiv wants one request in three seconds, on one connection:
    https://info.arxiv.org/help/api/tou.html.
    """
    peer, lock = StrictPeer(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                with lock:
                    peer.came.append(time.monotonic())
                    peer.at_work += 1
                    peer.most = max(peer.most, peer.at_work)
                time.sleep(seconds)
                with lock:
                    peer.at_work -= 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    peer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def place(server: str, request: pytest.FixtureRequest) -> PostgresPlace:
    return PostgresPlace(SecretStr(server), f"turns_{abs(hash(request.node.name))}")


@pytest.fixture
def registry(place: PostgresPlace) -> Registry:
    return Registry(place)


def host(place: PostgresPlace, peer: StrictPeer, *, off: float, times: int) -> subprocess.Popen[str]:
    values = [off, place.url.get_secret_value(), place.schema, INTERVAL, times, peer.url]
    process = subprocess.Popen(
        [sys.executable, "-c", _HOST, *map(str, values)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


# Two cores have other work too, and a request may be on its way for longer than the one before.
INTERVAL, ON_ITS_WAY = 0.8, 0.25


def test_two_hosts_whose_clocks_are_minutes_apart_ask_in_turns_and_the_interval_apart(
    place: PostgresPlace, registry: Registry
) -> None:
    with strict_peer(0.1) as peer:
        hosts = [host(place, peer, off=off, times=3) for off in (-300.0, 300.0)]
        for each in hosts:
            go(each)
        for each in hosts:
            each.communicate(timeout=120)
            assert each.returncode == 0
    assert len(peer.came) == 6
    assert min(later - earlier for earlier, later in pairwise(peer.came)) >= INTERVAL - ON_ITS_WAY
    assert peer.most == 1


def test_a_killed_host_gives_its_turn_back_and_its_request_counts(
    place: PostgresPlace, registry: Registry
) -> None:
    with strict_peer(60) as slow:
        killed = host(place, slow, off=0, times=1)
        go(killed)
        while not slow.came:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        with SharedPoliteness(registry.turns_at("arxiv"), interval=INTERVAL).turn():
            assert INTERVAL - ON_ITS_WAY <= time.monotonic() - slow.came[0] < 30
        slow.at_work = 0


def test_each_server_has_its_own_turn(registry: Registry) -> None:
    with (
        registry.turns_at("arxiv").held(lambda: pytest.fail("it is free")) as arxiv,
        registry.turns_at("github").held(lambda: pytest.fail("it is free")) as github,
    ):
        arxiv.note_asked()
        assert arxiv.seconds_since_asked() < 60
        assert github.seconds_since_asked() == float("inf")


def test_whoever_waits_for_a_turn_is_told_so(registry: Registry) -> None:
    told, has = list[str](), threading.Event()

    def second() -> None:
        with registry.turns_at("mirror").held(lambda: (told.append("waits"), has.set())):
            told.append("has it")

    with registry.turns_at("mirror").held(lambda: None):
        thread = threading.Thread(target=second)
        thread.start()
        assert has.wait(60)
        assert told == ["waits"]
    thread.join(60)
    assert told == ["waits", "has it"]


def test_what_github_asked_one_host_to_wait_for_keeps_the_others_from_asking(registry: Registry) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(RateLimitedError), Pacing(registry.turns_at("mirror"), 0).turn(print):
        raise RateLimitedError("Slow down.", until=until)
    with (
        pytest.raises(RateLimitedError, match="this one asked nothing") as caught,
        Pacing(registry.turns_at("mirror"), 0).turn(print),
    ):
        pytest.fail("it asked")
    assert caught.value.until is not None
    assert abs(caught.value.until - until) < timedelta(seconds=30)


def test_mirrors_of_two_hosts_are_the_interval_apart(registry: Registry) -> None:
    told, moments = list[str](), list[float]()
    for _ in range(2):
        with Pacing(registry.turns_at("mirror"), 1.2).turn(told.append) as turn:
            turn.wait()
            moments.append(time.monotonic())
    assert moments[1] - moments[0] >= 1.15
    assert "mirrors are 1.2 s apart" in told[0]


def test_a_database_that_is_away_is_an_error_that_says_so(registry: Registry, place: PostgresPlace) -> None:
    with registry.turns_at("arxiv").held(lambda: None) as turn:
        with psycopg.connect(place.url.get_secret_value()) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND usename IS NOT NULL"
            )
        with pytest.raises(InfrastructureError, match="does not tell whose turn it is"):
            turn.note_asked()
    away = Registry(
        PostgresPlace(SecretStr("postgresql://nobody:x@127.0.0.1:9/none"), "s"), Patience(seconds=0.1)
    )
    with pytest.raises(InfrastructureError), away.turns_at("arxiv").held(lambda: None):
        pytest.fail("nobody has told that it is ours")


@pytest.mark.parametrize("ask", [lambda turns: turns.arxiv(), lambda turns: turns.at("github", seconds=2)])
def test_an_instance_takes_its_turns_where_its_registry_is(
    server: str, tmp_path: Path, ask: Callable[[object], object]
) -> None:
    alone = Instance(Settings(_env_file=None, factory_data_dir=tmp_path))
    shared = Instance(Settings(_env_file=None, factory_data_dir=tmp_path, factory_registry_url=server))
    replay = Instance(
        Settings(
            _env_file=None, factory_mode="replay", factory_data_dir=tmp_path, factory_registry_url=server
        )
    )
    assert isinstance(ask(alone.turns), Politeness)
    assert isinstance(ask(shared.turns), SharedPoliteness)
    assert isinstance(ask(replay.turns), Politeness)
