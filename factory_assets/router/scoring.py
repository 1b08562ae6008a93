"""How hard a call seems, from 0 to 100, and which tier of models that asks for.

The signals, their points and the tiers are those of https://github.com/timholm/llm-router (router/classifier.go), so
that its users find the scores that they know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from factory_assets.router.asked import Asked

HAIKU, SONNET, OPUS = 1, 2, 3
# Below this share of 100 points a call is for the first tier; the threshold above which it is for the third is learned.
FIRST_TIER_BELOW = 0.30

_TOKENS_A_CHARACTER = 0.325
# (below how many, points), and the points of all that is above.
_BY_TOKENS = ((200, 5), (1000, 15), (4000, 25))
_MOST_BY_TOKENS = 35
_BY_TURNS = ((3, 0), (7, 8))
_MOST_BY_TURNS = 15
_LONG_SYSTEM_CHARACTERS = 500
_SYSTEM, _LONG_SYSTEM = 5, 10
_JSON, _TOOLS, _CODE, _REASONING = 10, 15, 10, 15
_CODE_CUES = ("```", "func ", "def ", "class ", "import ", "const ", "create table")
_REASONING_CUES = (
    *("step by step", "chain of thought", "think carefully", "reason through", "analyze", "evaluate"),
    *("compare and contrast", "pros and cons", "trade-off", "tradeoff"),
)
# Cues are looked for in so much of a conversation, so that one of 30 MB does not hold up all others.
_READ_CHARACTERS = 200_000

_TIERS = {"haiku": HAIKU, "sonnet": SONNET, "opus": OPUS, "fable": OPUS, "mythos": OPUS}


def score_of(asked: Asked) -> int:
    """From 0 to 100 points."""
    system = asked.system_text
    texts = [system, *_said(asked.body.get("messages"))]
    read = _beginning(texts).lower()
    points = (
        _points(int(sum(map(len, texts)) * _TOKENS_A_CHARACTER), _BY_TOKENS, _MOST_BY_TOKENS),
        _points(asked.turns, _BY_TURNS, _MOST_BY_TURNS),
        (_LONG_SYSTEM if len(system) > _LONG_SYSTEM_CHARACTERS else _SYSTEM) if system else 0,
        _JSON if asked.wants_schema else 0,
        _TOOLS if asked.has_tools else 0,
        _CODE if any(cue in read for cue in _CODE_CUES) else 0,
        _REASONING if any(cue in read for cue in _REASONING_CUES) else 0,
    )
    return min(sum(points), 100)


def tier_of(score: int, *, threshold: float, has_tools: bool) -> int:
    """1 to 3. `threshold` is a share of 100 points; tools ask for the second tier at least."""
    share = score / 100
    tier = HAIKU if share < FIRST_TIER_BELOW else SONNET if share < threshold else OPUS
    return max(tier, SONNET) if has_tools else tier


def tier_of_model(name: str) -> int | None:
    """The tier that a Claude model's family stands for, None for other models."""
    lower = name.lower()
    return next((tier for family, tier in _TIERS.items() if family in lower), None)


def _points(number: int, steps: tuple[tuple[int, int], ...], most: int) -> int:
    return next((points for below, points in steps if number < below), most)


def _beginning(texts: Iterable[str]) -> str:
    """As much of the texts as is read for cues."""
    taken: list[str] = []
    left = _READ_CHARACTERS
    for text in texts:
        if left <= 0:
            break
        taken.append(text[:left])
        left -= len(text)
    return "\n".join(taken)


def _said(messages: JsonValue) -> Iterator[str]:
    """The words of all messages, whoever said them."""
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else [{"text": content}]:
            text = block.get("text") if isinstance(block, dict) else None
            if isinstance(text, str):
                yield text
