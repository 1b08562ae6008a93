"""Plain calls to a backend that speaks OpenAI's form, through the whole router, with the anthropic SDK before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import pytest
from claude_code_server import Say, claude_server
from llm_server import KEY as SCRIPTED_KEY
from openai_server import KEY, LocalModel, local_model
from pydantic import SecretStr
from router_world import router_before

from factory_assets.domain.agents import Purpose
from factory_assets.router.backends import Backend, CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.client import RouterAccess, RouterPass

ASK: dict[str, Any] = {
    "model": "qwen3",
    "max_tokens": 100,
    "system": "Be short.",
    "messages": [{"role": "user", "content": "two and two"}],
}


def backend(model: LocalModel, **fields: Any) -> Backend:
    listed = {"name": "qwen3", "tier": 1, "abilities": ["schema"], "price": {"input": 1, "output": 10}}
    return Backend.model_validate(
        {
            "name": "local",
            "kind": "openai",
            "base_url": model.base_url,
            "credential": SecretStr(KEY),
            "models": [listed | fields],
        }
    )


@contextmanager
def asking(access: RouterAccess, *, plain: bool = True) -> Iterator[tuple[anthropic.Anthropic, RouterPass]]:
    with (
        access.open(Purpose("analyze", None, None), limit_usd=1.0, seconds=60, plain=plain) as way,
        anthropic.Anthropic(base_url=access.url, api_key=way.token(""), max_retries=0) as client,
    ):
        yield client, way


def test_a_whole_answer_comes_back_in_the_callers_form_and_is_counted(tmp_path: Path) -> None:
    with local_model() as model, asking(router_before(tmp_path, backend(model))) as (client, way):
        answer = client.messages.create(**ASK, metadata={"user_id": "u"})
        assert [block.text for block in answer.content if block.type == "text"] == ["It is four."]
        assert (answer.model, answer.stop_reason, answer.usage.output_tokens) == ("qwen3", "end_turn", 20)
        usage = way.seen.usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 1000, 20)
    assert model.complaints == []
    assert model.requests[0]["messages"][0] == {"role": "system", "content": "Be short."}
    assert not [name for name in model.seen_headers[0] if name.startswith(("anthropic", "x-"))]


def test_a_stream_comes_back_as_events_of_the_messages_api_and_is_counted(tmp_path: Path) -> None:
    with local_model() as model, asking(router_before(tmp_path, backend(model))) as (client, way):
        with client.messages.stream(**ASK) as stream:
            assert "".join(stream.text_stream) == "It is four. "
            assert stream.get_final_message().stop_reason == "end_turn"
        assert (way.seen.usage.input_tokens, way.seen.usage.output_tokens) == (1000, 20)
    assert model.complaints == []


def test_what_it_costs_is_what_the_file_says(tmp_path: Path) -> None:
    with local_model() as model, asking(router_before(tmp_path, backend(model))) as (client, way):
        client.messages.create(**ASK)
        assert way.seen.usage.cost_usd == pytest.approx(1000 / 1e6 + 20 * 10 / 1e6)


def test_a_refusal_comes_back_by_its_status_in_the_form_that_the_sdk_knows(tmp_path: Path) -> None:
    with (
        local_model(status=429, headers={"retry-after": "7"}) as model,
        asking(router_before(tmp_path, backend(model))) as (client, way),
    ):
        with pytest.raises(anthropic.RateLimitError, match="the local model refuses") as refused:
            client.messages.create(**ASK)
        assert refused.value.response.headers["retry-after"] == "7"
        assert way.seen.usage.cost_usd == 0
        assert way.seen.refusal is not None


def test_a_stream_that_merely_stops_is_an_error_for_the_caller(tmp_path: Path) -> None:
    with local_model(breaks=True) as model, asking(router_before(tmp_path, backend(model))) as (client, way):
        with pytest.raises(anthropic.APIError, match="broke off"), client.messages.stream(**ASK) as stream:
            stream.until_done()
        assert way.seen.usage.cost_usd > 0


@pytest.mark.parametrize("streams", [False, True])
def test_an_answer_that_has_no_such_form_is_none_and_is_taken_to_have_cost_something(
    tmp_path: Path, streams: bool
) -> None:
    odd = {"id": "c1", "model": "qwen3", "choices": []}
    with (
        local_model(whole=odd) as model,
        asking(router_before(tmp_path, backend(model))) as (client, way),
    ):
        with pytest.raises(anthropic.InternalServerError, match="no answer that can be passed on"):
            client.messages.create(**ASK, stream=streams)
        assert way.seen.usage.cost_usd > 0


def test_what_cannot_be_said_there_is_refused_by_its_field_and_nothing_is_sent(tmp_path: Path) -> None:
    with local_model() as model, asking(router_before(tmp_path, backend(model))) as (client, way):
        with pytest.raises(anthropic.BadRequestError, match="container"):
            client.messages.create(**ASK, extra_body={"container": "x"})
        assert way.seen.usage.calls == 0
    assert model.requests == []


def test_what_cannot_be_said_there_goes_to_the_backend_that_has_the_word(tmp_path: Path) -> None:
    with (
        local_model() as model,
        claude_server(Say("By Claude.")) as script,
        asking(router_before(tmp_path, backend(model), claude(script.url))) as (client, _),
    ):
        with client.messages.stream(**ASK, extra_body={"container": "x"}) as stream:
            assert stream.get_final_text() == "By Claude."
        with client.messages.stream(**ASK) as stream:
            assert stream.get_final_text() == "It is four. "


def test_a_local_model_stands_in_where_claude_fails(tmp_path: Path) -> None:
    asked = ASK | {"model": "claude-haiku-5-5"}
    with local_model() as model:
        nobody = claude("http://127.0.0.1:9")
        access = router_before(tmp_path, nobody, backend(model, stands_in_for=["claude-haiku-5-5"]))
        with asking(access) as (client, way):
            assert client.messages.create(**asked).model == "qwen3"
            assert way.seen.usage.calls == 1
    assert model.requests[0]["model"] == "qwen3"


def test_an_agents_turn_never_goes_there(tmp_path: Path) -> None:
    with (
        local_model() as model,
        asking(router_before(tmp_path, backend(model)), plain=False) as (client, _),
        pytest.raises(anthropic.APIStatusError),
    ):
        client.messages.create(**ASK)
    assert model.requests == []


def test_tokens_are_counted_by_the_first_backend_that_can(tmp_path: Path) -> None:
    asked = {"model": "qwen3", "messages": ASK["messages"]}
    with (
        local_model() as model,
        asking(router_before(tmp_path, backend(model))) as (client, _),
        pytest.raises(anthropic.APIStatusError, match="No backend of local has this route"),
    ):
        client.messages.count_tokens(**asked)
    assert model.requests == []


def test_a_model_that_nobody_has_is_refused_as_such_and_not_as_overload(tmp_path: Path) -> None:
    with (
        local_model() as model,
        asking(router_before(tmp_path, backend(model))) as (client, _),
        pytest.raises(anthropic.NotFoundError, match="has the model llama"),
    ):
        client.messages.create(**(ASK | {"model": "llama"}))
    assert model.requests == []


def claude(url: str) -> Backend:
    return default_backend(url, CredentialKind.API_KEY, SecretStr(SCRIPTED_KEY))
