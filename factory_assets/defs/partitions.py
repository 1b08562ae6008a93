"""The partitions: one UTC day, and day x rank."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg

from factory_assets.domain.errors import FactoryError
from factory_assets.domain.specs import QueuedSpec, rank_key


@dataclass(frozen=True)
class Partitions:
    """The partitions of one instance."""

    dates: dg.DailyPartitionsDefinition
    date_ranks: dg.MultiPartitionsDefinition


def build_partitions(*, first: date, last: date | None, ranks: int) -> Partitions:
    """Days from `first` up to today, or to `last` where that comes first, each with ranks 01 to `ranks`."""
    dates = dg.DailyPartitionsDefinition(
        start_date=first.isoformat(),
        end_date=None if last is None else (last + timedelta(days=1)).isoformat(),
        # Today is a partition from its first minute on.
        end_offset=1,
    )
    rank_keys = dg.StaticPartitionsDefinition([rank_key(rank) for rank in range(1, ranks + 1)])
    return Partitions(
        dates=dates, date_ranks=dg.MultiPartitionsDefinition({"date": dates, "rank": rank_keys})
    )


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The dates this run works on."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def day_and_rank(context: dg.AssetExecutionContext) -> tuple[date, int]:
    """The one date and rank this run works on."""
    (key,) = context.partition_keys
    return parse_date_rank(key)


def date_rank_key(day: date, rank: int) -> dg.MultiPartitionKey:
    """The partition key of a date and rank."""
    return dg.MultiPartitionKey({"date": day.isoformat(), "rank": rank_key(rank)})


def spec_key(queued: QueuedSpec) -> dg.MultiPartitionKey:
    """The partition key of a spec.

    Raises:
        FactoryError: it waits for a free rank still.
    """
    if queued.day is None or queued.rank is None:
        raise FactoryError("It has no rank yet.", where=queued.spec.name)
    return date_rank_key(queued.day, queued.rank)


def parse_date_rank(key: str) -> tuple[date, int]:
    """Date and rank of a partition key; dimensions stand in alphabetical order, `2026-06-17|01`."""
    day, rank = key.split("|")
    return date.fromisoformat(day), int(rank)
