"""With a real daemon: a backfill of all four assets as the UI launches it, and the runs of the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster_private import InstigatorStatus
from defs_recordings import copy_recordings
from layout import SUPPORT
from registry_samples import NOW, spec

from factory_assets.cli.instance import OpenedInstance, open_instance
from factory_assets.cli.processes import start, stop_tree
from factory_assets.defs.client import FactoryClient
from factory_assets.defs.dagster_private.core import BulkActionStatus, PartitionBackfill
from factory_assets.defs.dagster_private.workspace import (
    WorkspaceFileTarget,
    WorkspaceProcessContext,
    execute_query,
)
from factory_assets.defs.storage import open_storage
from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.text import tail
from factory_assets.registry import Registry
from factory_assets.settings import Mode, Settings

pytestmark = pytest.mark.end_to_end

ASSETS = ("papers", "specs", "built_repos", "mirrored_repos")
DAYS = ("2026-06-17", "2026-06-18")
REPOS = {"2026-06-17": ("draft-budget",), "2026-06-18": ("evidence-order",)}
WITH_A_SPEC = {f"{day}|01" for day in DAYS}
_RUNNING = {BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING}
_LONGEST_SECONDS = 300

_LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


@dataclass(frozen=True)
class AtWork:
    """A replay instance with a running daemon, and a client as the UI and the command line have one."""

    instance: OpenedInstance
    dagster: dg.DagsterInstance
    context: WorkspaceProcessContext
    client: FactoryClient
    daemon_log: Path


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtWork]:
    folder = tmp_path_factory.mktemp("factory")
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        for name, value in _environment(folder).items():
            patch.setenv(name, value)
        prepared = open_instance()
        log = prepared.settings.factory_data_dir / "logs" / "daemon.log"
        program = str(SUPPORT / "defs_daemon.py")
        with open_storage(prepared.settings.factory_data_dir) as instance:
            daemon = start([sys.executable, program, str(prepared.workspace)], log=log, cwd=prepared.home)
            try:
                files = WorkspaceFileTarget([str(prepared.workspace)])
                with WorkspaceProcessContext(instance, files) as context:
                    yield AtWork(prepared, instance, context, FactoryClient(context), log)
            finally:
                stop_tree(daemon.pid)


def _environment(folder: Path) -> dict[str, str]:
    """One recorded repo a date, and a second rank without a spec."""
    home = folder / "home"
    home.mkdir()
    # A replay instance is one that has its .env.
    (home / ".env").write_text("FACTORY_MODE=replay\n")
    return {
        "DAGSTER_HOME": str(home),
        "FACTORY_MODE": Mode.REPLAY,
        "FACTORY_DATA_DIR": str(home / "data"),
        "FACTORY_MIRROR_DIR": str(home / "mirrored"),
        "FACTORY_RECORDINGS_DIR": str(copy_recordings(folder / "recordings", REPOS)),
        "FACTORY_START_DATE": DAYS[0],
        "FACTORY_END_DATE": DAYS[1],
        "BUILD_WORKERS": "2",
        "FACTORY_RANKS": "2",
        "FACTORY_SPECS_PER_DAY": "1",
        "FACTORY_ARXIV_INTERVAL": "0",
        "FACTORY_MIRROR_INTERVAL": "0",
        # So the hourly gather, should its hour come, only repeats one of the dates.
        "FACTORY_GATHER_WINDOW_DAYS": "1",
    }


def test_a_backfill_of_two_dates_builds_and_mirrors_their_repos_and_ends_green(at_work: AtWork) -> None:
    for pool in ("analyze", "mirror"):
        at_work.client.set_pool(pool, 2)
    backfill = _wait(at_work, _launch(at_work))
    assert backfill.status is BulkActionStatus.COMPLETED_SUCCESS, tail(at_work.daemon_log.read_text())
    instance = at_work.dagster
    # One run for both dates of papers, then one for each partition that has something to do, never two assets in one.
    # The ranks without a spec had no process, and a minute later nothing shows them any more.
    runs = _runs_with_something_to_do(at_work, backfill.backfill_id)
    assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
    assert sorted(key.to_user_string() for run in runs for key in run.asset_selection or ()) == [
        *["built_repos"] * 2,
        *["mirrored_repos"] * 2,
        "papers",
        *["specs"] * 2,
    ]
    assert {asset: _green(at_work, asset) for asset in ASSETS} == {
        "papers": set(DAYS),
        "specs": set(DAYS),
        "built_repos": WITH_A_SPEC,
        "mirrored_repos": WITH_A_SPEC,
    }
    # They have made the page of each date on the way.
    assert instance.get_materialized_partitions(dg.AssetKey("factory_days")) == set(DAYS)
    for name in ("draft-budget", "evidence-order"):
        assert len(instance.get_runs(dg.RunsFilter(tags={"factory/repo": name}))) == 2
    funnel = _registry(at_work).reports.funnel(*(date.fromisoformat(day) for day in DAYS))
    assert [(day.specs, day.shipped, day.failed, day.mirrored) for day in funnel] == [(1, 1, 0, 1)] * 2
    assert all(day.papers == day.analysed > 0 for day in funnel)
    mirrored = {path.name for path in (at_work.instance.home / "mirrored").iterdir()}
    assert mirrored == {"draft-budget", "evidence-order"}


def test_runs_are_launched_and_followed_to_their_end_and_a_failed_one_tells_why(at_work: AtWork) -> None:
    registry = _registry(at_work)
    day = date.fromisoformat(DAYS[0])
    (unbuilt,) = registry.queue.add(
        day, [spec("cache-probe")], [], dropped=0, ranks=range(2, 3), late_ranks=range(2, 3), now=NOW
    )
    client = at_work.client
    assert client.daemon_is_running()
    gather = client.launch_days("gather", day, date.fromisoformat(DAYS[1]))
    mirror = client.launch_spec("mirror", unbuilt)
    seen: list[tuple[str, str]] = []
    ends = client.wait([gather, mirror], lambda run_id, status: seen.append((run_id, status)))
    assert [(end.run_id, end.succeeded) for end in ends] == [(gather, True), (mirror, False)]
    assert ends[1].error == (
        "cache-probe: It is queued, not shipped, so there is nothing to mirror."
        " Fix: Materialize built_repos for this partition first."
    )
    assert {(gather, "success"), (mirror, "failure")} <= set(seen)


def test_enable_starts_what_spends_and_disable_stops_it_again(at_work: AtWork) -> None:
    # Nothing is queued that the started sensor could launch meanwhile.
    registry = _registry(at_work)
    for queued in registry.queue.specs({BuildStatus.QUEUED}):
        registry.builds.start(queued.id, run_id="run-1", now=NOW)
    names = ["analyze_daily", "build_daily", "mirror_nightly", "queued_specs"]
    assert at_work.client.enable() == names
    # Mirroring into a folder is on from the start, so there it has nothing to start.
    started = [name for name in names if name != "mirror_nightly"]
    assert _statuses(at_work, started) == {InstigatorStatus.RUNNING}
    assert at_work.client.disable() == names
    assert _statuses(at_work, names) == {InstigatorStatus.DECLARED_IN_CODE}


def _runs_with_something_to_do(at_work: AtWork, backfill_id: str) -> list[dg.DagsterRun]:
    """The runs of an ended backfill, once the sensor has removed what stood for ranks without a spec."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < deadline:
        runs = list(at_work.dagster.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill_id})))
        empty = [run for run in runs if run.tags.get("factory/outcome") == "no spec"]
        if not empty:
            return runs
        time.sleep(0.5)
    pytest.fail("What stood for ranks without a spec is there still.")


