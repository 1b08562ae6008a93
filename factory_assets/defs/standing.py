"""Partitions that may not go: those on which a spec, a run or a backfill stands.

Dagster ends a backfill of which a partition is gone, with all its runs, and shows nothing of what was built there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from factory_assets.defs.dagster_private.core import (
    NOT_FINISHED_STATUSES,
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
)
from factory_assets.defs.partitions import parse_date_rank
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus
from factory_assets.domain.errors import InputError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

_PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_start")
_LAST_OF_RANGE_TAG = "dagster/asset_partition_range_end"
_UNFINISHED = frozenset({BuildStatus.QUEUED, *IN_PROGRESS})
_NAMED = 5


@dataclass(frozen=True)
class Grid:
    """The dates and ranks that are partitions; without a `last` date they reach up to today."""

    first: date
    last: date | None
    ranks: int

    def lacks_date(self, day: date) -> bool:
        """Whether the date lies outside."""
        return day < self.first or (self.last is not None and day > self.last)

    def lacks(self, key: str) -> bool:
        """Whether the partition, a date or a date and rank, lies outside."""
        if "|" not in key:
            return self.lacks_date(date.fromisoformat(key))
        day, rank = parse_date_rank(key)
        return self.lacks_date(day) or rank > self.ranks

    def lacks_some_of(self, other: Grid) -> bool:
        """Whether the other one has partitions that this one lacks."""
        ends_earlier = self.last is not None and (other.last is None or self.last < other.last)
        return self.first > other.first or ends_earlier or self.ranks < other.ranks


def refuse_to_lose_ranks(registry: Registry, ranks: int) -> None:
    """Refuse ranks that are too few for the specs that there are.

    Raises:
        InputError: with the specs that stand beyond them.
    """
    beyond = [
        queued
        for queued in registry.queue.specs(set(BuildStatus))
        if queued.rank is not None and queued.rank > ranks
    ]
    if beyond:
        raise _refused(_specs(beyond))


def refuse_to_narrow(instance: dg.DagsterInstance, registry: Registry, grid: Grid) -> None:
    """Refuse a grid beside which something stands: a spec on its rank, or what is unfinished on its date.

    Raises:
        InputError: with what stands there.
    """
    refuse_to_lose_ranks(registry, grid.ranks)
    waiting = [
        queued
        for queued in registry.queue.specs(_UNFINISHED)
        if queued.day is not None and grid.lacks_date(queued.day)
    ]
    told = [_specs(waiting)] if waiting else []
    told += [
        f"the backfill {backfill.backfill_id}"
        for backfill in instance.get_backfills(BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]))
        if any(grid.lacks(key) for key in _keys_of_backfill(backfill))
    ]
    told += [
        f"the run {run.run_id}"
        for run in instance.get_runs(dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES)))
        if any(grid.lacks(key) for key in _keys_of_run(run))
    ]
    if told:
        more = len(told) - _NAMED
        raise _refused(", ".join(told[:_NAMED]) + (f" and {more} more" if more > 0 else ""))


def _keys_of_backfill(backfill: PartitionBackfill) -> Iterator[str]:
    data = backfill.asset_backfill_data
    if data is not None:
        for subset in data.target_subset.partitions_subsets_by_asset_key.values():
            yield from map(str, subset.get_partition_keys())
    yield from backfill.partition_names or ()


def _keys_of_run(run: dg.DagsterRun) -> list[str]:
    return [run.tags[name] for name in (*_PARTITION_TAGS, _LAST_OF_RANGE_TAG) if name in run.tags]


def _specs(found: Sequence[QueuedSpec]) -> str:
    names = ", ".join(queued.spec.name for queued in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{len(found)} {'spec' if len(found) == 1 else 'specs'} ({names}{more})"


def _refused(what: str) -> InputError:
    return InputError(
        f"On partitions that would go stand still: {what}.",
        where="FACTORY_RANKS, FACTORY_START_DATE and FACTORY_END_DATE",
        fix="Set them so that these have their place again. Ranks may grow; they shrink only while no spec stands on"
        " those that go, and dates only while nothing is unfinished there.",
    )
