"""What the router tells in llm-router's shapes, as the factory's own client of them reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from llm_server import Reply, serving
from pydantic import BaseModel

from factory_assets.domain.builds import Usage
from factory_assets.llm.router import FeedbackGiven, Router, RouterFeedback, RouterHealth
from factory_assets.llm.router_headers import GatewayReading, read_gateway
from factory_assets.router.backends import CredentialKind
from factory_assets.router.backends_file import default_backend
from factory_assets.router.forms import UnconvertibleError
from factory_assets.router.health import Health
from factory_assets.router.limits import LimitRow
from factory_assets.router.shapes import CallFacts, Outcome, Tally, read_feedback, routing_headers

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


def tally(*calls: CallFacts) -> Tally:
    made = Tally(models={"claude-haiku-5-5"}, phases={"build", "analyze"}, since=SINCE)
    for call in calls:
        made.ended(call)
    return made


def told(model: BaseModel) -> Reply:
    return Reply(body=model.model_dump_json())


def test_the_stats_are_what_the_calls_really_came_to() -> None:
    made = tally(CALL, HIT, replace(CALL, phase="analyze", joined=True, usage=Usage(), saved_usd=0.0))
    with serving(told(made.stats(threshold=0.4, threshold_because="60 of 80", limits=LIMITS))) as server:
        stats = Router(server.url).stats()
    assert (stats.total_requests, stats.by_model) == (3, {"claude-haiku-5-5": 3})
    assert (stats.total_spent_usd, stats.total_saved_usd) == (0.25, 0.75)
    assert (stats.total_cache_hits, stats.total_joined) == (1, 1)
    assert stats.by_phase_usd == {"build": 0.25, "analyze": 0.0}
    assert (stats.room, stats.threshold, stats.threshold_because) == (
        {"anthropic requests": 0.25, "anthropic input-tokens": 1.0},
        0.4,
        "60 of 80",
    )
    assert stats.since == SINCE


def test_names_that_callers_make_up_are_counted_as_one() -> None:
    made = tally(*(replace(CALL, model=f"made-up-{n}", phase=f"p{n}") for n in range(500)))
    stats = made.stats(limits=())
    assert (stats.by_model, list(stats.by_phase_usd)) == ({"other": 500}, ["other"])
    assert stats.total_spent_usd == 125.0


def test_the_first_four_counts_are_named_as_in_llm_router() -> None:
    counts = json.loads(tally(CALL).stats(limits=()).model_dump_json())
    assert {"total_requests", "total_saved_usd", "total_spent_usd", "by_model"} <= counts.keys()


def test_the_backends_are_told_as_the_client_reads_them() -> None:
    health = Health(lambda: SINCE)
    rows = health.rows([default_backend("https://api.anthropic.com", CredentialKind.NONE)])
    with serving(Reply(body=json.dumps([row.model_dump(mode="json") for row in rows]))) as server:
        backends = Router(server.url).backends()
    assert [(b.name, b.model, b.tier, b.status) for b in backends] == [
        (row.name, row.model, row.tier, row.status) for row in rows
    ]
    assert backends


def test_health_is_told_as_the_client_reads_it() -> None:
    with serving(told(RouterHealth())) as server:
        assert Router(server.url).health() == RouterHealth(status="ok")


def test_feedback_is_taken_as_the_client_sends_it_and_answered_as_it_reads_it() -> None:
    answer = RouterFeedback(total_feedback=3, threshold=0.4, avg_quality=0.5, by_tier={1: 2, 3: 1})
    with serving(told(answer)) as server:
        read = Router(server.url).feedback(score=0.3, tier=1, quality=0.85)
    assert read == answer
    sent = json.dumps(server.requests[0] | {"request_hash": "as llm-router takes it"}).encode()
    assert read_feedback(sent) == FeedbackGiven(score=0.3, tier=1, quality=0.85)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"score": 1.5}, "score"),
        ({"score": float("nan")}, "score"),
        ({"tier": 0}, "tier"),
        ({"tier": 4}, "tier"),
        ({"quality": -0.1}, "quality"),
        ({"quality": None}, "quality"),
    ],
)
def test_feedback_out_of_range_is_refused_by_the_name_of_its_field(
    changed: dict[str, Any], named: str
) -> None:
    given = {"score": 0.3, "tier": 1, "quality": 0.85} | changed
    with pytest.raises(UnconvertibleError) as caught:
        read_feedback(json.dumps(given).encode())
    assert (caught.value.where, caught.value.status) == (named, 400)


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