def _green(at_work: AtWork, asset: str) -> set[str]:
    return at_work.dagster.get_materialized_partitions(dg.AssetKey(asset))


def _registry(at_work: AtWork) -> Registry:
    return Registry(at_work.instance.settings.registry_place)


def _statuses(at_work: AtWork, names: list[str]) -> set[InstigatorStatus]:
    states = {state.name: state.status for state in at_work.dagster.all_instigator_state()}
    return {states[name] for name in names}


def _launch(at_work: AtWork) -> str:
    params = {
        "partitionNames": list(DAYS),
        "assetSelection": [{"path": [asset]} for asset in ASSETS],
    }
    result = execute_query(at_work.context, _LAUNCH, {"params": params})["data"]["launchPartitionBackfill"]
    assert result["__typename"] == "LaunchBackfillSuccess", result
    return str(result["backfillId"])


def _wait(at_work: AtWork, backfill_id: str) -> PartitionBackfill:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < deadline:
        backfill = at_work.dagster.get_backfill(backfill_id)
        assert backfill is not None
        if backfill.status not in _RUNNING:
            return backfill
        time.sleep(0.5)
    log = tail(at_work.daemon_log.read_text())
    pytest.fail(f"The backfill did not end in {_LONGEST_SECONDS} seconds:\n{log}")
