"""Builds: phases, statuses and the rules between them, verdicts of gates, and what a phase cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.errors import StatusError
from factory_assets.domain.renamed import Fix
from factory_assets.domain.sizes import size_of


class BuildStatus(StrEnum):
    """Where a spec stands. Users know these words from build_queue.status."""

    QUEUED = "queued"
    BUILDING = "building"
    SEO = "seo"
    REVIEWING = "reviewing"
    SHIPPED = "shipped"
    FAILED = "failed"


class Phase(StrEnum):
    """The three phases of a build, in order."""

    BUILD = "build"
    SEO = "seo"
    REVIEW = "review"

    @property
    def status(self) -> BuildStatus:
        """The status of a spec while this phase runs."""
        return _PHASE_STATUS[self]


_PHASE_STATUS = {
    Phase.BUILD: BuildStatus.BUILDING,
    Phase.SEO: BuildStatus.SEO,
    Phase.REVIEW: BuildStatus.REVIEWING,
}

IN_PROGRESS = frozenset(_PHASE_STATUS.values())

# A run that died leaves its spec in a phase: the next run may start at any phase, or give the slot back.
_ALLOWED: dict[BuildStatus, frozenset[BuildStatus]] = {
    BuildStatus.QUEUED: IN_PROGRESS | {BuildStatus.FAILED},
    BuildStatus.BUILDING: IN_PROGRESS | {BuildStatus.FAILED, BuildStatus.QUEUED},
    BuildStatus.SEO: IN_PROGRESS | {BuildStatus.FAILED, BuildStatus.QUEUED},
    BuildStatus.REVIEWING: IN_PROGRESS | {BuildStatus.FAILED, BuildStatus.QUEUED, BuildStatus.SHIPPED},
    BuildStatus.FAILED: frozenset({BuildStatus.QUEUED, BuildStatus.BUILDING}),
    BuildStatus.SHIPPED: frozenset(),
}


def check_transition(name: str, old: BuildStatus, new: BuildStatus) -> None:
    """Refuse a change of status that the rules do not allow.

    Raises:
        StatusError: with both statuses; a shipped repo never changes again.
    """
    if new not in _ALLOWED[old]:
        raise StatusError(f"A spec that is {old} cannot become {new}.", where=name)


def turn_limit(estimated_lines: int) -> int:
    """Turns of the build phase: 10 to 100 lines, 15 to 200, 20 to 300, and more for what is larger."""
    return size_of(estimated_lines).turns


class GateVerdict(BaseModel):
    """One gate's decision. `saw` is the evidence, `fix` what to do when it did not pass."""

    model_config = ConfigDict(frozen=True)

    gate: str
    phase: Phase
    passed: bool
    saw: str
    fix: Fix = ""


class Usage(BaseModel):
    """Tokens and dollars of one or more model calls."""

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def prompt_tokens(self) -> int:
        """All tokens that were sent: the three counts of them do not overlap."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def cached_share(self) -> float | None:
        """The share of them, 0 to 1, that came from the model's prompt cache; None where nothing was sent."""
        return self.cache_read_tokens / self.prompt_tokens if self.prompt_tokens else None

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})

    def __sub__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) - getattr(other, name) for name in Usage.model_fields})


class ModelCall(BaseModel):
    """One line of the ledger `llm_calls`: a model call, or one phase of an agent with its sum.

    `route` is how it went: router, api or claude-code. `seconds` is wall time.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    partition: str
    repo: str | None
    phase: Phase | None
    route: str
    model: str
    usage: Usage
    seconds: float
    cache_hit: bool
    outcome: str
    at: datetime


# The outcome, in the ledger, of a session whose worker died.
WORKER_LOST = "worker lost"


class Reservation(BaseModel):
    """Dollars set aside for a session of an agent, or a call of a model, before it starts, and who they are for.

    A call that belongs to no phase takes from the repo's and the day's dollars alone. `id` is unique; `at` is the time
    (UTC) of the reservation, whose day's budget it takes from.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    spec_id: int
    repo: str
    stage: str
    partition: str
    phase: Phase | None
    route: str
    model: str
    run_id: str
    dollars: float
    at: datetime


class Spending(BaseModel):
    """What a repo has cost: dollars over all attempts, and dollars by phase and agents' seconds of one attempt."""

    model_config = ConfigDict(frozen=True)

    repo_usd: float = 0.0
    phase_usd: Mapping[Phase, float] = {}
    seconds: float = 0.0


class BudgetLimits(BaseModel):
    """The budgets in force, in dollars: for one repo, for one UTC day, and for each phase."""

    model_config = ConfigDict(frozen=True)

    repo_usd: float
    day_usd: float
    phase_usd: Mapping[Phase, float]


class WaitCause(StrEnum):
    """Why a queued spec waits.

    A spec that a budget stopped goes on when that budget is raised, and one of which there is the like already when a
    person lets it.
    """

    RATE_LIMIT = "rate limit"
    INFRASTRUCTURE = "infrastructure"
    NOT_UNDERSTOOD = "error not understood"
    TOOLCHAIN = "toolchain"
    CREDENTIAL = "credential"
    CREDIT = "credit"
    ACCOUNT = "account"
    USAGE_LIMIT = "usage limit"
    MODEL = "model"
    ANALYSIS_MODEL = "model of the analysis"
    REPO_BUDGET = "repo budget"
    PHASE_BUDGET = "phase budget"
    DAY_BUDGET = "day budget"
    CANCELLED = "cancelled by hand"
    EXISTS = "exists already"


class PhaseRecord(BaseModel):
    """A phase that is done: its commit in the bare repository, and what it took."""

    model_config = ConfigDict(frozen=True)

    phase: Phase
    commit: str
    model: str
    turns: int
    usage: Usage
    seconds: float
    finished_at: datetime


class ShippedRepo(BaseModel):
    """A repo that passed its last gate: `main` and the tag in its bare repository."""

    model_config = ConfigDict(frozen=True)

    name: str
    language: str
    problem: str
    source_url: str
    version: str
    commit: str
    lines_of_code: int
    tests_executed: int
    shipped_at: datetime
