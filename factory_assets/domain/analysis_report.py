"""What an analysis says about itself when it is done."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from factory_assets.domain.builds import Usage
from factory_assets.domain.specs import QueuedSpec

# The stages in the ledger whose calls turn a date's papers into specs, by either route.
ANALYSIS_STAGES = ("analyze", "synthesize")


class DroppedSpec(BaseModel):
    """A proposal that was not queued, and why."""

    model_config = ConfigDict(frozen=True)

    name: str
    reasons: tuple[str, ...]


class AnalysisReport(BaseModel):
    """The outcome of one analysis of one day.

    `papers` counts those sent; `refused` are the ids that the model declined to read (they count as analysed),
    `unread` those that it could not finish (they stay for the next analysis). `routes` are the ways that
    answered, `notes` what an operator should know, such as a route that failed. `seconds` is wall time.
    """

    model_config = ConfigDict(frozen=True)

    day: date
    papers: int
    batches: int = 0
    queued: tuple[QueuedSpec, ...] = ()
    dropped: tuple[DroppedSpec, ...] = ()
    refused: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    usage: Usage = Usage()
    routes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    answer_ids: tuple[int, ...] = ()
    cache_hits: int = 0
    seconds: float = 0.0
