"""The Message Batches API through the router: what the SDK hears, what a token may, and what is booked, once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anthropic
import httpx
import pytest
from egress_world import REAL, outside_server
from layout import python_path
from messages_api import Reply, error, messages_api
from pydantic import SecretStr
from replay_material import SPEC, analysis, user
from router_world import router_before, router_to

from factory_assets.domain.agents import Purpose
from factory_assets.domain.builds import Usage
from factory_assets.llm.model_access import BATCH_HEADER
from factory_assets.llm.prices import Extras, cost_usd
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.server import ReplayServer
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.client import RouterAccess, RouterPass
from factory_assets.router.journal import Journal, spent_by
from factory_assets.router.made import RouterConfig, router_of
from factory_assets.router.serving import in_thread
from factory_assets.router.whereabouts import Whereabouts

MODEL = "claude-sonnet-5-5"
DAY = "2026-06-03"
NAME = "2026-06-03 a"


def params(day: str = DAY, **fields: Any) -> Any:
    asked = f"Date: {day}\nTask: analyze\n\n2606.00001"
    return {"model": MODEL, "max_tokens": 400, "messages": [user(asked)], **fields}


def requests(*ids: str, **fields: Any) -> list[Any]:
    return [{"custom_id": one, "params": params(**fields)} for one in ids]


@contextmanager
def granted(access: RouterAccess, *, limit_usd: float = 1.0, batches: bool = True) -> Iterator[RouterPass]:
    purpose = Purpose("analyze", None, None)
    with access.open(purpose, limit_usd=limit_usd, seconds=60, plain=True, batches=batches) as way:
        yield way


def sdk(access: RouterAccess, way: RouterPass) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=access.url, api_key=way.token("sk-ant-api03-"), max_retries=0)


@contextmanager
def replaying(*, holds: bool = False) -> Iterator[ReplayServer]:
    recordings = Recordings.of(analysis(DAY, specs=[SPEC]))
    with ReplayServer(recordings=recordings, accepted_keys=frozenset({REAL})) as server:
        server.batches.holds = holds
        yield server


@contextmanager
def world(folder: Path, *, holds: bool = False) -> Iterator[tuple[ReplayServer, RouterAccess, RouterPass]]:
    with replaying(holds=holds) as server:
        access = router_to(server.url, folder, api_key=REAL)
        with granted(access) as way:
            yield server, access, way


def answered(results: Any) -> dict[str, str]:
    return {entry.custom_id: entry.result.type for entry in results}


def test_the_sdk_makes_follows_and_reads_a_batch_through_the_router(tmp_path: Path) -> None:
    with world(tmp_path, holds=True) as (server, access, way), sdk(access, way) as client:
        made = client.messages.batches.create(requests=requests("one", "two", "three"))
        assert made.processing_status == "in_progress"
        assert made.results_url is None
        server.batches.finish(made.id, expired={"two"}, errored={"three"})
        ended = client.messages.batches.retrieve(made.id)
        assert ended.processing_status == "ended"
        assert (ended.request_counts.succeeded, ended.request_counts.expired) == (1, 1)
        told = list(client.messages.batches.results(made.id))
        assert answered(told) == {"one": "succeeded", "two": "expired", "three": "errored"}
        assert [batch.id for batch in client.messages.batches.list()] == [made.id]
        assert client.messages.batches.delete(made.id).type == "message_batch_deleted"
        with pytest.raises(anthropic.NotFoundError):
            client.messages.batches.retrieve(made.id)


def test_a_batch_that_is_cancelled_ends_with_what_was_not_answered(tmp_path: Path) -> None:
    with world(tmp_path, holds=True) as (_, access, way), sdk(access, way) as client:
        made = client.messages.batches.create(requests=requests("one"))
        assert client.messages.batches.cancel(made.id).processing_status == "canceling"
        assert client.messages.batches.retrieve(made.id).processing_status == "ended"
        assert answered(client.messages.batches.results(made.id)) == {"one": "canceled"}
        assert way.seen.usage.cost_usd == 0.0


def test_what_is_wrong_with_a_batch_is_told_in_the_apis_words_and_costs_nothing(tmp_path: Path) -> None:
    with world(tmp_path) as (_, access, way), sdk(access, way) as client:
        for ids in (["twice", "twice"], ["a" * 65], ["not this."], []):
            with pytest.raises(anthropic.BadRequestError, match="requests"):
                client.messages.batches.create(requests=requests(*ids))
        assert way.seen.usage == Usage()


def test_every_answer_has_the_bytes_of_a_direct_one_but_for_where_results_are_read(tmp_path: Path) -> None:
    with world(tmp_path, holds=True) as (server, access, way):
        shown = {"x-api-key": way.token(""), "anthropic-version": "2023-06-01"}
        direct = {"x-api-key": REAL, "anthropic-version": "2023-06-01"}
        made = httpx.post(
            f"{access.url}/v1/messages/batches", json={"requests": requests("b", "a")}, headers=shown
        ).json()
        server.batches.finish(made["id"])
        for path in ("", f"/{made['id']}", f"/{made['id']}/results", "/msgbatch_unknown"):
            own = httpx.get(f"{server.url}/v1/messages/batches{path}", headers=direct)
            routed = httpx.get(f"{access.url}/v1/messages/batches{path}", headers=shown)
            assert routed.status_code == own.status_code
            said, its_own = (_without_request_id(one.content) for one in (routed, own))
            assert said.replace(access.url.encode(), server.url.encode()) == its_own
            assert int(routed.headers["content-length"]) == len(routed.content)
            assert server.url.encode() not in routed.content


def _without_request_id(content: bytes) -> bytes:
    try:
        told = json.loads(content)
    except ValueError:
        return content
    told.pop("request_id", None)
    return json.dumps(told).encode()


def test_the_requests_bytes_and_headers_arrive_as_they_were_sent(tmp_path: Path) -> None:
    body = b'{ "requests" :[{"custom_id":"a","params":{"model":"claude-sonnet-5-5","odd":1.0}}]}'
    with messages_api(error(529, "overloaded_error")) as api:
        access = router_to(f"http://{api.place}", tmp_path, api_key=REAL)
        with granted(access) as way:
            shown = {"authorization": f"Bearer {way.token('')}", "anthropic-beta": "new-2031"}
            url = f"{access.url}/v1/messages/batches?beta=true"
            answer = httpx.post(url, content=body, headers=shown)
    assert answer.status_code == 529
    method, path, _, arrived = api.seen[-1]
    assert (method, path, arrived) == ("POST", "/v1/messages/batches?beta=true", body)
    assert api.headers["x-api-key"] == REAL
    assert "authorization" not in api.headers
    assert api.headers["anthropic-beta"] == "new-2031"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("GET", ""),
        ("GET", "/b1"),
        ("GET", "/b1/results"),
        ("POST", "/b1/cancel"),
        ("DELETE", "/b1"),
    ],
)
def test_a_token_that_does_not_allow_batches_reaches_none(tmp_path: Path, method: str, path: str) -> None:
    with outside_server() as outside:
        access = router_to(f"http://{outside.place}", tmp_path, api_key=REAL)
        with granted(access, batches=False) as way:
            for shown in (way.token(""), "none"):
                answer = httpx.request(
                    method, f"{access.url}/v1/messages/batches{path}", headers={"x-api-key": shown}
                )
                assert answer.status_code == (404 if shown != "none" else 401)
    assert outside.seen == []


@pytest.mark.parametrize("odd", ["..", "%2e%2e", "a%2f..%2f..%2fmodels", "a%3fb", "x" * 200, "%00"])
def test_what_is_no_id_of_a_batch_leads_nowhere(tmp_path: Path, odd: str) -> None:
    with outside_server() as outside:
        access = router_to(f"http://{outside.place}", tmp_path, api_key=REAL)
        with granted(access) as way:
            line = f"GET /v1/messages/batches/{odd}/results HTTP/1.1"
            head = f"{line}\r\nHost: x\r\nx-api-key: {way.token('')}\r\n\r\n"
            assert _status_of(access, head) in {b"400", b"404", b"405"}
    assert outside.seen == []


def _status_of(access: RouterAccess, request: str) -> bytes:
    host, port = access.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.encode())
        return connection.recv(100).split(b" ")[1]


def half_price(usage: Any, model: str = MODEL) -> float:
    counted = Usage(
        calls=1,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_input_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens,
    )
    half = cost_usd(model, counted, Extras(batch=True))
    assert half == pytest.approx(cost_usd(model, counted) / 2)
    return half


def test_a_batch_is_booked_at_the_most_it_can_cost_and_then_once_at_half_of_what_it_did(
    tmp_path: Path,
) -> None:
    with world(tmp_path, holds=True) as (server, access, way), sdk(access, way) as client:
        made = client.messages.batches.create(requests=requests("one", "two"))
        reserved = way.seen.usage.cost_usd
        assert reserved >= 2 * 400 * 10 / 2 / 1_000_000
        server.batches.finish(made.id, expired={"two"})
        for _ in range(3):
            (one,) = [
                entry.result.message
                for entry in client.messages.batches.results(made.id)
                if entry.result.type == "succeeded"
            ]
            assert way.seen.usage.cost_usd == pytest.approx(half_price(one.usage))
            assert spent_by(access.journal, way.grant.id).cost_usd == pytest.approx(half_price(one.usage))
        assert way.seen.usage.cost_usd < reserved
        state = access.state()
        assert state is not None
        assert state.stats.total_spent_usd == pytest.approx(half_price(one.usage))


def test_results_that_are_not_read_to_their_end_leave_the_most_booked(tmp_path: Path) -> None:
    line = b'{"custom_id":"one","result":{"type":"succeeded","message":{"usage":{"output_tokens":1}}}}\n'

    def reply(_: dict[str, Any]) -> Reply:
        return Reply(b'{"id":"msgbatch_1","type":"message_batch"}')

    with messages_api(reply) as api:
        access = router_to(f"http://{api.place}", tmp_path, api_key=REAL)
        with granted(access) as way, sdk(access, way) as client:
            client.messages.batches.create(requests=requests("one"))
            reserved = way.seen.usage.cost_usd
            api.read = Reply(line + b'{"custom_id":"tw', content_type="application/x-jsonl")
            shown = {"x-api-key": way.token("")}
            url = f"{access.url}/v1/messages/batches/msgbatch_1/results"
            assert httpx.get(url, headers=shown).content.startswith(line)
            assert way.seen.usage.cost_usd == reserved
            api.read = Reply(line, content_type="application/x-jsonl")
            assert httpx.get(url, headers=shown).content == line
            assert 0 < way.seen.usage.cost_usd < reserved


def test_a_batch_that_may_cost_more_than_its_token_has_is_not_made(tmp_path: Path) -> None:
    with replaying() as server:
        access = router_to(server.url, tmp_path, api_key=REAL)
        with granted(access, limit_usd=0.01) as way, sdk(access, way) as client:
            with pytest.raises(
                anthropic.BadRequestError, match=r"may take \$0.0\d+, and of \$0.01 \$0.0000 are used"
            ):
                client.messages.batches.create(requests=requests("one", max_tokens=5000))
            assert server.batches.made == {}
            client.messages.batches.create(requests=requests("one", max_tokens=1500))
            with pytest.raises(anthropic.BadRequestError, match="are used"):
                client.messages.batches.create(requests=requests("two", max_tokens=1500))
            assert len(server.batches.made) == 1


def test_a_batch_stays_with_the_backend_that_made_it(tmp_path: Path) -> None:
    with replaying() as first, replaying() as second:
        backends = [
            default_backend(server.url, CredentialKind.API_KEY, SecretStr(REAL), name=name)
            for name, server in (("first", first), ("second", second))
        ]
        access = router_before(tmp_path / "a", *backends)
        with granted(access) as way, sdk(access, way) as client:
            made = client.messages.batches.create(requests=requests("one"))
        other = router_before(tmp_path / "a", *reversed(backends))
        with granted(other) as way, sdk(other, way) as client:
            assert answered(client.messages.batches.results(made.id)) == {"one": "succeeded"}
        gone = router_before(tmp_path / "a", backends[1])
        refused = pytest.raises(anthropic.NotFoundError, match="the backend first")
        with granted(gone) as way, sdk(gone, way) as client, refused:
            client.messages.batches.retrieve(made.id)
        assert second.requests == []


def test_a_subscription_makes_no_batch_and_a_local_model_has_none(tmp_path: Path) -> None:
    with outside_server() as outside:
        url = f"http://{outside.place}"
        subscribed = default_backend(url, CredentialKind.OAUTH_TOKEN, SecretStr(REAL))
        access = router_before(tmp_path, subscribed)
        with granted(access) as way, sdk(access, way) as client:
            with pytest.raises(anthropic.BadRequestError, match="Claude Code's own calls alone"):
                client.messages.batches.create(requests=requests("one"))
            with pytest.raises(anthropic.BadRequestError, match="Claude Code's own calls alone"):
                client.messages.batches.retrieve("msgbatch_1")
    assert outside.seen == []


def test_a_backend_that_fails_to_make_batches_is_left_alone_for_the_next(tmp_path: Path) -> None:
    with messages_api(error(500, "api_error")) as failing, replaying() as server:
        backends = [
            default_backend(url, CredentialKind.API_KEY, SecretStr(REAL), name=name)
            for name, url in (("first", f"http://{failing.place}"), ("second", server.url))
        ]
        access = router_before(tmp_path, *backends)
        with granted(access) as way, sdk(access, way) as client:
            for _ in range(5):
                try:
                    client.messages.batches.create(requests=requests("one"))
                except anthropic.InternalServerError:
                    continue
            assert len(server.batches.made) >= 1
            assert len(failing.seen) < 5


def router_in_a_process(folder: Path, url: str, at_kill: str, name: str = "") -> str:
    """A batch is made by a router that is killed; what the caller has heard of it."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "import test_router_batches as t\n"
        "from factory_assets.router import batches\n"
        "def die(*a, **k): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{at_kill}\n"
        "access = t.router_to(sys.argv[2], Path(sys.argv[1]), api_key=t.REAL)\n"
        "with t.granted(access) as way, t.sdk(access, way) as client:\n"
        "    print(way.grant.id, flush=True)\n"
        f"    named = {{'x-factory-batch': {name!r}}} if {name!r} else {{}}\n"
        "    asked = t.requests('one', 'two')\n"
        "    print(client.messages.batches.create(requests=asked, extra_headers=named).id, flush=True)\n"
        "    die()\n"
    )
    env = {**os.environ, "PYTHONPATH": python_path(__file__)}
    killed = subprocess.run(
        [sys.executable, "-c", code, str(folder), url], env=env, check=False, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    return killed.stdout


def test_a_batch_of_a_killed_router_is_booked_by_the_next_in_its_own_row(tmp_path: Path) -> None:
    with replaying() as server:
        grant, made = router_in_a_process(tmp_path, server.url, "").split()
        reserved = spent_by(Whereabouts(tmp_path / "router").journal, grant).cost_usd
        assert reserved > 0
        access = router_to(server.url, tmp_path, api_key=REAL)
        with granted(access) as way, sdk(access, way) as client:
            assert spent_by(access.journal, grant).cost_usd == reserved
            told = list(client.messages.batches.results(made))
            assert way.seen.usage == Usage()
        spent = spent_by(access.journal, grant)
        assert spent.cost_usd == pytest.approx(sum(half_price(e.result.message.usage) for e in told))


def test_a_batch_whose_id_a_killed_router_never_wrote_down_is_known_by_its_requests(tmp_path: Path) -> None:
    with replaying() as server:
        (grant,) = router_in_a_process(tmp_path, server.url, "batches.BatchBooks.made = die").split()
        (made,) = server.batches.made
        place = Whereabouts(tmp_path / "router")
        reserved = spent_by(place.journal, grant).cost_usd
        assert reserved > 0
        access = router_to(server.url, tmp_path, api_key=REAL)
        with granted(access) as way, sdk(access, way) as client:
            for _ in range(2):
                told = list(client.messages.batches.results(made))
            assert way.seen.usage == Usage()
        paid = sum(half_price(entry.result.message.usage) for entry in told)
        assert spent_by(access.journal, grant).cost_usd == pytest.approx(paid)


def test_a_batch_that_was_made_past_the_router_is_booked_on_whoever_reads_it_first(tmp_path: Path) -> None:
    with world(tmp_path) as (server, access, way):
        with anthropic.Anthropic(base_url=server.url, api_key=REAL) as direct:
            made = direct.messages.batches.create(requests=requests("one"))
        with sdk(access, way) as client, granted(access) as second, sdk(access, second) as again:
            told = list(client.messages.batches.results(made.id))
            assert answered(again.messages.batches.results(made.id)) == {"one": "succeeded"}
            assert way.seen.usage.cost_usd == pytest.approx(half_price(told[0].result.message.usage))
            assert second.seen.usage == Usage()


def test_a_batch_is_written_down_though_its_caller_hangs_up_meanwhile(tmp_path: Path) -> None:
    def slow(_: dict[str, Any]) -> Reply:
        return Reply(b'{"id":"msgbatch_7","type":"message_batch"}', wait=1.0)

    with messages_api(slow) as api:
        backend = default_backend(f"http://{api.place}", CredentialKind.API_KEY, SecretStr(REAL))
        place = Whereabouts(tmp_path / "router")
        with router_of(place, RouterConfig(chains={"api": (backend,)})) as router, in_thread(router) as url:
            access = place.access_to(url)
            with granted(access) as way:
                with pytest.raises(httpx.ReadTimeout):
                    httpx.post(
                        f"{url}/v1/messages/batches",
                        json={"requests": requests("one")},
                        headers={"x-api-key": way.token("")},
                        timeout=0.3,
                    )
                _until(lambda: router.batches.books.find("msgbatch_7") is not None)
    with Journal.open(place.journal) as journal:
        assert journal.spent(way.grant.id).cost_usd > 0


def _until(holds: Any) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while not holds():
        assert datetime.now(UTC) < deadline
        time.sleep(0.02)


def named(client: anthropic.Anthropic, *ids: str) -> Any:
    return client.messages.batches.create(requests=requests(*ids), extra_headers={BATCH_HEADER: NAME})


def test_of_one_name_a_batch_is_made_once_and_told_of_again(tmp_path: Path) -> None:
    with world(tmp_path, holds=True) as (server, access, way), sdk(access, way) as client:
        made = named(client, "one")
        server.batches.finish(made.id)
        again = named(client, "one")
        assert (again.id, again.processing_status) == (made.id, "ended")
        assert again.results_url is not None
        assert again.results_url.startswith(access.url)
        assert len(server.batches.made) == 1
        assert BATCH_HEADER not in server.batches.made[made.id].headers


def test_a_named_batch_that_a_killed_router_never_heard_of_is_found_at_the_api(tmp_path: Path) -> None:
    with replaying(holds=True) as server:
        die = "batches.BatchBooks.made = die"
        (grant,) = router_in_a_process(tmp_path, server.url, die, NAME).split()
        (made,) = server.batches.made
        access = router_to(server.url, tmp_path, api_key=REAL)
        with granted(access) as way, sdk(access, way) as client:
            assert named(client, "one", "two").id == made
            assert way.seen.usage == Usage()
        assert len(server.batches.made) == 1
        assert spent_by(access.journal, grant).cost_usd > 0


def test_a_named_batch_that_was_never_made_is_made_now(tmp_path: Path) -> None:
    with replaying(holds=True) as server:
        (grant,) = router_in_a_process(tmp_path, server.url, "batches.pass_on = die", NAME).split()
        assert server.batches.made == {}
        access = router_to(server.url, tmp_path, api_key=REAL)
        with granted(access) as way, sdk(access, way) as client:
            made = named(client, "one", "two")
            assert way.seen.usage.cost_usd > 0
        assert list(server.batches.made) == [made.id]
        assert spent_by(access.journal, grant) == Usage()
