"""What the calls of one grant were answered and what they cost, by the answers' own counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from factory_assets.domain.builds import Usage
from factory_assets.domain.refusals import Fault, Refusal, classify
from factory_assets.llm.model_access import SeenCalls
from factory_assets.llm.prices import Extras, first_price
from factory_assets.router.answer import BackendAnswer, Counts
from factory_assets.router.asked import Asked

# Claude Code stops at the limit by its own reckoning, and shall be the first to do so.
_TOLERANCE = 1.05
_BYTES_PER_TOKEN = 4
# The least that is assumed of an answer that was broken off: the model may have thought unseen.
_LEAST_TOKENS = 1000
# The largest context of any model.
_MOST_INPUT_TOKENS = 1_000_000
# Prompts are estimated in steps of so many tokens, so that those which are all but alike are priced once.
_STEP = 250
# Dollars for what a call has used.
Price = Callable[[Usage], float]
# What code in the sandbox can bring about for itself, by a header too few or a model that there is not.
_PROVOKED = frozenset({Fault.CREDENTIAL, Fault.ACCOUNT, Fault.MODEL})


@dataclass
class GrantMeter:
    """Adds up the calls of one grant, and lets no further one pass when they cost more than `limit_usd` and a bit.

    `before` is what they had come to when an earlier router of this instance ended.
    """

    limit_usd: float
    before: Usage = field(default_factory=Usage)
    _total: Usage = field(init=False)
    _over_budget: bool = field(default=False, init=False)
    _waiting_since: float | None = field(default=None, init=False)
    _accepted: set[str | None] = field(default_factory=set, init=False)
    _refusal: Refusal | None = field(default=None, init=False)
    _refused_model: str | None = field(default=None, init=False)
    _calls: dict[int, Usage] = field(default_factory=dict, init=False)
    _not_passed: dict[str, None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._total = self.before

    @property
    def usage(self) -> Usage:
        """Tokens and dollars so far."""
        return self._total

    @property
    def silent_seconds(self) -> float:
        """For how long the API has said nothing of an answer that is waited for; 0 when none is."""
        since = self._waiting_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def seen(self) -> SeenCalls:
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
        return SeenCalls(
            usage=self.usage,
            silent_seconds=self.silent_seconds,
            not_passed=tuple(self._not_passed),
            over_budget=self._over_budget,
            refusal=refusal,
            is_doubted=refusal is not None and refusal.fault in _PROVOKED and bool(known),
        )

    def refusal(self, most_usd: float = 0.0) -> str | None:
        """Why no further call passes; None while they do. `most_usd` is what is known to be the most that it takes."""
        if self.usage.cost_usd + most_usd <= self.limit_usd * _TOLERANCE:
            return None
        self._over_budget = True
        why = f"the budget of ${self.limit_usd:.2f} is used up"
        if most_usd:
            why = f"it may take ${most_usd:.4f}, and of ${self.limit_usd:.2f} ${self.usage.cost_usd:.4f} are used"
        self._not_passed[f"a further call of the model: {why}"] = None
        return why

    def call(self, asked: Asked, request_bytes: int, price: Price | None = None) -> TrackedCall:
        """A call passes now. `price` is the backend's own, where it has one."""
        number = len(self._calls)
        self._calls[number] = Usage()
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()

        def settle(usage: Usage) -> None:
            # A running sum: one over all calls for each event of each call would take ever longer.
            self._total += usage - self._calls[number]
            self._calls[number] = usage

        return TrackedCall(self, settle, asked, request_bytes, price)

    def add(self, usage: Usage) -> None:
        """Take into account what is used beside its calls: by a batch, or less than a batch was taken for."""
        self._total += usage

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


