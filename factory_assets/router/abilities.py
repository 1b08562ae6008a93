"""What not every model can do, and what of it a request needs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from pydantic import JsonValue

from factory_assets.router.asked import Asked


class Ability(StrEnum):
    """What not every model can do.

    Thinking has three forms: budgets are gone since Claude 4.7, Opus 5.5 cannot but think, and older models do not know
    the adaptive one: https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking.
    """

    TOOLS = "tools"
    THINKING_BUDGET = "thinking-budget"
    ADAPTIVE_THINKING = "adaptive-thinking"
    NO_THINKING = "no-thinking"
    SCHEMA = "schema"
    IMAGES = "images"


_THINKING = {
    "enabled": Ability.THINKING_BUDGET,
    "adaptive": Ability.ADAPTIVE_THINKING,
    "disabled": Ability.NO_THINKING,
}
_SEEN = frozenset({"image", "document"})
_SIGNED = frozenset({"thinking", "redacted_thinking"})


def needed(asked: Asked) -> frozenset[Ability]:
    """What a model has to be able to do for a request."""
    thinking = asked.body.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    wanted = {
        Ability.TOOLS: asked.has_tools,
        Ability.SCHEMA: asked.wants_schema,
        Ability.IMAGES: not _SEEN.isdisjoint(_kinds(asked)),
        **{ability: kind == name for name, ability in _THINKING.items()},
    }
    return frozenset(ability for ability, is_wanted in wanted.items() if is_wanted)


def has_signed_thinking(asked: Asked) -> bool:
    """Whether it holds thinking, which the model that it is signed for alone can read."""
    return not _SIGNED.isdisjoint(_kinds(asked))


def has_answers(asked: Asked) -> bool:
    """Whether a model has answered in the conversation before."""
    return any(message.get("role") == "assistant" for message in _messages(asked))


def _kinds(asked: Asked) -> Iterator[str]:
    """The kinds of all blocks of its messages."""
    for message in _messages(asked):
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            kind = block.get("type") if isinstance(block, dict) else None
            if isinstance(kind, str):
                yield kind


def _messages(asked: Asked) -> Iterator[dict[str, JsonValue]]:
    messages = asked.body.get("messages")
    return (
        message for message in (messages if isinstance(messages, list) else []) if isinstance(message, dict)
    )
