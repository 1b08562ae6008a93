"""Which model a call goes to: the one that it asks for, unless it may go elsewhere and another does it for less.

Only two kinds of calls ever go to another model. A plain call that says it may be rerouted goes to the cheapest able
model of the tier that its score asks for. And a new session of a phase for which the operator has named a lowest model
starts with the cheapest able one between that and its own, all of the session's expected calls priced, cold cache
included. Scores have no say in sessions: what Claude Code sends first looks hard whatever the task is. A session that
has begun stays where it is (sessions.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from pydantic import JsonValue

from factory_assets.domain.builds import Usage
from factory_assets.llm.prices import cost_usd
from factory_assets.router.asked import Asked
from factory_assets.router.learning import Learner
from factory_assets.router.scoring import SONNET, score_of, tier_of_model
from factory_assets.router.sessions import Sessions, Talk

Price = Callable[[str, Usage], float]

# Text is rather four bytes a token. Too high a guess costs a larger model, too low a one a refused call.
_BYTES_A_TOKEN = 2
_PRICED_BYTES_A_TOKEN = 4
# What is asked for as the longest answer is far more than what comes.
_EXPECTED_OUTPUT_TOKENS = 2_000
_SIGNED = frozenset({"thinking", "redacted_thinking"})
_SEEN = frozenset({"image", "document"})


class Ability(StrEnum):
    """What not every model can do."""

    TOOLS = "tools"
    # The three forms of `thinking`: budgets are gone since Claude 4.7, Opus 5.5 cannot but think, older models do not
    # know `adaptive`: https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking.
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


@dataclass(frozen=True)
class Candidate:
    """A model that calls may go to. Input and output together must fit `context_tokens`."""

    name: str
    tier: int
    context_tokens: int
    output_tokens: int
    abilities: frozenset[Ability] = frozenset(Ability)

    def can(self, call: Call) -> bool:
        """Whether it can do one call."""
        output = call.asked.max_tokens
        return (
            output <= self.output_tokens
            and call.size // _BYTES_A_TOKEN + output <= self.context_tokens
            and _needed(call.asked) <= self.abilities
        )

    def can_stand_in_for(self, other: Candidate) -> bool:
        """Whether it can do all of a session that counts on another model: nobody knows yet what that will ask for."""
        return (
            self != other
            and self.context_tokens >= other.context_tokens
            and self.output_tokens >= other.output_tokens
            and self.abilities >= other.abilities
        )


@dataclass(frozen=True)
class SessionShape:
    """An agent's session as it is expected: each turn adds `growth_tokens` to the prompt, its own output among them."""

    turns: int = 30
    growth_tokens: int = 2_000
    output_tokens: int = 500


@dataclass(frozen=True)
class Call:
    """A call that waits for its model. `size` is its body's, in bytes; `owner` and `phase` are its token's."""

    asked: Asked
    size: int
    owner: str
    phase: str
    may_reroute: bool = False


@dataclass(frozen=True)
class Choice:
    """The model that a call goes to, its tier, the call's score from 0 to 100, and why."""

    model: str
    tier: int
    score: int
    why: str


