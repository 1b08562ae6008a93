"""`POST /v1/embeddings` through the whole router: by which backends, for whom, and at what cost."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from embeddings_server import MODEL, EmbeddingsServer
from json_server import Reply
from openai_server import local_model
from pydantic import SecretStr, ValidationError
from router_world import router_before

from factory_assets.domain.agents import Purpose
from factory_assets.domain.errors import InputError
from factory_assets.router.backends import Backend
from factory_assets.router.backends_file import embeddings_backend, load_backends
from factory_assets.router.client import RouterAccess, RouterPass
from factory_assets.router.journal import spent_by

KEY = "sk-of-the-embeddings-123456"
ASK: dict[str, Any] = {"model": MODEL, "input": ["a cache", "galaxies and a cache"]}


@pytest.fixture
def server() -> Iterator[EmbeddingsServer]:
    with EmbeddingsServer("cache", "galaxies", "keys") as server:
        yield server


def backend(
    url: str, name: str = "vectors", *, price: float | None = None, key: str | None = None
) -> Backend:
    opened: dict[str, Any] = {"credential": SecretStr(key)} if key else {"credential_kind": "none"}
    return Backend.model_validate(
        {
            "name": name,
            "kind": "openai",
            "base_url": f"{url}/v1",
            "embeddings": [{"name": MODEL, "price": price}],
            **opened,
        }
    )


@contextmanager
def asking(
    access: RouterAccess, *, plain: bool = True, limit_usd: float = 1.0
) -> Iterator[tuple[httpx.Client, RouterPass]]:
    with (
        access.open(Purpose("embed"), limit_usd=limit_usd, seconds=60, plain=plain) as way,
        httpx.Client(base_url=access.url, headers={"authorization": f"Bearer {way.token('')}"}) as client,
    ):
        yield client, way


def ask(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/v1/embeddings", json=ASK | fields)


def test_texts_get_their_vectors_in_order_and_their_tokens_are_counted_and_priced(
    tmp_path: Path,
) -> None:
    with (
        EmbeddingsServer("cache", "galaxies", "keys", key=KEY) as server,
        asking(router_before(tmp_path, embedders=[backend(server.url, price=20.0, key=KEY)])) as (
            client,
            way,
        ),
    ):
        answer = ask(client, user="somebody")
        assert answer.status_code == 200
        assert answer.json() == {
            "object": "list",
            "data": [
                {"object": "embedding", "index": 0, "embedding": [1.0, 0.0, 0.0]},
                {"object": "embedding", "index": 1, "embedding": [1.0, 1.0, 0.0]},
            ],
            "model": MODEL,
            "usage": {"prompt_tokens": 6, "total_tokens": 6},
        }
        usage = way.seen.usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 6, 0)
    assert usage.cost_usd == pytest.approx(6 * 20 / 1e6)
    # The token of the factory and whatever else the caller says stay here.
    assert "factory-" not in str(server.asked[0].headers)


def test_a_model_on_this_machine_costs_nothing_and_its_calls_are_counted_all_the_same(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    access = router_before(tmp_path, embedders=[embeddings_backend(server.url, MODEL)])
    with asking(access, limit_usd=0.0) as (client, way):
        assert ask(client, input="one cache").json()["data"][0]["embedding"] == [1.0, 0.0, 0.0]
        usage = way.seen.usage
    assert (usage.calls, usage.input_tokens, usage.cost_usd) == (1, 2, 0.0)
    # What stands there counts after a kill -9.
    assert spent_by(access.journal, way.grant.id) == usage


def test_openais_own_client_gets_numbers_in_base64_where_it_asks_for_them(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    access = router_before(tmp_path, embedders=[backend(server.url)])
    with asking(access) as (client, _):
        (told, _) = ask(client, encoding_format="base64").json()["data"]
    assert struct.unpack("<3f", base64.b64decode(told["embedding"])) == (1.0, 0.0, 0.0)
    assert "encoding_format" not in json.loads(server.asked[0].body)


def test_shorter_vectors_are_asked_for_and_a_server_that_makes_others_is_not_believed(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    with asking(router_before(tmp_path, embedders=[backend(server.url)])) as (client, _):
        assert [len(one["embedding"]) for one in ask(client, dimensions=2).json()["data"]] == [2, 2]
        whole = {"data": [{"index": place, "embedding": [1.0, 2.0, 3.0]} for place in (0, 1)]}
        server.next = [Reply(whole)]
        answer = ask(client, dimensions=2)
    assert answer.status_code == 502
    assert "3 dimensions, and 2 were asked for" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": [""]}, "input"),
        ({"input": [1, 2, 3]}, "input"),
        ({"input": ["a"] * 2_049}, "at most 2048"),
        ({"input": None}, "input"),
        ({"model": ""}, "model"),
        ({"dimensions": 0}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"top_k": 3}, "top_k"),
    ],
)
def test_what_is_no_such_request_is_refused_by_its_field_and_nothing_is_sent(
    tmp_path: Path, server: EmbeddingsServer, fields: dict[str, Any], words: str
) -> None:
    with asking(router_before(tmp_path, embedders=[backend(server.url)])) as (client, way):
        answer = ask(client, **fields)
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]
        assert way.seen.usage.calls == 0
    assert server.asked == []


def test_a_request_of_more_than_four_megabytes_is_refused(tmp_path: Path, server: EmbeddingsServer) -> None:
    with asking(router_before(tmp_path, embedders=[backend(server.url)])) as (client, _):
        answer = ask(client, input=["a " * 2_500_000])
    assert answer.status_code == 413
    assert server.asked == []


def test_without_a_backend_that_makes_them_the_answer_is_that_it_is_not_supported(tmp_path: Path) -> None:
    with local_model() as model:
        answers = Backend.model_validate(
            {
                "name": "local",
                "kind": "openai",
                "base_url": model.base_url,
                "credential_kind": "none",
                "models": [{"name": "qwen3", "tier": 1, "price": {"input": 0, "output": 0}}],
            }
        )
        with asking(router_before(tmp_path, answers)) as (client, _):
            answer = ask(client)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (501, "false")
    assert answer.json()["error"]["type"] == "not_supported"
    assert model.requests == []


def test_a_model_that_no_backend_has_is_404_and_named(tmp_path: Path, server: EmbeddingsServer) -> None:
    with asking(router_before(tmp_path, embedders=[backend(server.url)])) as (client, _):
        answer = ask(client, model="words-2")
    assert answer.status_code == 404
    assert "words-2" in answer.json()["error"]["message"]
    assert server.asked == []


def test_a_token_of_an_agent_and_none_at_all_open_no_embeddings(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    access = router_before(tmp_path, embedders=[backend(server.url)])
    with asking(access, plain=False) as (client, _):
        assert ask(client).status_code == 404
        client.headers["authorization"] = "Bearer nothing"
        assert ask(client).status_code == 401
    with asking(access) as (client, way):
        ended = way.token("")
    with httpx.Client(base_url=access.url, headers={"authorization": f"Bearer {ended}"}) as client:
        assert ask(client).status_code == 401
    assert server.asked == []


def test_a_call_that_its_token_has_no_dollars_for_is_refused_before_it_is_sent(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    access = router_before(tmp_path, embedders=[backend(server.url, price=1_000.0)])
    with asking(access, limit_usd=0.001) as (client, way):
        answer = ask(client)
        assert answer.status_code == 400
        assert "of $0.00 $0.0000 are used" in answer.json()["error"]["message"]
        assert way.seen.over_budget
        assert way.seen.usage.cost_usd == 0
    assert server.asked == []


def test_a_dead_backend_is_passed_over_for_the_next_one_and_alone_it_is_502(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    dead, alive = backend("http://127.0.0.1:9", "dead"), backend(server.url, "alive")
    with asking(router_before(tmp_path / "two", embedders=[dead, alive])) as (client, way):
        assert ask(client).status_code == 200
        assert way.seen.usage.calls == 1
    with asking(router_before(tmp_path / "one", embedders=[dead])) as (client, way):
        answers = [ask(client) for _ in range(5)]
        assert way.seen.usage.cost_usd == 0
    assert answers[0].status_code == 502
    # After some failures it is left alone for a while.
    assert answers[-1].status_code == 529
    assert "retry-after" in answers[-1].headers


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"data": []}),
        Reply({"data": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}]}),
        Reply({"data": [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]}),
        Reply({"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]}),
        Reply(b'{"data": [{"index": 0, "embedding": [1e999]}, {"index": 1, "embedding": [1.0]}]}'),
        Reply(b"<html>"),
        Reply({"data": [{"index": 0, "embedding": [1.0]}]}, cut=True),
    ],
)
def test_an_odd_answer_is_never_passed_on_and_is_taken_to_have_cost_what_was_sent(
    tmp_path: Path, server: EmbeddingsServer, reply: Reply
) -> None:
    server.next = [reply]
    with asking(router_before(tmp_path, embedders=[backend(server.url, price=1.0)])) as (client, way):
        answer = ask(client)
        assert answer.status_code == 502
        assert "no answer that can be passed on" in answer.json()["error"]["message"]
        assert way.seen.usage.cost_usd > 0


def test_an_error_of_the_backend_comes_back_by_its_status_and_costs_nothing(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    server.next = [Reply({"error": {"message": "slow down", "type": "requests"}}, 429, {"retry-after": "7"})]
    with asking(router_before(tmp_path, embedders=[backend(server.url, price=1.0)])) as (client, way):
        answer = ask(client)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert answer.json()["error"]["message"] == "slow down"
        assert way.seen.usage.cost_usd == 0


def test_a_server_that_counts_no_tokens_is_taken_to_have_read_what_was_sent(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    server.next = [Reply({"data": [{"index": place, "embedding": [1.0]} for place in (0, 1)]})]
    with asking(router_before(tmp_path, embedders=[backend(server.url)])) as (client, way):
        answer = ask(client)
        assert answer.json()["usage"]["prompt_tokens"] == way.seen.usage.input_tokens > 5
        assert answer.json()["model"] == MODEL


def test_its_models_stand_among_the_backends_that_the_operator_sees(
    tmp_path: Path, server: EmbeddingsServer
) -> None:
    access = router_before(tmp_path, embedders=[backend(server.url)])
    with asking(access) as (client, _):
        ask(client)
    state = access.state()
    assert state is not None
    (row,) = state.backends
    assert (row.name, row.total_requests, row.status) == (f"vectors/{MODEL}", 1, "healthy")
    assert state.stats.by_model == {MODEL: 1}
    assert state.stats.by_phase["embed"].input_tokens == 6


def test_only_a_backend_of_openais_form_makes_them_and_elsewhere_their_price_is_named(tmp_path: Path) -> None:
    fields = {"name": "x", "credential": SecretStr("k"), "embeddings": [{"name": "m"}]}
    with pytest.raises(ValidationError, match="kind openai"):
        Backend.model_validate(
            fields | {"kind": "anthropic", "base_url": "https://a.example", "any_model": True}
        )
    with pytest.raises(ValidationError, match="no price is known for m"):
        Backend.model_validate(fields | {"kind": "openai", "base_url": "https://a.example"})
    with pytest.raises(InputError, match="not encrypted"):
        embeddings_backend("http://8.8.8.8", "m")
    file = tmp_path / "backends.yaml"
    file.write_text(
        "backends:\n  - {name: x, kind: openai, base_url: 'http://127.0.0.1:1/v1', credential_kind: none,"
        " embeddings: [{name: m}]}\n"
    )
    with pytest.raises(InputError, match="answers questions"):
        load_backends(file, {})
