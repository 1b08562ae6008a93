"""How good a tier's answers are: feedback, and the interval in which its mean quality lies at all times at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from factory_assets.domain.errors import InputError

_BOLDEST_BET = 0.5


class CallFeedback(BaseModel):
    """How good an answer was: `quality` 0 to 1, of a model of `tier` 1 to 3, to a call of `score` 0 to 1."""

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    score: float = Field(ge=0, le=1)
    tier: int = Field(ge=1, le=3)
    quality: float = Field(ge=0, le=1)

    @classmethod
    def read(cls, body: JsonValue) -> CallFeedback:
        """The feedback in a request's JSON.

        Raises:
            InputError: it is none.
        """
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            raise InputError(
                f"This is no feedback: {fault['msg']}.",
                where=".".join(str(part) for part in fault["loc"]) or "body",
                fix="Send a JSON object with score 0 to 1, tier 1, 2 or 3, and quality 0 to 1.",
            ) from None


@dataclass(frozen=True)
class Tally:
    """What is known of a mean quality: an empirical Bernstein confidence sequence.

    It holds after every sample at once, so that looking again and again costs nothing; of the samples it wants only
    that they lie between 0 and 1 and that their mean does not change. By theorem 2 of Waudby-Smith and Ramdas,
    "Estimating means of bounded random variables by betting", https://arxiv.org/abs/2010.09686: `total` and `squares`
    give the mean and the variance so far, from which the next sample is foretold and its bet is set; `bets`, `weighted`
    and `spread` are the sums of the theorem. `began_at` is in seconds of the epoch.
    """

    began_at: float
    samples: int = 0
    total: float = 0.0
    squares: float = 0.0
    bets: float = 0.0
    weighted: float = 0.0
    spread: float = 0.0

    def with_quality(self, quality: float, *, error_rate: float) -> Tally:
        """The same with one more sample, whose bet is set for intervals of that error rate."""
        count = self.samples + 1
        foretold, variance = (0.5 + self.total) / count, (0.25 + self.squares) / count
        best = math.sqrt(2 * math.log(2 / error_rate) / (variance * count * math.log(1 + count)))
        bet = min(best, _BOLDEST_BET)
        total = self.total + quality
        return Tally(
            began_at=self.began_at,
            samples=count,
            total=total,
            squares=self.squares + (quality - (0.5 + total) / (count + 1)) ** 2,
            bets=self.bets + bet,
            weighted=self.weighted + bet * quality,
            spread=self.spread + (quality - foretold) ** 2 * (-math.log(1 - bet) - bet),
        )

    def reading(self, *, error_rate: float) -> QualityReading:
        """The interval that holds the mean at all times with a probability of 1 less the error rate."""
        if not self.samples:
            return QualityReading(samples=0, mean=None, low=0.0, high=1.0)
        middle, width = self.weighted / self.bets, (math.log(2 / error_rate) + self.spread) / self.bets
        mean = self.total / self.samples
        return QualityReading(
            samples=self.samples, mean=mean, low=max(middle - width, 0.0), high=min(middle + width, 1.0)
        )


class QualityReading(BaseModel):
    """A mean quality and the interval that it lies in; no mean where there is no sample."""

    model_config = ConfigDict(frozen=True)

    samples: int
    mean: float | None
    low: float
    high: float
