"""A call as it came to the router, what it needs, and why it may not go out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory_assets.network.http_answer import Headers
from factory_assets.router.abilities import needed
from factory_assets.router.asked import Asked
from factory_assets.router.backends import CallNeeds, Use
from factory_assets.router.embeddings_form import WantedVectors
from factory_assets.router.grants import Live
from factory_assets.router.limit_headers import Estimate

_BYTES_PER_TOKEN = 4
# A request that names no model is passed on, for the API to refuse.
_UNNAMED = "unnamed"
# What is asked for as the longest answer is far more than what comes.
_EXPECTED_OUTPUT_TOKENS = 2_000
# Of a conversation that goes on, the prompt cache holds all but the last turns.
_NEW_SHARE = 10


class RequestRefusedError(Exception):
    """A call that does not go out: the status and the words that answer it, and headers beside them."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


def check_budget(live: Live, most_usd: float = 0.0) -> None:
    """Let no further call pass that its grant has no dollars for, nor one that waited until that had ended.

    `most_usd` is what it can take at most, where that is known before.

    Raises:
        RefusedError: saying so.
    """
    if live.has_ended:
        raise RequestRefusedError(401, f"The token of {live.grant.words} has ended.")
    if (why := live.meter.refusal(most_usd)) is not None:
        # 400, because programs try every other refusal again.
        raise RequestRefusedError(400, f"No further call of the model passes: {why}.")


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A request as it came. `headers` are those that go on; `shown` is the caller's own login, if it brings one.

    `routed` are the score and the tier by which its model was chosen. With `vectors` it asks for those
    of texts.
    """

    method: str
    target: str
    headers: Headers
    body: bytes
    asked: Asked
    live: Live
    shown: str = ""
    raw_headers: Headers = field(default_factory=list)
    routed: tuple[int, int] | None = None
    vectors: WantedVectors | None = None

    @property
    def use(self) -> Use:
        """What it is of."""
        if self.vectors is not None:
            return Use.EMBEDDINGS
        return Use.PLAIN if self.live.grant.plain else Use.AGENTS

    @property
    def needs(self) -> CallNeeds:
        """What it needs of a backend."""
        return CallNeeds(
            model=self.asked.model or _UNNAMED,
            use=self.use,
            input_tokens=len(self.body) // _BYTES_PER_TOKEN,
            output_tokens=self.asked.max_tokens,
            abilities=needed(self.asked),
        )

    @property
    def estimate(self) -> Estimate:
        """What it is expected to take of the rate limits."""
        sent = len(self.body) // _BYTES_PER_TOKEN
        goes_on = self.asked.session is not None and self.asked.turns > 1
        return Estimate(
            input_tokens=sent // _NEW_SHARE if goes_on else sent,
            output_tokens=min(self.asked.max_tokens, _EXPECTED_OUTPUT_TOKENS),
        )
