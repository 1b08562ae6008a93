"""A month of all four assets with three specs a day, and what its ranks without a spec cost; before and after.

Run it alone with `python -m bench.bench_backfill`, with a number of dates behind it where a month takes too long.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
from dagster._core.execution.asset_backfill import execute_asset_backfill_iteration
from dagster._core.utils import make_new_backfill_id

from bench.instances import FIRST, LATE_RANKS, BenchInstance, instance
from bench.verdict import verdict
from bench.waiting_location import WAIT
from factory_assets.build_defs import build_defs
from factory_assets.defs.dagster_private.core import BulkActionStatus, PartitionBackfill
from factory_assets.defs.dagster_private.workspace import WorkspaceFileTarget, WorkspaceProcessContext
from factory_assets.defs.externals import BUILT_REPOS, MIRRORED_REPOS, PAPERS, SPECS
from factory_assets.defs.partitions import date_rank_key

MONTH, SPECS_PER_DAY, EMPTY_DAYS = 31, 3, 4
RANKS_PER_DAY = LATE_RANKS.stop - 1
TARGET = 0.1
_OURS = "  module: factory_assets.defs.run_coordinator\n  class: FactoryRunCoordinator\n"
_DAGSTERS = "  module: dagster._core.run_coordinator.queued_run_coordinator\n  class: QueuedRunCoordinator\n"
_GOING_ON = {BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING}


@dataclass(frozen=True)
class Measured:
    """A backfill of all four assets: how long, and how many of its runs had a process."""

    seconds: float
    processes: int


def run(days: int = MONTH) -> str:
    """Measure, and return the section for RESULTS.md; with fewer `days` the month is reckoned from them."""
    one_date, some = _backfill(1, dagsters=True), _backfill(days, dagsters=False)
    before, after = _answers(dagsters=True), _answers(dagsters=False)
    planned = 1 + MONTH * (1 + 2 * RANKS_PER_DAY)
    processes = 1 + (some.processes - 1) // days * MONTH
    reckoned = "" if days == MONTH else f", after: {days} dates of it"
    return "\n".join(
        [
            "## Backfills",
            "",
            (
                f"All four assets over {MONTH} dates with {SPECS_PER_DAY} specs each, under a real daemon, with builds"
                f" that do no work; {planned - processes:,} of the {planned:,} runs that Dagster plans are of ranks"
                f" without a spec. Measured and reckoned for the month: before, with Dagster's own run coordinator, one"
                f" date of it{reckoned}."
            ),
            "",
            "| | before | after |",
            "|:--|--:|--:|",
            f"| processes | {planned:,} | {processes:,} |",
            f"| hours | {one_date.seconds * MONTH / 3600:.1f} | {some.seconds / days * MONTH / 3600:.1f} |",
            f"| seconds to submit a run of a rank without a spec | {before:.3f} | {after:.3f} |",
            (
                "| seconds of the backfill for each rank of a date |"
                f" {one_date.seconds / RANKS_PER_DAY:.1f} | {some.seconds / days / RANKS_PER_DAY:.1f} |"
            ),
            "",
            verdict(f"under {TARGET} s", ["a rank without a spec"] if after >= TARGET else []),
        ]
    )


def _backfill(days: int, *, dagsters: bool) -> Measured:
    with _instance(days, dagsters=dagsters) as made, made.at_work(), dg.DagsterInstance.get() as storage:
        made.queue(days, SPECS_PER_DAY)
        started = time.monotonic()
        backfill_id = _launch(made, storage, [PAPERS, SPECS, BUILT_REPOS, MIRRORED_REPOS], days, _dates)
        while True:
            backfill = storage.get_backfill(backfill_id)
            if backfill is not None and backfill.status not in _GOING_ON:
                break
            time.sleep(1)
        seconds = time.monotonic() - started
        if backfill.status is not BulkActionStatus.COMPLETED_SUCCESS:
            raise RuntimeError(f"The backfill ended as {backfill.status}.")
        records = storage.get_run_records(dg.RunsFilter(tags={"dagster/backfill": backfill_id}))
        return Measured(seconds, sum(record.start_time is not None for record in records))


def _answers(*, dagsters: bool) -> float:
    """Seconds for each run that a backfill of repos and mirrors plans, where no rank has a spec."""
    days = 1 if dagsters else EMPTY_DAYS
    with (
        _instance(days, dagsters=dagsters) as made,
        dg.DagsterInstance.get() as storage,
        WorkspaceProcessContext(storage, WorkspaceFileTarget([str(made.workspace)])) as context,
    ):
        made.queue(days, 0)
        backfill_id = _launch(made, storage, [BUILT_REPOS, MIRRORED_REPOS], days, _ranks)
        backfill = storage.get_backfill(backfill_id)
        assert backfill is not None
        started = time.monotonic()
        log = logging.getLogger("bench")
        log.setLevel(logging.ERROR)
        asyncio.run(execute_asset_backfill_iteration(backfill, log, context, storage))
        seconds = time.monotonic() - started
        # Dagster's coordinator has queued the builds, and would plan the mirrors next; the factory's has answered both.
        return seconds / (days * RANKS_PER_DAY * (1 if dagsters else 2))


@contextmanager
def _instance(days: int, *, dagsters: bool) -> Iterator[BenchInstance]:
    with instance(days, {WAIT: "0", "FACTORY_ARXIV_INTERVAL": "0"}) as made:
        if dagsters:
            file = made.home / "dagster.yaml"
            text = file.read_text()
            assert _OURS in text
            file.write_text(text.replace(_OURS, _DAGSTERS))
        yield made


def _dates(days: int) -> list[str]:
    return [(FIRST + timedelta(days=offset)).isoformat() for offset in range(days)]


def _ranks(days: int) -> list[str]:
    return [
        str(date_rank_key(FIRST + timedelta(days=offset), rank))
        for offset in range(days)
        for rank in range(1, RANKS_PER_DAY + 1)
    ]


def _launch(
    made: BenchInstance,
    storage: dg.DagsterInstance,
    assets: list[dg.AssetKey],
    days: int,
    keys: Callable[[int], list[str]],
) -> str:
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=make_new_backfill_id(),
        asset_graph=build_defs(made.settings).resolve_asset_graph(),
        partition_names=keys(days),
        asset_selection=assets,
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=storage,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    storage.add_backfill(backfill)
    return backfill.backfill_id


if __name__ == "__main__":
    print(run(*(int(days) for days in sys.argv[1:])))
