"""The SDKs of Anthropic and OpenAI, and our client of llm-router, through the router, compared with direct calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from egress_world import REAL
from messages_api import MessagesApi, Reply, error, message, messages_api, stream
from pydantic import BaseModel, SecretStr
from replay_material import body, two_files
from router_world import router_before, router_to

from factory_assets.domain.agents import Purpose, Question
from factory_assets.domain.errors import CredentialError
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.routed_api import RoutedApi
from factory_assets.llm.router import RouterClient
from factory_assets.replay.server import ReplayServer
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.client import RouterAccess, RouterPass

MODEL = "claude-haiku-5-5"
ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "grüß dich \U0001f600 "}],
}
# What each connection, credential or call has of its own.
_OF_ONE_CALL = {"host", "connection", "accept-encoding", "x-api-key", "authorization"}


class Sum(BaseModel):
    """A structured answer."""

    result: int


@contextmanager
def granted(access: RouterAccess) -> Iterator[RouterPass]:
    with access.open(Purpose("analyze", None, None), limit_usd=1.0, seconds=60, plain=True) as way:
        yield way


@dataclass(frozen=True)
class Both:
    """The same client twice: before the API, and before the router that leads there."""

    direct: anthropic.Anthropic
    routed: anthropic.Anthropic


@contextmanager
def both(url: str, folder: Path) -> Iterator[Both]:
    with ExitStack() as held:
        access = router_to(url, folder, api_key=REAL)
        way = held.enter_context(granted(access))
        clients = [
            held.enter_context(anthropic.Anthropic(base_url=at, api_key=key, max_retries=0))
            for at, key in ((url, REAL), (access.url, way.token("sk-ant-api03-")))
        ]
        yield Both(*clients)


def whole(text: str) -> Reply:
    thought = {"type": "thinking", "thinking": "hm", "signature": "EqQB+/=="}
    told = json.loads(message().body)
    told |= {"id": "m1", "role": "assistant", "stop_reason": "end_turn", "stop_sequence": None, "odd": [1.0]}
    return Reply(json.dumps(told | {"content": [thought, {"type": "text", "text": text}]}).encode())


def events(*texts: str) -> Reply:
    begun = json.loads(message(output_tokens=1).body) | {
        "id": "m1",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
    }
    return stream(
        {"type": "message_start", "message": begun},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
            for text in texts
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    )


def create(client: anthropic.Anthropic) -> Any:
    return client.messages.create(**ASK).to_dict()


def streamed(client: anthropic.Anthropic) -> Any:
    with client.messages.stream(**ASK) as answer:
        return [event.type for event in answer], answer.get_final_message().to_dict()


def parsed(client: anthropic.Anthropic) -> Any:
    answer = client.messages.parse(**ASK, output_format=Sum)
    assert answer.parsed_output == Sum(result=4)
    return answer.to_dict()


def with_betas(client: anthropic.Anthropic) -> Any:
    answer = client.beta.messages.create(
        **ASK,
        betas=["context-management-2025-06-27", "nobody-knows-2031-01-01"],
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
        extra_body={"field_of_2031": {"n": 1.0}},
        extra_headers={"anthropic-future": "x"},
    )
    return answer.to_dict()


def counted(client: anthropic.Anthropic) -> Any:
    return client.messages.count_tokens(model=MODEL, messages=ASK["messages"], system="Be short.").to_dict()


@pytest.mark.parametrize(
    ("reply", "act"),
    [
        (whole("4"), create),
        (events("I", " \u2028 see"), streamed),
        (whole('{"result": 4}'), parsed),
        (whole("4"), with_betas),
        (Reply(b'{"input_tokens": 7, "odd": 1}'), counted),
    ],
    ids=["create", "stream", "parse", "betas", "count_tokens"],
)
def test_the_sdk_asks_and_hears_the_same_through_the_router(
    tmp_path: Path, reply: Reply, act: Callable[[anthropic.Anthropic], Any]
) -> None:
    with messages_api(reply) as api, both(f"http://{api.place}", tmp_path) as clients:
        assert act(clients.routed) == act(clients.direct)
    routed, direct = api.seen
    assert (routed[0], routed[1], routed[3]) == (direct[0], direct[1], direct[3])
    assert named(routed) == named(direct)
    assert routed[2]["x-api-key"] == REAL
    assert "authorization" not in routed[2]


def named(seen: tuple[str, str, dict[str, str], bytes]) -> dict[str, str]:
    headers = {name.lower(): value for name, value in seen[2].items()}
    return {name: value for name, value in headers.items() if name not in _OF_ONE_CALL}


def test_a_refusal_is_the_same_error_to_the_sdk_with_the_time_to_wait(tmp_path: Path) -> None:
    limited = Reply(error(429, "rate_limit_error", "Slow down.").body, 429, headers={"retry-after": "7"})
    with messages_api(limited) as api, both(f"http://{api.place}", tmp_path) as clients:
        told = []
        for client in (clients.direct, clients.routed):
            with pytest.raises(anthropic.RateLimitError) as refused:
                create(client)
            told.append((refused.value.body, refused.value.response.headers["retry-after"]))
    assert told[0] == told[1]


def test_an_agents_answer_has_the_same_headers_and_bytes_as_a_direct_one(tmp_path: Path) -> None:
    with messages_api(Reply(whole("4").body, headers={"Request-Id": "r", "X-Odd": "1", "Date": "d"})) as api:
        access = router_to(f"http://{api.place}", tmp_path, api_key=REAL)
        with access.open(Purpose("build", "word-count", "build"), limit_usd=1.0, seconds=60) as way:
            direct, routed = (
                httpx.post(f"{url}/v1/messages", json=ASK, headers={"x-api-key": key})
                for url, key in ((f"http://{api.place}", REAL), (access.url, way.token("")))
            )
    assert headers_of(routed) == headers_of(direct)
    assert routed.content == direct.content


def headers_of(answer: httpx.Response) -> list[tuple[bytes, bytes]]:
    told = [(name.lower(), value) for name, value in answer.headers.raw]
    # The scripted server gives a date of its own beside the prepared one.
    return [(name, b"" if name == b"date" else value) for name, value in told]


def replayed(client: anthropic.Anthropic) -> list[Any]:
    with client.messages.stream(**body()) as answer:
        kinds = [event.type for event in answer]
        final = answer.get_final_message()
    counts = client.messages.count_tokens(
        **{key: value for key, value in body().items() if key in {"model", "messages", "system", "tools"}}
    )
    created = client.messages.create(**body())
    models = [model.id for model in client.models.list(limit=5)]
    told = [[block.to_dict() | {"id": ""} for block in one.content] for one in (final, created)]
    return [kinds, *told, final.stop_reason, final.usage.to_dict(), counts.to_dict(), models]


def test_the_replay_servers_answers_are_the_same_through_the_router(tmp_path: Path) -> None:
    told: list[list[Any]] = []
    for name in ("direct", "routed"):
        with (
            ReplayServer(recordings=two_files(), accepted_keys=frozenset({REAL})) as server,
            both(server.url, tmp_path / name) as clients,
        ):
            told.append(replayed(clients.direct if name == "direct" else clients.routed))
    assert told[0] == told[1]
    assert told[0][-1]


def test_the_same_plain_question_is_answered_once_and_told_as_from_the_cache(tmp_path: Path) -> None:
    with messages_api(whole("4")) as api:
        backend = default_backend(f"http://{api.place}", CredentialKind.API_KEY, SecretStr(REAL))
        access = router_before(tmp_path, backend, cache_hours=1)
        with granted(access) as way, client_at(access, way) as client:
            first = client.messages.with_raw_response.create(**ASK)
            again = client.messages.with_raw_response.create(**ASK)
    assert again.parse().to_dict() == first.parse().to_dict()
    assert again.headers["x-llm-router-cache"] == "HIT"
    assert float(first.headers["x-llm-router-score"]) >= 0
    assert len(api.seen) == 1


def client_at(access: RouterAccess, way: RouterPass) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=access.url, api_key=way.token(""), max_retries=0)


@contextmanager
def openai_client(api: MessagesApi, folder: Path) -> Iterator[openai.OpenAI]:
    access = router_to(f"http://{api.place}", folder, api_key=REAL)
    with (
        granted(access) as way,
        openai.OpenAI(base_url=f"{access.url}/v1", api_key=way.token(""), max_retries=0) as client,
    ):
        yield client


def test_openais_sdk_is_answered_whole(tmp_path: Path) -> None:
    with messages_api(whole("Four.")) as api, openai_client(api, tmp_path) as client:
        answer = client.chat.completions.create(
            model=MODEL,
            messages=[
                {"role": "system", "content": "Be short."},
                {"role": "user", "content": [{"type": "text", "text": "two and two"}]},
            ],
        )
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("Four.", "stop")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1000, 100)
    asked = json.loads(api.seen[0][3])
    assert asked["system"] == "Be short."
    assert api.seen[0][1] == "/v1/messages"
    assert api.headers["x-api-key"] == REAL
    assert "anthropic-version" in api.headers


def test_openais_sdk_is_answered_as_a_stream(tmp_path: Path) -> None:
    with messages_api(events("Fo", "ur.")) as api, openai_client(api, tmp_path) as client:
        chunks = list(
            client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": "two and two"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    said = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert [text for text in said if text] == ["Fo", "ur."]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 9


def test_openais_sdk_hears_an_error_as_its_own(tmp_path: Path) -> None:
    refusing = error(404, "not_found_error", "model: x")
    with messages_api(refusing) as api, openai_client(api, tmp_path) as client:
        with pytest.raises(openai.NotFoundError, match="model: x"):
            client.chat.completions.create(model="x", messages=[{"role": "user", "content": "hi"}])
        with pytest.raises(openai.BadRequestError, match="logit_bias"):
            client.chat.completions.create(
                model="x", messages=[{"role": "user", "content": "hi"}], logit_bias={"1": 1}
            )


def test_the_factorys_own_question_goes_by_the_router_and_arrives_with_the_real_key(tmp_path: Path) -> None:
    question = Question("Be short.", "two and two", {"type": "object"}, MODEL)
    with messages_api(whole("{}")) as api:
        asking = ClaudeApi("https://api.anthropic.com", api_key=SecretStr("not-sent"), retries=0)
        access = router_to(f"http://{api.place}", tmp_path, api_key=REAL)
        assert RoutedApi(access, asking).ask(question).text == "{}"
    assert api.headers["x-api-key"] == REAL


def test_our_client_of_llm_router_reads_what_this_router_tells(tmp_path: Path) -> None:
    with messages_api(whole("4")) as api:
        access = router_to(f"http://{api.place}", tmp_path, api_key=REAL)
        asking = RouterClient(access.url, api_key=SecretStr(access.signer.control()))
        with granted(access) as way, client_at(access, way) as client:
            client.messages.create(**ASK)
        assert asking.health().status == "ok"
        rows = {row.model: row for row in asking.backends()}
        assert (rows[MODEL].total_requests, rows[MODEL].status) == (1, "healthy")
        stats = asking.stats()
        assert (stats.total_requests, stats.by_model[MODEL]) == (1, 1)
        assert stats.total_spent_usd == pytest.approx(1000 * 0.1e-6 + 100 * 0.5e-6)
        assert asking.feedback(score=0.4, tier=1, quality=0.9).total_feedback == 1
        assert asking.takes_the_key() is True


def test_our_client_of_llm_router_is_refused_with_a_calls_token(tmp_path: Path) -> None:
    with messages_api() as api, granted(router_to(f"http://{api.place}", tmp_path, api_key=REAL)) as way:
        asking = RouterClient(str(way._http.base_url), api_key=SecretStr(way.token("")))
        assert asking.health().status == "ok"
        for act in (asking.backends, asking.stats):
            with pytest.raises(CredentialError):
                act()
        with pytest.raises(CredentialError):
            asking.feedback(score=0.4, tier=1, quality=0.9)
