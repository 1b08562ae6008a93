"""What the router tells in llm-router's shapes, as the factory's own client of them reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from llm_server import Reply, serving
from pydantic import BaseModel

from factory_assets.domain.builds import Usage
from factory_assets.llm.router import RouterClient, RouterFeedback, RouterHealth
from factory_assets.llm.router_headers import GatewayReading, read_gateway
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.health import Health
from factory_assets.router.learning import Learner
from factory_assets.router.limits import LimitRow
from factory_assets.router.quality import CallFeedback
from factory_assets.router.shapes import CallFacts, Outcome, Totals, routing_headers

SINCE = datetime(2026, 6, 17, 8, tzinfo=UTC)
CALL = CallFacts(
    outcome=Outcome.ANSWERED,
    model="claude-haiku-5-5",
    phase="build",
    seconds=3.0,
    first_byte_seconds=0.5,
    usage=Usage(calls=1, input_tokens=1000, output_tokens=100, cost_usd=0.25),
    saved_usd=0.5,
)
HIT = replace(CALL, usage=Usage(), cache_hit=True, saved_usd=0.25)


def limit(model: str, kind: str, remaining: int) -> LimitRow:
    return LimitRow(
        backend="anthropic",
        model=model,
        kind=kind,
        limit=100,
        remaining=remaining,
        whole_at=SINCE,
        waiting=0,
        held_until=None,
    )


LIMITS = (limit("a", "requests", 50), limit("b", "requests", 25), limit("a", "input-tokens", 110))


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[Learner]:
    with Learner.open(tmp_path / "feedback.sqlite") as opened:
        yield opened


def totals(*calls: CallFacts) -> Totals:
    made = Totals(models={"claude-haiku-5-5"}, phases={"build", "analyze"}, since=SINCE)
    for call in calls:
        made.ended(call)
    return made


def told(model: BaseModel) -> Reply:
    return Reply(body=model.model_dump_json())


def test_the_stats_are_what_the_calls_really_came_to(learner: Learner) -> None:
    made = totals(CALL, HIT, replace(CALL, phase="analyze", joined=True, usage=Usage(), saved_usd=0.0))
    with serving(told(made.stats(limits=LIMITS, learned=learner.explain(now=SINCE)))) as server:
        stats = RouterClient(server.url).stats()
    assert (stats.total_requests, stats.by_model) == (3, {"claude-haiku-5-5": 3})
    assert (stats.total_spent_usd, stats.total_saved_usd) == (0.25, 0.75)
    assert (stats.total_cache_hits, stats.total_joined) == (1, 1)
    assert stats.by_phase_usd == {"build": 0.25, "analyze": 0.0}
    assert stats.by_phase == {"build": CALL.usage, "analyze": Usage()}
    assert stats.room == {"anthropic requests": 0.25, "anthropic input-tokens": 1.0}
    assert stats.threshold == stats.learned["threshold"] == learner.threshold
    assert stats.since == SINCE


def test_names_that_callers_make_up_are_counted_as_one() -> None:
    made = totals(*(replace(CALL, model=f"made-up-{n}", phase=f"p{n}") for n in range(500)))
    stats = made.stats(limits=(), learned=None)
    assert (stats.by_model, list(stats.by_phase_usd)) == ({"other": 500}, ["other"])
    assert stats.total_spent_usd == 125.0


def test_the_first_four_counts_are_named_as_in_llm_router() -> None:
    counts = json.loads(totals(CALL).stats(limits=(), learned=None).model_dump_json())
    assert {"total_requests", "total_saved_usd", "total_spent_usd", "by_model"} <= counts.keys()


def test_the_backends_are_told_as_the_client_reads_them() -> None:
    health = Health(lambda: SINCE)
    rows = health.rows([default_backend("https://api.anthropic.com", CredentialKind.NONE)])
    with serving(Reply(body=json.dumps([row.model_dump(mode="json") for row in rows]))) as server:
        backends = RouterClient(server.url).backends()
    assert [(b.name, b.model, b.tier, b.status) for b in backends] == [
        (row.name, row.model, row.tier, row.status) for row in rows
    ]
    assert backends


def test_health_is_told_as_the_client_reads_it() -> None:
    with serving(told(RouterHealth())) as server:
        assert RouterClient(server.url).health() == RouterHealth(status="ok")


def test_feedback_is_taken_as_the_client_sends_it_and_answered_as_it_reads_it(learner: Learner) -> None:
    with serving(Reply(body={"total_feedback": 0})) as server:
        RouterClient(server.url).feedback(score=0.3, tier=1, quality=0.85)
    learner.learn(CallFeedback.read(server.requests[0]), now=SINCE)
    with serving(told(learner.explain(now=SINCE))) as server:
        read = RouterClient(server.url).feedback(score=0.3, tier=1, quality=0.85)
    assert read == RouterFeedback(
        total_feedback=1, threshold=learner.threshold, avg_quality=0.85, by_tier={1: 1}
    )


@pytest.mark.parametrize(
    "reading",
    [
        GatewayReading(model="claude-haiku-5-5", score=42.0, tier=2),
        GatewayReading(model="claude-haiku-5-5", cache_hit=True),
        GatewayReading(model="claude-haiku-5-5"),
    ],
)
def test_the_headers_are_read_as_they_were_written(reading: GatewayReading) -> None:
    headers = {name.lower(): value for name, value in routing_headers(reading).items()}
    assert read_gateway(headers) == reading


def test_an_answer_from_the_cache_has_neither_score_nor_tier() -> None:
    hit = GatewayReading(model="claude-haiku-5-5", score=42.0, tier=2, cache_hit=True)
    assert routing_headers(hit) == {
        "X-LLM-Router-Model": "claude-haiku-5-5",
        "X-LLM-Router-Cache": "HIT",
    }
    assert routing_headers(replace(hit, cache_hit=False)) == {
        "X-LLM-Router-Score": "42",
        "X-LLM-Router-Tier": "2",
        "X-LLM-Router-Model": "claude-haiku-5-5",
        "X-LLM-Router-Cache": "MISS",
    }
