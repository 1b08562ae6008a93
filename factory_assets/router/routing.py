"""Which model a call goes to: the one that it asks for, unless it may go elsewhere and another does it for less.

Only two kinds of calls ever go to another model. A plain call that says it may be rerouted goes to the cheapest able
model of the tier that its score asks for, unless that costs more than the model that it names. And a new session of a
phase for which the operator has named a lowest model starts with the cheapest one between that and its own, all of the
session's expected calls priced, cold cache included. Scores have no say in sessions: what Claude Code sends first looks
hard whatever the task is. A session that has begun stays where it is (sessions.py).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InfrastructureError
from factory_assets.router.abilities import has_answers, has_signed_thinking, needed
from factory_assets.router.asked import Asked
from factory_assets.router.backends import CallNeeds, Model, Use
from factory_assets.router.learning import Learner
from factory_assets.router.scoring import SONNET, score_of, tier_of_model
from factory_assets.router.sessions import PinnedSessions, Talk

# Text is rather four bytes a token. Too high a guess costs a larger model, too low a one a refused call.
_BYTES_A_TOKEN = 2
_PRICED_BYTES_A_TOKEN = 4
# What is asked for as the longest answer is far more than what comes.
_EXPECTED_OUTPUT_TOKENS = 2_000
_DATED = re.compile(r"-\d{8}$")


@dataclass(frozen=True)
class SessionShape:
    """An agent's session as it is expected: each turn adds `growth_tokens` to the prompt, its own output among them."""

    turns: int = 30
    growth_tokens: int = 2_000
    output_tokens: int = 500


@dataclass(frozen=True)
class RoutedCall:
    """A call that waits for its model. `size` is its body's, in bytes; `owner` and `phase` are its token's."""

    asked: Asked
    size: int
    owner: str
    phase: str
    may_reroute: bool = False


@dataclass(frozen=True)
class RouteChoice:
    """The model that a call goes to, its tier, the call's score from 0 to 100, and why."""

    model: str
    tier: int
    score: int
    why: str


