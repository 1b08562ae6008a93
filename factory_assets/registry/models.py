"""What the registry reports beyond the domain's own models."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.papers import UtcDatetime


class ListedPaper(NamedTuple):
    """A paper as a list shows it."""

    arxiv_id: str
    title: str
    topics: tuple[str, ...]


class DayContents(NamedTuple):
    """The papers of a date, oldest first, and the digest that is equal exactly while none of them changes."""

    papers: tuple[ListedPaper, ...]
    fingerprint: str


class MirrorRecord(BaseModel):
    """Where a repo was mirrored to, which commit, and when."""

    model_config = ConfigDict(frozen=True)

    name: str
    url: str
    commit: str
    mirrored_at: UtcDatetime


class UnmirroredRepo(BaseModel):
    """A shipped repo whose commit is not mirrored yet, with its partition."""

    model_config = ConfigDict(frozen=True)

    day: date
    rank: int
    repo: ShippedRepo


class FailedBuild(BaseModel):
    """A build that failed, with what the operator reads."""

    model_config = ConfigDict(frozen=True)

    name: str
    day: date
    rank: int
    error_log: str


class AnalysisRecord(BaseModel):
    """One analysis of a date: papers read, specs queued, specs dropped as invalid."""

    model_config = ConfigDict(frozen=True)

    day: date
    analysed_at: UtcDatetime
    papers: int
    specs: int
    invalid_dropped: int


class IdeaCounts(BaseModel):
    """How much there is of a date: papers scored, chosen ones, and contexts of these, with those that have gaps."""

    model_config = ConfigDict(frozen=True)

    day: date
    candidates: int
    chosen: int
    contexts: int
    with_gaps: int


class FunnelDay(BaseModel):
    """How far one date's papers and specs have come. `analysed` counts papers; the rest counts repos."""

    model_config = ConfigDict(frozen=True)

    day: date
    papers: int = 0
    analysed: int = 0
    specs: int = 0
    queued: int = 0
    in_progress: int = 0
    shipped: int = 0
    failed: int = 0
    mirrored: int = 0
