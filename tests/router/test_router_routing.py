"""Which model a call goes to."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from factory_assets.router.abilities import Ability
from factory_assets.router.asked import Asked
from factory_assets.router.backends import Model, Price
from factory_assets.router.learning import TRIAL_SHARE, Learner
from factory_assets.router.routing import RouteChoice, RoutedCall, Routing, SessionShape
from factory_assets.router.sessions import PinnedSessions

NOW = datetime(2026, 6, 17, 8, tzinfo=UTC)
OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"
# 5 points for few words, 15 for more, 25 for many, 15 for having to reason, 10 for a schema.
EASY, LONG, REASONING = "hello", "x" * 4_000, "analyze "
SCHEMA = {"format": {"type": "json_schema", "schema": {}}}


def model(name: str, tier: int, **more: Any) -> Model:
    whole = {"context_tokens": 1_000_000, "output_tokens": 128_000, "abilities": frozenset(Ability)}
    return Model(name=name, tier=tier, **{**whole, **more})


MODELS = (model(HAIKU, 1), model(SONNET, 2), model(OPUS, 3))


@pytest.fixture
def routing(tmp_path: Path) -> Iterator[Routing]:
    file = tmp_path / "router.sqlite"
    with PinnedSessions.open(file) as sessions, Learner.open(file) as learner:
        yield Routing(MODELS, sessions, learner, pytest.fail)


def call(text: str = EASY, *, session: str | None = None, **more: Any) -> RoutedCall:
    own = {"phase", "may_reroute", "owner"}
    body = {
        "model": SONNET,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": text}],
        **{name: value for name, value in more.items() if name not in own},
    }
    content = json.dumps(body).encode()
    known = {"owner": "word-count", "phase": "build", **{n: v for n, v in more.items() if n in own}}
    return RoutedCall(Asked.read(content, session=session), len(content), **known)


def plain(text: str = EASY, **more: Any) -> RoutedCall:
    return call(text, may_reroute=True, **{"model": OPUS, **more})


def agent(session: str = "s1", **more: Any) -> RoutedCall:
    return call(
        session=session, **{"tools": [{"name": "Bash"}], "system": "You are an agent. " * 500, **more}
    )


@pytest.mark.parametrize(
    ("asked", "goes_to", "tier", "score"),
    [
        (plain(), HAIKU, 1, 5),
        (plain(LONG, output_config=SCHEMA, system="Be brief."), SONNET, 2, 40),
        (plain(REASONING + LONG * 4, output_config=SCHEMA, system="x" * 600), OPUS, 3, 70),
    ],
)
def test_a_plain_call_goes_to_the_model_of_the_tier_that_its_score_asks_for(
    routing: Routing, asked: RoutedCall, goes_to: str, tier: int, score: int
) -> None:
    choice = routing.choose(asked, NOW)
    assert (choice.model, choice.tier, choice.score) == (goes_to, tier, score)
    assert choice.why == f"Tier {tier} by its score; the cheapest model able to do it."


def test_a_plain_call_goes_to_no_model_that_costs_more_than_its_own_as_long_as_its_own_can_do_it(
    routing: Routing,
) -> None:
    hard = REASONING + LONG * 4
    asked = plain(hard, model=HAIKU, output_config=SCHEMA, system="x" * 600)
    choice = routing.choose(asked, NOW)
    assert (choice.model, choice.score) == (HAIKU, 70)
    assert choice.why == "Tier 3 by its score, which would cost more than its own model."
    small = tuple(m.model_copy(update={"context_tokens": 4_000}) if m.name == HAIKU else m for m in MODELS)
    assert replace(routing, models=small).choose(asked, NOW).model == OPUS
    assert (
        routing.choose(plain(hard, model="auto", output_config=SCHEMA, system="x" * 600), NOW).model == OPUS
    )


@pytest.mark.parametrize(
    "asked",
    [
        call(),
        plain(tools=[{"name": "Bash"}], model=SONNET),
        plain(
            model=SONNET,
            messages=[{"role": "assistant", "content": [{"type": "thinking", "signature": "s"}]}],
        ),
    ],
)
def test_a_call_that_may_not_be_rerouted_or_has_tools_or_signed_thinking_keeps_its_model(
    routing: Routing, asked: RoutedCall
) -> None:
    choice = routing.choose(asked, NOW)
    assert (choice.model, choice.tier, choice.why) == (SONNET, 2, "It may not be rerouted.")


def test_what_is_no_request_goes_on_as_it_is_for_the_api_to_refuse(routing: Routing) -> None:
    for content in (b"[]", b"{", b'{"model": 5, "messages": 7, "tools": "x", "thinking": []}'):
        for session in (None, "s"):
            asked = RoutedCall(
                Asked.read(content, session=session), len(content), "o", "build", may_reroute=True
            )
            assert routing.choose(asked, NOW).model in {"", HAIKU, SONNET}


def test_of_one_tier_the_cheapest_takes_it(routing: Routing) -> None:
    both = replace(routing, models=(model("claude-haiku-4-5", 1), *MODELS))
    assert both.choose(plain(), NOW).model == HAIKU
    free = model("qwen3:8b", 1, price=Price(input=0, output=0), context_tokens=None, output_tokens=None)
    assert replace(both, models=(*MODELS, free)).choose(plain(), NOW).model == "qwen3:8b"


@pytest.mark.parametrize(
    ("asked", "lacks"),
    [
        (plain("x" * 450_000, system="y"), {"context_tokens": 200_000}),
        (plain(max_tokens=65_000), {"output_tokens": 64_000}),
        (
            plain(thinking={"type": "adaptive"}),
            {"abilities": frozenset(Ability) - {Ability.ADAPTIVE_THINKING}},
        ),
        (
            plain(thinking={"type": "enabled", "budget_tokens": 1024}),
            {"abilities": frozenset(Ability) - {Ability.THINKING_BUDGET}},
        ),
        (plain(thinking={"type": "disabled"}), {"abilities": frozenset(Ability) - {Ability.NO_THINKING}}),
        (plain(output_config=SCHEMA), {"abilities": frozenset(Ability) - {Ability.SCHEMA}}),
        (
            plain(messages=[{"role": "user", "content": [{"type": "image", "source": {}}]}]),
            {"abilities": frozenset(Ability) - {Ability.IMAGES}},
        ),
    ],
)
def test_a_model_that_cannot_do_a_call_does_not_get_it(
    routing: Routing, asked: RoutedCall, lacks: dict[str, Any]
) -> None:
    able = routing.choose(asked, NOW)
    assert able.model in {HAIKU, SONNET}
    lame = [m.model_copy(update=lacks) if m.name == able.model else m for m in MODELS]
    assert replace(routing, models=tuple(lame)).choose(asked, NOW).tier == able.tier + 1
    nobody = tuple(m.model_copy(update=lacks) for m in MODELS)
    kept = replace(routing, models=nobody).choose(asked, NOW)
    assert (kept.model, kept.why) == (OPUS, f"No model of tier {able.tier} or above can do it.")


def test_a_share_of_the_calls_beside_the_threshold_goes_to_the_other_tier_and_always_the_same_ones(
    routing: Routing,
) -> None:
    def choices(make: str) -> list[RouteChoice]:
        return [
            routing.choose(plain(make.format(n), output_config=SCHEMA, system="z"), NOW) for n in range(400)
        ]

    # 45 of 100 points: the band just below the threshold.
    below = choices(REASONING + "{} " + "x" * 700)
    tried = [choice for choice in below if choice.model == OPUS]
    assert {choice.score for choice in below} == {45}
    assert {choice.model for choice in below} == {SONNET, OPUS}
    assert TRIAL_SHARE / 2 < len(tried) / len(below) < TRIAL_SHARE * 2
    assert all("on trial" in choice.why for choice in tried)
    assert choices(REASONING + "{} " + "x" * 700) == below
    assert {choice.model for choice in choices("{}")} == {HAIKU}


def test_a_session_keeps_its_model_unless_the_operator_says_otherwise(routing: Routing) -> None:
    elsewhere = replace(routing, lowest={"review": HAIKU})
    assert elsewhere.choose(agent(may_reroute=True), NOW).model == SONNET
    assert elsewhere.choose(agent("s2", phase="review"), NOW).model == HAIKU


def test_a_new_session_starts_with_the_cheapest_model_from_the_lowest_that_is_named(routing: Routing) -> None:
    lower = replace(routing, lowest={"build": SONNET})
    choice = lower.choose(agent(model=OPUS), NOW)
    assert (choice.model, choice.tier) == (SONNET, 2)
    assert re.fullmatch(
        r"A session of \$\d+\.\d\d expected, against \$\d+\.\d\d of claude-opus-5-5\.", choice.why
    )
    assert lower.choose(agent("small", model=HAIKU), NOW).model == HAIKU


def test_no_later_call_of_a_session_switches_whatever_changes(routing: Routing) -> None:
    lower = replace(routing, lowest={"build": HAIKU})
    assert lower.choose(agent(model=OPUS), NOW).model == HAIKU
    assert routing.choose(agent("kept", model=OPUS), NOW).model == OPUS
    later = NOW + timedelta(hours=3)
    again = routing.choose(agent(model=OPUS), later)
    assert (again.model, again.tier, again.why) == (HAIKU, 1, "Its session's model.")
    assert replace(routing, models=MODELS[2:]).choose(agent(model=OPUS), later).model == HAIKU
    assert lower.choose(agent("kept", model=OPUS), later).model == OPUS
    changed = routing.choose(agent(model=OPUS, system="Other rules."), later)
    assert (changed.model, changed.why) == (
        HAIKU,
        "Its session's model. The system prompt is new to the session.",
    )


def test_a_session_that_began_elsewhere_keeps_its_model(routing: Routing) -> None:
    lower = replace(routing, lowest={"build": HAIKU})
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    choice = lower.choose(agent(messages=messages), NOW)
    assert (choice.model, choice.why) == (SONNET, "Its session began before the router knew it.")


def test_a_session_goes_to_no_model_that_can_do_less_than_its_own(routing: Routing) -> None:
    for lacks in (
        {"context_tokens": 200_000},
        {"output_tokens": 64_000},
        {"abilities": frozenset({Ability.TOOLS})},
    ):
        small = MODELS[0].model_copy(update=lacks)
        lower = replace(routing, models=(small, *MODELS[1:]), lowest={"build": HAIKU})
        assert lower.choose(agent(f"{lacks}"), NOW).model == SONNET
    # As Opus 5.5, which cannot but think: what others can do besides is no hindrance.
    thinker = MODELS[2].model_copy(update={"abilities": frozenset(Ability) - {Ability.NO_THINKING}})
    lower = replace(routing, models=(*MODELS[:2], thinker), lowest={"build": HAIKU})
    assert lower.choose(agent("thinker", model=OPUS), NOW).model == HAIKU


def test_a_cold_cache_keeps_a_short_session_with_the_model_whose_cache_is_warm(routing: Routing) -> None:
    short = SessionShape(turns=3, growth_tokens=100, output_tokens=20)
    lower = replace(routing, lowest={"build": SONNET}, shape=short)
    assert lower.choose(agent("cold", model=OPUS, system="a" * 40_000), NOW).model == SONNET
    warmed, later = {"model": OPUS, "system": "b" * 40_000}, NOW + timedelta(minutes=1)
    assert routing.choose(agent("warms it", owner="another", **warmed), NOW).model == OPUS
    stays = lower.choose(agent("stays", **warmed), later)
    assert (stays.model, stays.why) == (OPUS, f"No model from {SONNET} up is cheaper for the whole session.")
    long = replace(lower, shape=replace(short, turns=100))
    assert long.choose(agent("long", **warmed), later).model == SONNET
    assert lower.choose(agent("late", **warmed), NOW + timedelta(minutes=20)).model == SONNET


def test_a_session_that_cannot_be_remembered_keeps_its_model_and_that_is_told_once(
    routing: Routing, tmp_path: Path
) -> None:
    told: list[str] = []
    lower = replace(routing, lowest={"build": HAIKU}, notify=told.append)
    with sqlite3.connect(tmp_path / "router.sqlite") as other:
        other.execute("DROP TABLE session_pins")
    choices = [lower.choose(agent(f"s{n}"), NOW) for n in range(3)]
    assert {(choice.model, choice.why) for choice in choices} == {
        (SONNET, "Its session cannot be looked up.")
    }
    (line,) = told
    assert "The router's sessions cannot be kept: no such table" in line


def test_a_dated_name_is_that_of_its_model(routing: Routing) -> None:
    lower = replace(routing, lowest={"build": SONNET})
    assert lower.choose(agent(model=f"{OPUS}-20261001"), NOW).model == SONNET
    assert routing.choose(call(model=f"{OPUS}-20261001"), NOW) == RouteChoice(
        f"{OPUS}-20261001", 3, 5, "It may not be rerouted."
    )
