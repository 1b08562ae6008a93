"""What every asset does with its run: tag it so that it is found, and turn errors into failures."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import dagster as dg

from factory_assets.defs.markdown import code_block
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.specs import QueuedSpec, rank_key

REPO_TAG = "factory/repo"
DATE_TAG = "factory/date"
RANK_TAG = "factory/rank"
PAPERS_TAG = "factory/papers"
OUTCOME_TAG = "factory/outcome"
# On runs that automation launched: how often the spec had been tried when it was decided.
ATTEMPTS_TAG = "factory/attempts-before"


class RunOutcome(StrEnum):
    """What became of a run, as the list of runs shows it."""

    SHIPPED = "shipped"
    FAILED = "failed"
    DEFERRED = "deferred"
    UNFINISHED = "unfinished"
    NO_SPEC = "no spec"
    BATCH = "asked in a batch"
    NOT_STARTED = "not started"
    STARTED = "started"


def spec_tags(queued: QueuedSpec) -> dict[str, str]:
    """Run tags by which a run is found: the repo's name, its date and rank, and its papers."""
    tags = {REPO_TAG: queued.spec.name}
    if queued.spec.source_papers:
        tags[PAPERS_TAG] = ",".join(queued.spec.source_papers)
    if queued.day is not None and queued.rank is not None:
        tags |= {DATE_TAG: queued.day.isoformat(), RANK_TAG: rank_key(queued.rank)}
    return tags


def tag_run(context: dg.AssetExecutionContext, queued: QueuedSpec) -> None:
    """Tag the run itself, because runs from the UI and from backfills come without these tags."""
    tags = spec_tags(queued)
    if OUTCOME_TAG in context.run.tags:
        # It is executed again, and inherited what became of the run before.
        tags[OUTCOME_TAG] = RunOutcome.STARTED.value
    context.instance.add_run_tags(context.run.run_id, tags)


def tag_outcome(context: dg.AssetExecutionContext, outcome: RunOutcome) -> None:
    """Say in the list of runs what became of this one."""
    context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: outcome.value})


def failure(error: FactoryError, metadata: Mapping[str, dg.MetadataValue] | None = None) -> dg.Failure:
    """The red step an operator reads: what failed, where, and what to do."""
    shown = {**error_metadata(error), **(metadata or {})}
    return dg.Failure(description=str(error), metadata=shown, allow_retries=False)


def error_metadata(error: FactoryError) -> dict[str, dg.MetadataValue]:
    """What, where and what to do."""
    shown: dict[str, dg.MetadataValue] = {"what": dg.MetadataValue.md(code_block(error.what))}
    if error.where:
        shown["where"] = dg.MetadataValue.text(error.where)
    if error.fix:
        shown["what to do"] = dg.MetadataValue.text(error.fix)
    return shown
