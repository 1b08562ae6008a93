"""Which dates are partitions, by the clock and by FACTORY_END_DATE."""

from __future__ import annotations

from datetime import UTC, date, datetime

import dagster as dg
import pytest
from dagster import partition_loading_context

from factory_assets.defs.partitions import build_partitions

FIRST, TODAY = date(2026, 6, 1), date(2026, 6, 10)


@pytest.mark.parametrize("hour", [0, 12, 23])
@pytest.mark.parametrize(
    "last", [None, TODAY, date(2026, 6, 11), date(2026, 6, 30)], ids=["none", "today", "tomorrow", "later"]
)
def test_today_is_the_last_partition_unless_the_end_lies_before_it(last: date | None, hour: int) -> None:
    partitions = build_partitions(first=FIRST, last=last, ranks=2)
    with partition_loading_context(effective_dt=datetime(2026, 6, 10, hour, tzinfo=UTC)):
        assert partitions.dates.get_partition_keys()[-1] == str(TODAY)
        assert partitions.dates.get_last_partition_key() == str(TODAY)
        assert partitions.dates.has_partition_key(str(TODAY))
        key = dg.MultiPartitionKey({"date": str(TODAY), "rank": "01"})
        assert partitions.date_ranks.has_partition_key(key)


def test_an_end_in_the_past_is_the_last_partition() -> None:
    partitions = build_partitions(first=FIRST, last=date(2026, 6, 5), ranks=2)
    with partition_loading_context(effective_dt=datetime(2026, 6, 10, 12, tzinfo=UTC)):
        assert partitions.dates.get_last_partition_key() == "2026-06-05"
        assert not partitions.dates.has_partition_key("2026-06-06")