@dataclass(frozen=True)
class Routing:
    """Chooses. `lowest` names for a phase the lowest model that a new session of it may start with.

    `notify` is told, once for each reason, that sessions cannot be remembered: they then keep the models they ask for.
    """

    models: tuple[Model, ...]
    sessions: PinnedSessions
    learner: Learner
    notify: Callable[[str], None]
    lowest: Mapping[str, str] = field(default_factory=dict)
    shape: SessionShape = field(default_factory=SessionShape)
    _told: set[str] = field(default_factory=set)

    def choose(self, call: RoutedCall, now: datetime) -> RouteChoice:
        """The model for a call; a session's first call is remembered. Whatever it is, it has one."""
        talk = Talk.of(call.asked, owner=call.owner)
        if talk is not None:
            try:
                return self._in_session(call, talk, now)
            except InfrastructureError as error:
                self._tell(str(error))
                return self._kept(call, "Its session cannot be looked up.")
        if call.may_reroute and call.asked.is_plain and not has_signed_thinking(call.asked):
            return self._plain(call)
        return self._kept(call, "It may not be rerouted.")

    def _kept(self, call: RoutedCall, why: str) -> RouteChoice:
        return self._at(call.asked.model or "", call, why)

    def _at(self, model: str, call: RoutedCall, why: str) -> RouteChoice:
        known = self._known(model)
        tier = known.tier if known else tier_of_model(model) or SONNET
        return RouteChoice(model, tier, score_of(call.asked), why)

    def _known(self, name: str) -> Model | None:
        names = {name, _DATED.sub("", name)}
        return next((model for model in self.models if model.name in names), None)

    def _plain(self, call: RoutedCall) -> RouteChoice:
        score, asked = score_of(call.asked), call.asked
        tier, is_trial = self.learner.tier(score, has_tools=asked.has_tools, lot=_lot(asked))
        needs = CallNeeds(
            model=asked.model or "",
            use=Use.PLAIN,
            input_tokens=call.size // _BYTES_A_TOKEN,
            output_tokens=asked.max_tokens,
            abilities=needed(asked),
        )
        able = [model for model in self.models if model.tier >= tier and model.can_do(needs)]
        if not able:
            return self._kept(call, f"No model of tier {tier} or above can do it.")
        usage = Usage(
            input_tokens=call.size // _PRICED_BYTES_A_TOKEN,
            output_tokens=min(asked.max_tokens, _EXPECTED_OUTPUT_TOKENS),
        )
        nearest = min(model.tier for model in able)
        found = min(
            (model for model in able if model.tier == nearest), key=lambda model: model.cost_usd(usage)
        )
        why = "on trial, to learn how good that tier is" if is_trial else "by its score"
        own = self._known(asked.model or "")
        if own is not None and own.can_do(needs) and own.cost_usd(usage) < found.cost_usd(usage):
            return self._kept(call, f"Tier {tier} {why}, which would cost more than its own model.")
        return RouteChoice(
            found.name, found.tier, score, f"Tier {tier} {why}; the cheapest model able to do it."
        )

    def _in_session(self, call: RoutedCall, talk: Talk, now: datetime) -> RouteChoice:
        held = self.sessions.held(talk, now)
        if held is None:
            start = self._start(call, talk, now)
            pinned = self.sessions.pin(talk, start.model, now)
            is_own = pinned.model == start.model
            return start if is_own else self._at(pinned.model, call, "Its session's model.")
        told = " The system prompt is new to the session." if held.is_new_prompt else ""
        return self._at(held.model, call, f"Its session's model.{told}")

    def _start(self, call: RoutedCall, talk: Talk, now: datetime) -> RouteChoice:
        own, lowest = self._known(talk.asked_model), self._known(self.lowest.get(call.phase, ""))
        if own is None or lowest is None:
            return self._kept(call, "No other model is named for new sessions of its phase.")
        if has_answers(call.asked):
            return self._kept(call, "Its session began before the router knew it.")
        first = _thousands(call.size // _PRICED_BYTES_A_TOKEN)
        shared = min(_thousands(_shared_tokens(call.asked)), first)
        warm = self.sessions.warm(talk.system, now)
        others = (m for m in self.models if lowest.tier <= m.tier <= own.tier and _can_stand_in(m, own))
        costs = {
            model.name: session_usd(
                model, self.shape, first_tokens=first, cached_tokens=shared if model.name in warm else 0
            )
            for model in (own, *others)
        }
        best = min(costs, key=lambda name: costs[name])
        if best == own.name:
            return self._kept(call, f"No model from {lowest.name} up is cheaper for the whole session.")
        why = f"A session of ${costs[best]:.2f} expected, against ${costs[own.name]:.2f} of {own.name}."
        return self._at(best, call, why)

    def _tell(self, what: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self.notify(what)


@lru_cache(maxsize=4096)
def session_usd(model: Model, shape: SessionShape, *, first_tokens: int, cached_tokens: int) -> float:
    """Dollars of all calls of a session that begins with so many tokens, of which so many are cached already."""
    total, cached = 0.0, cached_tokens
    for turn in range(shape.turns):
        prompt = first_tokens + turn * shape.growth_tokens
        total += model.cost_usd(
            Usage(
                cache_read_tokens=cached,
                cache_write_tokens=prompt - cached,
                output_tokens=shape.output_tokens,
            )
        )
        cached = prompt
    return total


def _can_stand_in(model: Model, own: Model) -> bool:
    """Whether it can do all of a session that counts on its own model: nobody knows yet what that will ask for."""
    bounds = ((model.context_tokens, own.context_tokens), (model.output_tokens, own.output_tokens))
    return (
        model != own
        and model.abilities >= own.abilities
        and all(has is None or (wanted is not None and has >= wanted) for has, wanted in bounds)
    )


def _thousands(tokens: int) -> int:
    """Rounded up, so that sessions which are all but alike are priced once: a call's price takes 0.2 ms."""
    return -(-tokens // 1_000) * 1_000


def _shared_tokens(asked: Asked) -> int:
    """Tokens of what a session shares with others of its phase: tools and system prompt."""
    shared = json.dumps([asked.body.get("tools"), asked.body.get("system")])
    return len(shared) // _PRICED_BYTES_A_TOKEN


def _lot(asked: Asked) -> float:
    """From 0 to 1 by the content of a call, so that the same call always has the same lot."""
    content = f"{asked.model}\0{asked.system_text}\0{asked.user_text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=4).digest(), "big") / 2**32
