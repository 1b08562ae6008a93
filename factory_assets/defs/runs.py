"""What every asset does with its run: tag it so that it is found, and turn errors into failures."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from factory_assets.defs.markdown import code_block
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.specs import QueuedSpec, rank_key

REPO_TAG = "factory/repo"
DATE_TAG = "factory/date"
RANK_TAG = "factory/rank"
PAPERS_TAG = "factory/papers"


def spec_tags(queued: QueuedSpec) -> dict[str, str]:
    """Run tags by which a run is found: the repo's name, its date and rank, and its papers."""
    tags = {REPO_TAG: queued.spec.name, PAPERS_TAG: ",".join(queued.spec.source_papers)}
    if queued.day is not None and queued.rank is not None:
        tags |= {DATE_TAG: queued.day.isoformat(), RANK_TAG: rank_key(queued.rank)}
    return tags


def tag_run(context: dg.AssetExecutionContext, queued: QueuedSpec) -> None:
    """Tag the run itself, because runs from the UI and from backfills come without these tags."""
    context.instance.add_run_tags(context.run.run_id, spec_tags(queued))


def failure(error: FactoryError, metadata: Mapping[str, dg.MetadataValue] | None = None) -> dg.Failure:
    """The red step an operator reads: what failed, where, and what to do."""
    shown: dict[str, dg.MetadataValue] = {"what": dg.MetadataValue.md(code_block(error.what))}
    if error.where:
        shown["where"] = dg.MetadataValue.text(error.where)
    if error.mend:
        shown["what to do"] = dg.MetadataValue.text(error.mend)
    return dg.Failure(description=str(error), metadata={**shown, **(metadata or {})}, allow_retries=False)
