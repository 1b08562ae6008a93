"""Throughput against linear, as the measurements of build workers tell it."""

from __future__ import annotations

import pytest

from bench import bench_cluster_workers
from bench.figures import column
from bench.rounds import FULL_SECONDS, SCALED_SECONDS, Rounds, judged, table


@pytest.mark.parametrize("heading", ["## Build workers", "## Workers on hosts of their own"])
def test_what_is_reckoned_for_whole_agents_follows_from_the_seconds_that_were_seen(heading: str) -> None:
    for workers, seconds, seen, full in zip(
        *(column(heading, name) for name in ("workers", "seconds", "of linear, seen", "of linear at 180 s")),
        strict=True,
    ):
        rounds = Rounds(round(workers), seconds)
        assert rounds.share(SCALED_SECONDS) == pytest.approx(seen, abs=0.006)
        assert rounds.share(FULL_SECONDS) == pytest.approx(full, abs=0.006)


def test_two_rounds_that_take_no_longer_than_their_agents_are_linear() -> None:
    assert Rounds(4, 2 * SCALED_SECONDS).share(FULL_SECONDS) == 1.0


def test_only_as_many_workers_as_are_asked_for_have_to_be_near_linear() -> None:
    slow = Rounds(4, 2 * (SCALED_SECONDS + FULL_SECONDS))
    assert judged([slow], 4).endswith("**Missed** by: 4 workers.")
    assert judged([slow], 2).endswith("Met.")


def test_a_table_has_a_cell_for_each_column() -> None:
    header, rule, row = table([[*Rounds(1, 60.0).cells, "9 MiB"]], "memory")
    assert header.count("|") == rule.count("|") == row.count("|")
    assert row.endswith("| 9 MiB |")


def test_what_is_missing_is_named_in_place_of_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_cluster_workers, "missing_of_cluster", lambda: ["redis-server"])
    assert bench_cluster_workers.run().endswith("Not measured: redis-server missing on this machine.")
