"""What Dagster's own part costs: a run without work, a tick, and the UI's queries with a year of partitions.

Run it alone with `python -m bench.bench_orchestration`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import dagster as dg
import httpx

from bench.instances import FIRST, BenchInstance, instance, seconds_to_end
from bench.ticks import TIMES, median, tick_seconds
from bench.waiting_location import WAIT
from factory_assets.cli.processes import free_port, program, start, stop_tree
from factory_assets.defs.partitions import date_rank_key

YEAR = 365
SPECS_PER_DAY = 10
RUNS = 10

_QUERIES = {
    "the lineage graph": "{ assetNodes { id assetKey { path } dependencyKeys { path } description kinds"
    " isPartitioned } }",
    "the state of papers, 365 partitions": '{ assetNodeOrError(assetKey: {path: ["papers"]}) { ... on AssetNode'
    " { assetPartitionStatuses { ... on TimePartitionStatuses { ranges { startKey endKey status } } } } } }",
    "the state of built_repos, 14,600 partitions": '{ assetNodeOrError(assetKey: {path: ["built_repos"]})'
    " { ... on AssetNode { partitionStats { numPartitions numMaterialized numFailed } assetPartitionStatuses"
    " { ... on MultiPartitionStatuses { primaryDimensionName ranges { primaryDimStartKey primaryDimEndKey } } } } } }",
    "one partition of built_repos": '{ assetNodeOrError(assetKey: {path: ["built_repos"]}) { ... on AssetNode'
    ' { latestMaterializationByPartition(partitions: ["2026-03-01|01"]) { timestamp metadataEntries { label } } } } }',
    "the list of runs": "{ runsOrError(limit: 30) { ... on Runs { results { id status tags { key value } } } } }",
}


def run() -> str:
    """Measure, and return the section for RESULTS.md."""
    return "\n".join([*_runs(), "", *_ticks(), "", *_queries()])


def _runs() -> list[str]:
    with instance(1, {WAIT: "0"}) as made:
        made.queue(1, RUNS)
        with made.at_work() as client:
            client.set_pool("builds", 1)
            builds = [client.launch_spec("build", queued) for queued in made.registry.queue.specs()]
            with_spec = seconds_to_end(client, builds)
    return [
        "## Orchestration",
        "",
        (
            f"{RUNS} runs one after the other under a real daemon, each a process of its own: from the first"
            " launch to the last end, divided by their number."
        ),
        "",
        "| run | seconds |",
        "|:--|--:|",
        f"| a build that does no work | {with_spec:.2f} |",
    ]


def _ticks() -> list[str]:
    with instance(60) as made:
        made.queue(50, 10)
        rows = tick_seconds(made)
    return [
        "### Ticks",
        "",
        f"Evaluated in a process that stands, with 500 queued specs; medians of {TIMES}.",
        "",
        "| tick | ms |",
        "|:--|--:|",
        *(f"| {name} | {seconds * 1000:.0f} |" for name, seconds in rows.items()),
    ]


def _queries() -> list[str]:
    with instance(YEAR) as made:
        with dg.DagsterInstance.get() as storage:
            events = _fill(storage)
        with _ui(made) as url:
            rows = [(name, median(_asker(url, query))) for name, query in _QUERIES.items()]
    return [
        "### The UI with a year of partitions",
        "",
        (
            f"{events:,} materializations: papers and specs of {YEAR} dates and {SPECS_PER_DAY} built repos on each."
            f" The UI's own GraphQL over HTTP; medians of {TIMES}."
        ),
        "",
        "| query | ms |",
        "|:--|--:|",
        *(f"| {name} | {seconds * 1000:.0f} |" for name, seconds in rows),
    ]


def _fill(storage: dg.DagsterInstance) -> int:
    count = 0
    for offset in range(YEAR):
        day = FIRST + timedelta(days=offset)
        keys = [("papers", day.isoformat()), ("specs", day.isoformat())]
        keys += [("built_repos", str(date_rank_key(day, rank))) for rank in range(1, SPECS_PER_DAY + 1)]
        for asset, partition in keys:
            storage.report_runless_asset_event(
                dg.AssetMaterialization(asset, partition=partition, metadata={"outcome": "shipped"})
            )
            count += 1
    return count


@contextmanager
def _ui(made: BenchInstance) -> Iterator[str]:
    port = free_port()
    argv = [program("dagster-webserver"), "-w", str(made.workspace), "-h", "127.0.0.1", "-p", str(port)]
    child = start(argv, log=made.home / "webserver.log", cwd=made.home)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not _answers(url):
            if time.monotonic() > deadline:
                raise RuntimeError((made.home / "webserver.log").read_text()[-2000:])
            time.sleep(0.5)
        yield url
    finally:
        stop_tree(child.pid)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/server_info", timeout=2).is_success
    except httpx.TransportError:
        return False


def _asker(url: str, query: str) -> Callable[[], None]:
    def ask() -> None:
        answer = httpx.post(f"{url}/graphql", json={"query": query}, timeout=120).json()
        if "errors" in answer:
            raise RuntimeError(json.dumps(answer["errors"])[:500])

    return ask


if __name__ == "__main__":
    print(run())