@dataclass(frozen=True)
class Routing:
    """Chooses. `lowest` names for a phase the lowest model that a new session of it may start with."""

    candidates: tuple[Candidate, ...]
    sessions: Sessions
    learner: Learner
    lowest: Mapping[str, str] = field(default_factory=dict)
    shape: SessionShape = field(default_factory=SessionShape)
    price: Price = cost_usd

    def __post_init__(self) -> None:
        """Refuse candidates that could not be compared.

        Raises:
            InputError: a candidate has no known price.
        """
        for candidate in self.candidates:
            self.price(candidate.name, Usage())

    def choose(self, call: Call, now: datetime) -> Choice:
        """The model for a call; a session's first call is remembered.

        Raises:
            InfrastructureError: what is known of sessions cannot be read or written.
        """
        talk = Talk.of(call.asked, owner=call.owner)
        if talk is not None:
            return self._in_session(call, talk, now)
        if call.may_reroute and call.asked.is_plain and not _has_signed(call.asked.body):
            return self._plain(call)
        return self._kept(call, "It may not be rerouted.")

    def _kept(self, call: Call, why: str) -> Choice:
        return self._at(call.asked.model or "", call, why)

    def _at(self, model: str, call: Call, why: str) -> Choice:
        known = self._known(model)
        tier = known.tier if known else tier_of_model(model) or SONNET
        return Choice(model, tier, score_of(call.asked), why)

    def _known(self, model: str) -> Candidate | None:
        return next((candidate for candidate in self.candidates if candidate.name == model), None)

    def _plain(self, call: Call) -> Choice:
        score = score_of(call.asked)
        tier, is_trial = self.learner.tier(score, has_tools=call.asked.has_tools, lot=_lot(call.asked))
        able = [c for c in self.candidates if c.tier >= tier and c.can(call)]
        if not able:
            return self._kept(call, f"No model of tier {tier} or above can do it.")
        usage = Usage(
            input_tokens=call.size // _PRICED_BYTES_A_TOKEN,
            output_tokens=min(call.asked.max_tokens, _EXPECTED_OUTPUT_TOKENS),
        )
        nearest = min(c.tier for c in able)
        found = min((c for c in able if c.tier == nearest), key=lambda c: self.price(c.name, usage))
        reason = "on trial, to learn how good that tier is" if is_trial else "by its score"
        return Choice(
            found.name, found.tier, score, f"Tier {tier} {reason}; the cheapest model able to do it."
        )

    def _in_session(self, call: Call, talk: Talk, now: datetime) -> Choice:
        held = self.sessions.held(talk, now)
        if held is None:
            start = self._start(call, talk, now)
            pinned = self.sessions.pin(talk, start.model, now)
            return (
                start if pinned.model == start.model else self._at(pinned.model, call, "Its session's model.")
            )
        told = " The system prompt is new to the session." if held.is_new_prompt else ""
        return self._at(held.model, call, f"Its session's model.{told}")

    def _start(self, call: Call, talk: Talk, now: datetime) -> Choice:
        own, lowest = self._known(talk.asked_model), self._known(self.lowest.get(call.phase, ""))
        if own is None or lowest is None:
            return self._kept(call, "No other model is named for new sessions of its phase.")
        if _has_answers(call.asked.body):
            return self._kept(call, "Its session began before the router knew it.")
        first = _thousands(call.size // _PRICED_BYTES_A_TOKEN)
        shared = min(_thousands(_prefix_tokens(call.asked.body)), first)
        warm = self.sessions.warm(talk.system, now)
        others = (c for c in self.candidates if lowest.tier <= c.tier <= own.tier and c.can_stand_in_for(own))
        costs = {
            name: session_usd(
                self.price,
                name,
                self.shape,
                first_tokens=first,
                cached_tokens=shared if name in warm else 0,
            )
            for name in (own.name, *(c.name for c in others))
        }
        best = min(costs, key=lambda name: costs[name])
        if best == own.name:
            return self._kept(call, f"No model from {lowest.name} up is cheaper for the whole session.")
        why = f"A session of ${costs[best]:.2f} expected, against ${costs[own.name]:.2f} of {own.name}."
        return self._at(best, call, why)


@lru_cache(maxsize=4096)
def session_usd(
    price: Price, model: str, shape: SessionShape, *, first_tokens: int, cached_tokens: int
) -> float:
    """Dollars of all calls of a session that begins with so many tokens, of which so many are cached already."""
    total, cached = 0.0, cached_tokens
    for turn in range(shape.turns):
        prompt = first_tokens + turn * shape.growth_tokens
        usage = Usage(
            cache_read_tokens=cached, cache_write_tokens=prompt - cached, output_tokens=shape.output_tokens
        )
        total += price(model, usage)
        cached = prompt
    return total


def _thousands(tokens: int) -> int:
    """Rounded up, so that sessions which are all but alike are priced once: a call's price takes 0.2 ms."""
    return -(-tokens // 1_000) * 1_000


def _needed(asked: Asked) -> frozenset[Ability]:
    thinking = asked.body.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    needed = {
        Ability.TOOLS: asked.has_tools,
        Ability.SCHEMA: asked.wants_schema,
        Ability.IMAGES: not _SEEN.isdisjoint(_kinds(asked.body)),
        **{ability: kind == name for name, ability in _THINKING.items()},
    }
    return frozenset(ability for ability, is_needed in needed.items() if is_needed)


def _has_signed(body: Mapping[str, JsonValue]) -> bool:
    """Whether it holds thinking, which the model that it is signed for alone can read."""
    return not _SIGNED.isdisjoint(_kinds(body))


def _has_answers(body: Mapping[str, JsonValue]) -> bool:
    return any(message.get("role") == "assistant" for message in _messages(body))


def _kinds(body: Mapping[str, JsonValue]) -> Iterator[str]:
    """The kinds of all blocks of its messages."""
    for message in _messages(body):
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            kind = block.get("type") if isinstance(block, dict) else None
            if isinstance(kind, str):
                yield kind


def _messages(body: Mapping[str, JsonValue]) -> Iterator[Mapping[str, JsonValue]]:
    messages = body.get("messages")
    return (
        message for message in (messages if isinstance(messages, list) else []) if isinstance(message, dict)
    )


def _prefix_tokens(body: Mapping[str, JsonValue]) -> int:
    """Tokens of what a session shares with others of its phase: tools and system prompt."""
    shared = json.dumps([body.get("tools"), body.get("system")])
    return len(shared) // _PRICED_BYTES_A_TOKEN


def _lot(asked: Asked) -> float:
    """From 0 to 1 by the content of a call, so that the same call always has the same lot."""
    content = f"{asked.model}\0{asked.system_text}\0{asked.user_text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=4).digest(), "big") / 2**32
