"""The LLM router: its own routes, and questions through it."""

from __future__ import annotations

import pytest
from llm_server import KEY, Reply, error, message, serving
from pydantic import SecretStr

from factory_assets.domain.agents import Question, Route
from factory_assets.domain.errors import CredentialError, InfrastructureError, InputError
from factory_assets.llm.router import RouterClient

QUESTION = Question("rules", "papers", {"type": "object", "properties": {}}, "claude-haiku-5-5")
BACKENDS = [
    {
        "name": "haiku",
        "model": "claude-haiku-5-5",
        "provider": "anthropic",
        "tier": 1,
        "status": "healthy",
        "in_flight": 2,
        "latency_ms": 812.5,
        "new_field": True,
    }
]


def router(url: str) -> RouterClient:
    return RouterClient(url, api_key=SecretStr(KEY))


def test_health_backends_and_stats_are_read() -> None:
    stats = {"total_requests": 7, "total_saved_usd": 0.5, "total_spent_usd": 1.5, "by_model": {"haiku": 7}}
    with serving(Reply(body={"status": "ok"}), Reply(body=BACKENDS), Reply(body=stats)) as server:
        assert router(server.url).health().status == "ok"
        (backend,) = router(server.url).backends()
        assert (backend.name, backend.tier, backend.in_flight) == ("haiku", 1, 2)
        assert router(server.url + "/").stats().by_model == {"haiku": 7}
    assert server.paths == ["/health", "/v1/backends", "/stats"]


def test_feedback_is_sent() -> None:
    with serving(Reply(body={"total_feedback": 3, "threshold": 0.4})) as server:
        told = router(server.url).feedback(score=0.3, tier=1, quality=0.85)
    assert told.total_feedback == 3
    assert server.requests == [{"score": 0.3, "tier": 1, "quality": 0.85}]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(500, body="oops"), InfrastructureError),
        (Reply(body="not json"), InfrastructureError),
        (Reply(401, body={}), CredentialError),
        (Reply(404, body={}), InputError),
    ],
)
def test_a_router_that_fails_is_named_with_its_setting(reply: Reply, kind: type[Exception]) -> None:
    with serving(reply) as server, pytest.raises(kind) as caught:
        router(server.url).health()
    assert server.url in str(caught.value)


def test_a_router_that_is_not_there_says_which_setting_to_fix() -> None:
    with pytest.raises(InfrastructureError, match="LLM_ROUTER_URL"):
        RouterClient("http://127.0.0.1:1").health()


@pytest.mark.parametrize(
    ("status", "taken"),
    [(200, True), (401, False), (403, False), (404, None), (405, None), (501, None), (503, False)],
)
def test_a_gateway_without_free_routes_says_nothing_of_the_key(status: int, taken: bool | None) -> None:
    with serving(Reply(status, body=[])) as server:
        assert router(server.url).takes_the_key() is taken


def test_the_router_names_the_model_that_really_answered() -> None:
    headers = {"X-LLM-Router-Model": "big", "X-LLM-Router-Cache": "MISS", "X-LLM-Router-Tier": "3"}
    body = message("{}", model="claude-sonnet-5-5")
    with serving(Reply(body=body, headers=headers)) as server:
        answer = router(server.url).model().ask(QUESTION)
    assert server.complaints == []
    assert (answer.route, answer.model, answer.cache_hit) == (Route.ROUTER, "claude-sonnet-5-5", False)
    assert answer.usage.cost_usd == pytest.approx(100 * 2e-6 + 50 * 10e-6)


def test_a_cache_hit_costs_nothing_and_says_so() -> None:
    headers = {"X-LLM-Router-Model": "haiku", "X-LLM-Router-Cache": "HIT"}
    with serving(Reply(body=message("{}"), headers=headers)) as server:
        answer = router(server.url).model().ask(QUESTION)
    assert answer.cache_hit
    assert answer.usage.cost_usd == 0


def test_litellm_tells_what_a_call_cost() -> None:
    headers = {"x-litellm-response-cost": "0.0125", "x-litellm-model-group": "cheap"}
    with serving(Reply(body=message("{}", model="qwen3"), headers=headers)) as server:
        answer = router(server.url).model().ask(QUESTION)
    assert answer.usage.cost_usd == 0.0125
    assert answer.notes == ()


def test_a_local_model_without_a_price_is_reckoned_as_the_one_asked_for_and_noted() -> None:
    with serving(Reply(body=message("{}", model="qwen3:8b"))) as server:
        answer = router(server.url).model().ask(QUESTION)
    assert answer.usage.cost_usd == pytest.approx(100 * 0.1e-6 + 50 * 0.5e-6)
    assert any("qwen3:8b" in note for note in answer.notes)


def test_a_router_without_a_key_of_its_own_is_asked_all_the_same() -> None:
    with serving(Reply(body=message("{}"))) as server:
        assert RouterClient(server.url).model().ask(QUESTION).text == "{}"


def test_a_router_without_a_backend_is_an_infrastructure_failure_that_names_its_setting() -> None:
    with (
        serving(Reply(503, error("overloaded_error", "no model available"))) as server,
        pytest.raises(InfrastructureError, match="no model available"),
    ):
        router(server.url).model(retries=0).ask(QUESTION)
