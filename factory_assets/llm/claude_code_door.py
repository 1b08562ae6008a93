"""What a run asked the model API through its door: how it was answered, and what that cost by the answers' counts.

The door is outside the sandbox, so nothing that runs in there can change what stands here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InputError
from factory_assets.domain.refusals import Fault, Refusal, classify
from factory_assets.llm.claude_code_answer import Answer, Counts
from factory_assets.llm.claude_code_ending import AtDoor
from factory_assets.llm.prices import Extras, cost_usd, dearest_cost

# Claude Code stops at the limit by its own reckoning, and shall be the first to do so.
_TOLERANCE = 1.05
_BYTES_PER_TOKEN = 4
# The least that is assumed of an answer that was broken off: the model may have thought unseen.
_LEAST_TOKENS = 1000
# The largest context of any model.
_MOST_INPUT_TOKENS = 1_000_000
# What code in the sandbox can bring about for itself, by a header too few or a model that there is not.
_PROVOKED = frozenset({Fault.CREDENTIAL, Fault.ACCOUNT, Fault.MODEL})


@dataclass
class DoorMeter:
    """Adds up the calls of one run, and lets no further one pass when they cost more than `limit_usd` and a bit.

    Written by the proxy's thread, read by others.
    """

    limit_usd: float
    _over_budget: bool = field(default=False, init=False)
    _waiting_since: float | None = field(default=None, init=False)
    _accepted: set[str | None] = field(default_factory=set, init=False)
    _refusal: Refusal | None = field(default=None, init=False)
    _refused_model: str | None = field(default=None, init=False)
    _calls: dict[int, Usage] = field(default_factory=dict, init=False)

    @property
    def usage(self) -> Usage:
        """Tokens and dollars so far."""
        return sum(tuple(self._calls.values()), Usage())

    @property
    def silent_seconds(self) -> float:
        """For how long the API has said nothing of an answer that is waited for; 0 when none is."""
        since = self._waiting_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def seen(self) -> AtDoor:
        """What the end of the run is judged by.

        Code in the sandbox can have a good credential denied, but it runs only once the model was asked; so a denial
        is believed as long as nothing was accepted, and that of a model as long as that model never answered.
        """
        refusal = self._refusal
        known = (
            self._refused_model in self._accepted
            if refusal and refusal.fault is Fault.MODEL
            else self._accepted
        )
        return AtDoor(
            over_budget=self._over_budget,
            refusal=refusal,
            is_doubted=refusal is not None and refusal.fault in _PROVOKED and bool(known),
        )

    def refusal(self) -> str | None:
        """Why no further call passes; None while they do."""
        if sum(call.cost_usd for call in self._calls.values()) <= self.limit_usd * _TOLERANCE:
            return None
        self._over_budget = True
        return f"the budget of ${self.limit_usd:.2f} is used up"

    def call(self, request_bytes: int) -> Call:
        """A call passes now."""
        number = len(self._calls)
        self._calls[number] = Usage()
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()
        return Call(self, number, request_bytes)

    def settle(self, number: int, usage: Usage) -> None:
        """Set what the call of this number has used, as far as it is known."""
        self._calls[number] = usage

    def hear(self) -> None:
        """A part of an answer has come that the model had begun."""
        self._waiting_since = time.monotonic()

    def accept(self, model: str | None, *, is_whole: bool) -> None:
        """Take an answer to a call that asked for `model`."""
        self._accepted.add(model)
        if is_whole:
            self._waiting_since = None
        self._refusal = None

    def reject(self, status: int, error: tuple[str, str], model: str | None) -> None:
        """Take an error by its status, its kind and its words, of a call that asked for `model`.

        Within an answer that had begun, its status says nothing.
        """
        kind, words = error
        told = status if status >= 400 else None
        self._refusal = classify(status=told, kind=kind, words=words, now=datetime.now(UTC))
        self._refused_model = model


@dataclass(frozen=True)
class _Asked:
    """What a request says of its answer."""

    model: str | None = None
    streams: bool = False
    max_tokens: int = 0


class Call:
    """One call, read while it passes; implements sandbox.door.CallWatch.

    An answer of a model whose price is not known costs what the model that was asked for does; where that has
    none either, what the dearest Claude model would.
    """

    def __init__(self, meter: DoorMeter, number: int, request_bytes: int) -> None:
        self._meter = meter
        self._number = number
        self._request_bytes = request_bytes
        self._request = bytearray()
        self._status: int | None = None
        self._answer: Answer | None = None
        self._failed = False
        self._ended = False

    def sent(self, content: bytes) -> None:
        """Keep the next part of the request."""
        self._request += content

    def answered(self, status: int, content_type: str) -> None:
        """The answer begins."""
        self._status = status
        self._answer = Answer(streams=content_type.lower().startswith("text/event-stream"))

    def heard(self, content: bytes) -> None:
        """Read the next part of it; what it counts on its way holds at once."""
        if self._answer is None or self._ended:
            return
        known = self._answer.counts
        self._answer.feed(content)
        if self._answer.counts is not None:
            self._meter.hear()
        if self._answer.counts is not None and self._answer.counts is not known:
            self._settle(self._answer.counts)

    def unanswered(self) -> None:
        """The API did not answer, so it charges nothing."""
        self._failed = True

    def ended(self) -> None:
        """Settle it."""
        if self._ended:
            return
        self._ended = True
        if self._answer is None:
            # Only a whole request sets a model to work.
            if 0 < self._request_bytes <= len(self._request) and not self._failed:
                self._settle(self._broken_off(Counts(), tokens_seen=0, streamed=False))
            return
        self._answer.end()
        if self._status is None or not 200 <= self._status < 300:
            self._meter.reject(
                self._status or 0, self._answer.error or ("", self._answer.text), self._asked().model
            )
            return
        if self._answer.error is not None:
            self._meter.reject(self._status, self._answer.error, self._asked().model)
        self._take_answer(self._answer)

    def _take_answer(self, answer: Answer) -> None:
        if answer.counts is not None:
            self._meter.accept(self._asked().model, is_whole=answer.complete)
        elif answer.error is not None:
            # It failed before the model began.
            return
        counts = answer.counts or Counts()
        if not answer.complete:
            counts = self._broken_off(counts, tokens_seen=answer.tokens_seen, streamed=answer.streams)
        self._settle(counts)

    def _broken_off(self, counts: Counts, *, tokens_seen: int, streamed: bool) -> Counts:
        """Counts of an answer whose end was not heard.

        The API ends a stream with its connection; an answer in one piece may be written to its end.
        """
        asked = self._asked()
        least = _LEAST_TOKENS if streamed or asked.streams else asked.max_tokens
        estimated = min(self._request_bytes // _BYTES_PER_TOKEN, _MOST_INPUT_TOKENS)
        prompt = counts.input_tokens + counts.cache_read_input_tokens + counts.cache_creation_input_tokens
        return counts.model_copy(
            update={
                "input_tokens": counts.input_tokens if prompt else estimated,
                "output_tokens": max(counts.output_tokens, tokens_seen, least),
            }
        )

    def _settle(self, counts: Counts) -> None:
        cost = _cost(self._models(), counts.usage, counts.extras)
        cost += sum(_cost(self._models(part.model), part.usage, part.extras) for part in counts.beside)
        self._meter.settle(self._number, counts.usage.model_copy(update={"cost_usd": cost}))

    def _models(self, told: str | None = None) -> Iterator[str | None]:
        yield told
        yield self._answer.model if self._answer else None
        yield self._asked().model

    def _asked(self) -> _Asked:
        try:
            request = json.loads(bytes(self._request))
            most = request.get("max_tokens")
            return _Asked(
                model=request["model"] if isinstance(request.get("model"), str) else None,
                streams=request.get("stream") is True,
                max_tokens=most if isinstance(most, int) else 0,
            )
        except (ValueError, AttributeError, RecursionError):
            return _Asked()


def _cost(models: Iterable[str | None], usage: Usage, extras: Extras) -> float:
    for model in models:
        if model is None:
            continue
        try:
            return cost_usd(model, usage, extras)
        except InputError:
            continue
    return dearest_cost(usage, extras)
