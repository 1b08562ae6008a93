"""What the factory did over some days, in numbers: the rows that its report is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from math import sqrt

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.acceptance import ACCEPT_STAGE, Acceptance
from factory_assets.domain.builds import Usage
from factory_assets.domain.papers import UtcDatetime
from factory_assets.domain.readings import READ_STAGE, Reading

# The ledger's stages of what builds cost.
BUILD_STAGES = frozenset({"build", ACCEPT_STAGE, READ_STAGE})
# The two-sided 95 per cent point of the normal distribution.
_Z = 1.96


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)


class DayActivity(_Line):
    """One UTC day: papers gathered, builds that shipped or failed on it, repos mirrored on it."""

    day: date
    papers: int = 0
    shipped: int = 0
    failed: int = 0
    mirrored: int = 0


class Spend(_Line):
    """Tokens and dollars of one UTC day's calls of one model in one stage, and in one phase of a build."""

    day: date
    model: str
    stage: str
    phase: str | None = None
    usage: Usage

    @property
    def dollars(self) -> float:
        """What they cost."""
        return self.usage.cost_usd


class PhaseSeconds(_Line):
    """How long one phase of one build took, in seconds of wall time."""

    phase: str
    seconds: float


class FailedRepo(_Line):
    """A failed build and why: the first gate that refused it, or how its agent ended."""

    name: str
    day: date | None
    rank: int | None
    cause: str


class WaitingSpec(_Line):
    """A queued spec, since when, and what it waits for; no cause means that only its turn has not come."""

    name: str
    queued_at: UtcDatetime
    cause: str | None


class Statistics(_Line):
    """All of it for the days from `first` to `last`, both included (UTC).

    `specs` counts specs queued on these days, `analysed` papers that were read among those gathered on them.
    `readings` has the last reading of each attempt that the reader has seen, `acceptances` what was agreed on then.
    """

    first: date
    last: date
    papers: int
    analysed: int
    specs: int
    days: tuple[DayActivity, ...]
    spend: tuple[Spend, ...]
    phases: tuple[PhaseSeconds, ...]
    failed: tuple[FailedRepo, ...]
    waiting: tuple[WaitingSpec, ...]
    readings: tuple[Reading, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()

    def waiting_for(self, causes: Mapping[str, str]) -> Statistics:
        """The same, where these specs wait for something else first."""
        waiting = (
            spec.model_copy(update={"cause": causes.get(spec.name, spec.cause)}) for spec in self.waiting
        )
        return self.model_copy(update={"waiting": tuple(waiting)})

    @property
    def shipped(self) -> int:
        """Builds that shipped."""
        return sum(day.shipped for day in self.days)

    @property
    def mirrored(self) -> int:
        """Repos that were published."""
        return sum(day.mirrored for day in self.days)

    @property
    def dollars(self) -> float:
        """Dollars of all stages."""
        # From 0.0, because without a line the sum would be a whole number, which Dagster refuses.
        return sum((line.dollars for line in self.spend), 0.0)

    @property
    def by_stage(self) -> dict[str, Usage]:
        """Tokens and dollars by stage, those of builds by phase; the dearest first."""
        sums: dict[str, Usage] = {}
        for line in self.spend:
            name = line.phase or line.stage
            sums[name] = sums.get(name, Usage()) + line.usage
        return dict(sorted(sums.items(), key=lambda item: -item[1].cost_usd))

    @property
    def cost_per_shipped(self) -> float | None:
        """Dollars of all builds, failed ones too, for each repo that shipped; None while none did."""
        building = sum(line.dollars for line in self.spend if line.stage in BUILD_STAGES)
        return building / self.shipped if self.shipped else None

    @property
    def ship_rate(self) -> tuple[float, float, float] | None:
        """Shipped of all finished builds, with the ends of its 95 per cent interval; None without a build."""
        return share(self.shipped, self.shipped + len(self.failed))

    @property
    def causes(self) -> list[tuple[str, int]]:
        """Failures by class, the most frequent first."""
        return sorted(
            Counter(repo.cause for repo in self.failed).items(), key=lambda item: (-item[1], item[0])
        )


def share(part: int, whole: int) -> tuple[float, float, float] | None:
    """A share with Wilson's 95 per cent interval, which holds for few builds too.

    See Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    if whole == 0:
        return None
    rate = part / whole
    scale = 1 + _Z**2 / whole
    middle = (rate + _Z**2 / (2 * whole)) / scale
    reach = _Z * sqrt(rate * (1 - rate) / whole + _Z**2 / (4 * whole**2)) / scale
    return rate, max(0.0, middle - reach), min(1.0, middle + reach)


def percent(share: float | None) -> str:
    """A share in whole per cent; empty where there is none."""
    return "" if share is None else f"{share:.0%}"