class TrackedCall:
    """One call, read while its answer passes.

    An answer of a model whose price is not known costs what the model that was asked for does; where that has
    none either, what the dearest Claude model would.
    """

    def __init__(
        self,
        meter: GrantMeter,
        settle: Callable[[Usage], None],
        asked: Asked,
        request_bytes: int,
        price: Price | None,
    ) -> None:
        self._meter = meter
        self._settled = settle
        # Not the request itself, which may be large and would be kept for as long as the answer takes.
        self._model, self._streams, self._max_tokens = asked.model, asked.streams, asked.max_tokens
        self._request_bytes = request_bytes
        self._price = price
        self._status: int | None = None
        self._answer: BackendAnswer | None = None
        self._failed = False
        self._priced_counts: Counts | None = None
        self.usage = Usage()
        self.outcome = ""

    @property
    def estimate(self) -> Usage:
        """What it is taken to cost where nothing is heard of its answer."""
        counts = self._broken_off(Counts(), tokens_seen=0, streamed=False)
        if self._price is not None:
            return self._priced(counts)
        cost = _estimated_usd(self._model, -(-counts.input_tokens // _STEP) * _STEP, counts.output_tokens)
        return counts.usage.model_copy(update={"cost_usd": cost})

    def answered(self, status: int, content_type: str) -> None:
        """The answer begins."""
        self._status = status
        self._answer = BackendAnswer(streams=content_type.lower().startswith("text/event-stream"))

    def heard(self, content: bytes) -> bool:
        """Read the next part of it; what it counts on its way holds at once. Whether more is known of its `usage`."""
        if self._answer is None or self.outcome:
            return False
        known = self._answer.counts
        self._answer.feed(content)
        if self._answer.counts is not None:
            self._meter.hear()
        if self._answer.counts is None or self._answer.counts is known:
            return False
        self._settle(self._as_far(self._answer))
        return True

    def unanswered(self) -> None:
        """The API did not answer, so it charges nothing."""
        self._failed = True

    def ended(self) -> None:
        """Settle it, whoever ended it; a second time changes nothing."""
        if self.outcome:
            return
        if self._answer is None:
            self.outcome = "no answer" if self._failed else "broken off"
            self._use(Usage() if self._failed else self.estimate)
            return
        self._answer.end()
        if self._status is None or not 200 <= self._status < 300:
            self.outcome = f"refused with {self._status}"
            self._meter.reject(self._status or 0, self._answer.error or ("", self._answer.text), self._model)
            self._use(Usage())
            return
        self.outcome = "answered" if self._answer.complete else "broken off"
        if self._answer.error is not None:
            self.outcome = "failed on its way"
            self._meter.reject(self._status, self._answer.error, self._model)
        self._take_answer(self._answer)

    def _take_answer(self, answer: BackendAnswer) -> None:
        if answer.counts is not None:
            self._meter.accept(self._model, is_whole=answer.complete)
        elif answer.error is not None:
            # It failed before the model began.
            self._use(Usage())
            return
        self._settle(self._as_far(answer))

    def _as_far(self, answer: BackendAnswer) -> Counts:
        """What an answer has come to as far as it was heard."""
        counts = answer.counts or Counts()
        if answer.complete:
            return counts
        return self._broken_off(counts, tokens_seen=answer.tokens_seen, streamed=answer.streams)

    def _broken_off(self, counts: Counts, *, tokens_seen: int, streamed: bool) -> Counts:
        """Counts of an answer whose end was not heard.

        The API ends a stream with its connection; an answer in one piece may be written to its end.
        """
        least = _LEAST_TOKENS if streamed or self._streams else self._max_tokens
        estimated = min(self._request_bytes // _BYTES_PER_TOKEN, _MOST_INPUT_TOKENS)
        prompt = counts.input_tokens + counts.cache_read_input_tokens + counts.cache_creation_input_tokens
        return counts.model_copy(
            update={
                "input_tokens": counts.input_tokens if prompt else estimated,
                "output_tokens": max(counts.output_tokens, tokens_seen, least),
            }
        )

    def _settle(self, counts: Counts) -> None:
        if counts is not self._priced_counts:
            self._priced_counts = counts
            self._use(self._priced(counts))

    def _use(self, usage: Usage) -> None:
        self.usage = usage
        self._settled(usage)

    def _priced(self, counts: Counts) -> Usage:
        if self._price is not None:
            return counts.usage.model_copy(update={"cost_usd": self._price(counts.usage)})
        cost = first_price(self._models(), counts.usage, counts.extras)
        cost += sum(first_price(self._models(part.model), part.usage, part.extras) for part in counts.beside)
        return counts.usage.model_copy(update={"cost_usd": cost})

    def _models(self, told: str | None = None) -> Iterator[str | None]:
        yield told
        yield self._answer.model if self._answer else None
        yield self._model


@lru_cache(maxsize=4096)
def _estimated_usd(model: str | None, input_tokens: int, output_tokens: int) -> float:
    usage = Usage(calls=1, input_tokens=input_tokens, output_tokens=output_tokens)
    return first_price([model], usage, Extras())
