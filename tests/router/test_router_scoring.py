"""How hard a call seems to the router."""

from __future__ import annotations

import json
from typing import Any

import pytest

from factory_assets.router.asked import Asked
from factory_assets.router.scoring import score_of, tier_of, tier_of_model


def asked(**body: Any) -> Asked:
    return Asked.read(json.dumps({"model": "claude-sonnet-5-5", **body}).encode())


def said(text: str, *, turns: int = 1) -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text if n == 0 else "x"} for n in range(turns)]


# 0.325 tokens a character: 200, 1000 and 4000 tokens are reached at 616, 3077 and 12308 characters.
@pytest.mark.parametrize(
    ("characters", "points"), [(0, 5), (615, 5), (616, 15), (3076, 15), (3077, 25), (12307, 25), (12308, 35)]
)
def test_the_longer_the_words_the_harder_the_call(characters: int, points: int) -> None:
    assert score_of(asked(messages=said("x" * characters))) == points


@pytest.mark.parametrize(("turns", "points"), [(1, 5), (2, 5), (3, 13), (6, 13), (7, 20)])
def test_the_more_turns_the_harder_the_call(turns: int, points: int) -> None:
    assert score_of(asked(messages=said("x", turns=turns))) == points


@pytest.mark.parametrize(
    ("more", "points"),
    [
        ({"system": "Be brief."}, 10),
        ({"system": [{"type": "text", "text": "x" * 501}]}, 15),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, 15),
        ({"tools": [{"name": "Bash"}]}, 20),
        ({"messages": said("```python\nprint(1)\n```")}, 15),
        ({"messages": said("Weigh the PROS AND CONS.")}, 20),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "def f(): evaluate()"}]}]}, 30),
    ],
)
def test_each_signal_has_its_points(more: dict[str, Any], points: int) -> None:
    assert score_of(asked(**{"messages": said("hello"), **more})) == points


def test_all_signals_together_come_to_one_hundred_and_never_more() -> None:
    hard = asked(
        system="x" * 600,
        messages=said("evaluate ```x``` " + "y" * 20_000, turns=9),
        tools=[{"name": "Bash"}],
        output_config={"format": {}},
    )
    assert score_of(hard) == 100


@pytest.mark.parametrize(
    ("score", "threshold", "has_tools", "tier"),
    [
        (0, 0.5, False, 1),
        (29, 0.5, False, 1),
        (30, 0.5, False, 2),
        (49, 0.5, False, 2),
        (50, 0.5, False, 3),
        (55, 0.6, False, 2),
        (10, 0.5, True, 2),
        (80, 0.5, True, 3),
        (100, 1.0, False, 3),
    ],
)
def test_scores_ask_for_tiers(score: int, threshold: float, has_tools: bool, tier: int) -> None:
    assert tier_of(score, threshold=threshold, has_tools=has_tools) == tier


def test_a_model_has_the_tier_of_its_family() -> None:
    names = ("claude-haiku-5-5", "claude-sonnet-5-5-20261001", "us.anthropic.claude-OPUS-5-5", "qwen3:8b")
    assert [tier_of_model(name) for name in names] == [1, 2, 3, None]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": "x", "system": 5},
        {"messages": [1, None, {"content": 7}, {"content": [None, {"text": 3}]}], "tools": 3},
        {"messages": [{"role": "user", "content": "\ud800"}], "output_config": []},
    ],
)
def test_what_makes_no_sense_has_a_score_all_the_same(body: dict[str, Any]) -> None:
    assert 0 <= score_of(Asked.read(json.dumps(body).encode())) <= 100
