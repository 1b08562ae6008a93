"""What became of backfills that Dagster ended by itself: which runs went with them, and what an operator is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import dagster as dg

from factory_assets.defs.dagster_private.core import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from factory_assets.domain.alerts import Alert
from factory_assets.domain.text import tail

_BACKFILL_TAG = "dagster/backfill"
# Dagster ends one so where it cannot go on; its runs are cancelled first. One that a person cancels is CANCELING.
_ENDED_BY_ITSELF = (BulkActionStatus.FAILING, BulkActionStatus.FAILED)
_MOST_BACKFILLS, _TEXT_LINES = 50, 6


def cancelled_by_backfill(instance: dg.DagsterInstance, run: dg.DagsterRun, at: float) -> bool:
    """Whether a backfill that Dagster ended by itself took this run with it, which was cancelled `at` (POSIX time)."""
    backfill_id = run.tags.get(_BACKFILL_TAG)
    backfill = instance.get_backfill(backfill_id) if backfill_id else None
    if backfill is None or backfill.status not in _ENDED_BY_ITSELF:
        return False
    # A retry may outlive its backfill, and is cancelled by a person then.
    return backfill.backfill_end_timestamp is None or at <= backfill.backfill_end_timestamp


def failed_backfills(instance: dg.DagsterInstance) -> list[PartitionBackfill]:
    """The latest backfills that Dagster ended by itself, newest first."""
    filters = BulkActionsFilter(statuses=list(_ENDED_BY_ITSELF))
    return list(instance.get_backfills(filters, limit=_MOST_BACKFILLS))


def alerts_of_backfills(
    failed: Sequence[PartitionBackfill], seen: Collection[str] | None, link: str
) -> Iterator[tuple[Alert, int]]:
    """One message of those that are not `seen` yet. None: nothing has been looked at before, and nothing is told.

    A backfill of which only some runs failed has ended as it should, and its runs are told of.
    """
    if seen is None:
        return
    new = [backfill for backfill in failed if backfill.backfill_id not in seen]
    if not new:
        return
    newest = new[0]
    assets = ", ".join(sorted(key.to_user_string() for key in newest.asset_selection or ()))
    reason = tail(newest.error.message, lines=_TEXT_LINES) if newest.error else "It gave no reason."
    yield (
        Alert(
            cause="backfill failed",
            title="A backfill ended before it was through",
            text=f"{assets or newest.backfill_id}: {reason}\nWhat it had not built waits in the queue; for the rest"
            " launch it again.",
            link=f"{link}/runs/b/{newest.backfill_id}",
        ),
        len(new),
    )
