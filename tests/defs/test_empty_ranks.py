"""Ranks without a spec, on a real instance and code location: they cost no run, and look like what they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster_private import execute_asset_backfill_iteration, get_and_update_asset_status_cache_value
from registry_samples import NOW, ship, spec

from factory_assets.build_defs import build_defs
from factory_assets.cli.instance import open_instance
from factory_assets.defs.client import FactoryClient
from factory_assets.defs.dagster_private.core import BulkActionStatus, PartitionBackfill
from factory_assets.defs.dagster_private.workspace import (
    WorkspaceFileTarget,
    WorkspaceProcessContext,
    execute_query,
)
from factory_assets.defs.empty_ranks import report_materialization
from factory_assets.defs.partitions import date_rank_key
from factory_assets.defs.run_coordinator import FactoryRunCoordinator
from factory_assets.defs.storage import open_storage
from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry
from factory_assets.registry.lock import USUAL, Wait, file_lock
from factory_assets.settings import Mode, Settings

FIRST = date(2026, 6, 1)
RANKS = 4
BUILT, MIRRORED, SPECS = (dg.AssetKey(name) for name in ("built_repos", "mirrored_repos", "specs"))
BACKFILL_TAG = "dagster/backfill"

_BACKFILL = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
_RUN = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId status } }
    ... on PythonError { message }
  }
}
"""


@dataclass(frozen=True)
class World:
    """A replay instance without a daemon: what is queued stays queued, and a backfill goes on when it is told to."""

    instance: dg.DagsterInstance
    context: WorkspaceProcessContext
    settings: Settings
    days: Iterator[date]

    @property
    def client(self) -> FactoryClient:
        return FactoryClient(self.context)

    @property
    def registry(self) -> Registry:
        return Registry(self.settings.registry_place)

    def queue(self, day: date, *names: str) -> list[QueuedSpec]:
        """Specs at the first ranks of a date that no other test uses."""
        return self.registry.queue.add(
            day,
            [spec(name) for name in names],
            [],
            dropped=0,
            ranks=range(1, RANKS + 1),
            late_ranks=range(RANKS, RANKS + 1),
            now=NOW,
        )

    def backfill(self, *days: date, assets: Sequence[dg.AssetKey] = (BUILT, MIRRORED)) -> str:
        """Ask for one as the UI does."""
        keys = [
            day.isoformat() if SPECS in assets else str(date_rank_key(day, rank))
            for day in days
            for rank in range(1, RANKS + 1)
        ]
        params = {
            "partitionNames": list(dict.fromkeys(keys)),
            "assetSelection": [{"path": list(asset.path)} for asset in assets],
        }
        answer = execute_query(self.context, _BACKFILL, {"params": params})["data"]["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def go_on(self, backfill_id: str) -> PartitionBackfill:
        """What the daemon does with a backfill every half a minute."""
        backfill = self.instance.get_backfill(backfill_id)
        assert backfill is not None
        log = logging.getLogger("backfill")
        asyncio.run(execute_asset_backfill_iteration(backfill, log, self.context, self.instance))
        after = self.instance.get_backfill(backfill_id)
        assert after is not None
        return after

    def counted(self, backfill: PartitionBackfill, asset: dg.AssetKey) -> set[str]:
        """The partitions of which the backfill knows that they were materialized."""
        data = backfill.get_asset_backfill_data(self.context.create_request_context().asset_graph)
        if asset not in data.materialized_subset.asset_keys:
            return set()
        return set(data.materialized_subset.get_partitions_subset(asset).get_partition_keys())

    def launch(self, job: str, day: date, rank: int) -> dg.DagsterRun:
        """Launch one run by hand, as the UI does."""
        return self.run(self.client.launch_partition(job, date_rank_key(day, rank)))

    def run(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def runs(self, backfill_id: str) -> list[dg.DagsterRun]:
        return list(self.instance.get_runs(dg.RunsFilter(tags={BACKFILL_TAG: backfill_id})))

    def green(self, asset: dg.AssetKey, day: date) -> set[int]:
        """The ranks of the date that the UI shows as materialized."""
        partitions = build_defs(self.settings).resolve_asset_graph().get(asset).partitions_def
        assert partitions is not None
        status = get_and_update_asset_status_cache_value(self.instance, asset, partitions)
        assert status is not None
        keys = status.deserialize_materialized_partition_subsets(partitions).get_partition_keys()
        return {int(key.split("|")[1]) for key in keys if key.startswith(day.isoformat())}

    def judging(self) -> set[str]:
        """The runs in which the UI shows gates as judging."""
        graph = build_defs(self.settings).resolve_asset_graph()
        keys = [key for key in graph.asset_check_keys if key.asset_key == BUILT]
        partitions = graph.get(BUILT).partitions_def
        states = self.instance.event_log_storage.get_asset_check_state([(key, partitions) for key in keys])
        return {run_id for state in states.values() for run_id in state.in_progress_runs}

    def forget(self, after: timedelta = timedelta()) -> None:
        """Run what the sensor launches, so much later."""
        defs = build_defs(self.settings, {"clock": _Clock(after)})
        assert defs.resolve_job_def("forget_answers").execute_in_process(instance=self.instance).success


@dataclass(frozen=True)
class _Clock:
    after: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.after


@pytest.fixture
def world(made: World, monkeypatch: pytest.MonkeyPatch) -> World:
    # Dagster reads this for each part of an instance when it first needs the part.
    monkeypatch.setenv("FACTORY_DATA_DIR", str(made.settings.factory_data_dir))
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("ranks") / "home"
    home.mkdir()
    (home / ".env").write_text("FACTORY_MODE=replay\n")
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        values = {
            "DAGSTER_HOME": str(home),
            "FACTORY_MODE": Mode.REPLAY,
            "FACTORY_DATA_DIR": str(home / "data"),
            "FACTORY_MIRROR_DIR": str(home / "mirrored"),
            "FACTORY_START_DATE": FIRST.isoformat(),
            "FACTORY_END_DATE": (FIRST + timedelta(days=28)).isoformat(),
            "FACTORY_RANKS": str(RANKS),
            "FACTORY_SPECS_PER_DAY": "3",
        }
        for name, value in values.items():
            patch.setenv(name, value)
        prepared = open_instance()
        with open_storage(prepared.settings.factory_data_dir) as instance:
            files = WorkspaceFileTarget([str(prepared.workspace)])
            with WorkspaceProcessContext(instance, files) as context:
                days = iter([FIRST + timedelta(days=offset) for offset in range(29)])
                FactoryClient(context).check_location()
                made = World(instance, context, prepared.settings, days)
                # Without a registry no rank is known to be empty.
                made.queue(FIRST - timedelta(days=1))
                yield made
        patch.chdir(before)


def test_the_queue_of_the_instance_keeps_the_settings_of_its_dagster_yaml(world: World) -> None:
    coordinator = world.instance.run_coordinator
    assert isinstance(coordinator, FactoryRunCoordinator)
    queue = coordinator.get_run_queue_config()
    assert (queue.max_user_code_failure_retries, queue.user_code_failure_retry_delay) == (240, 15)
    assert coordinator.dequeue_interval_seconds == 1


def test_a_backfill_makes_runs_of_those_ranks_only_that_hold_a_spec(world: World) -> None:
    day = next(world.days)
    world.queue(day, "cache-probe")
    started = world.go_on(backfill_id := world.backfill(day))
    unfinished = [run for run in world.runs(backfill_id) if not run.is_finished]
    assert [(run.tags["dagster/partition"], run.status) for run in unfinished] == [
        (f"{day}|01", dg.DagsterRunStatus.QUEUED)
    ]
    # It counts them at its next look, those of the mirror too, for which it never makes a run.
    going_on = world.go_on(started.backfill_id)
    assert going_on.status is BulkActionStatus.REQUESTED
    empty = {f"{day}|{rank:02}" for rank in (2, 3, 4)}
    assert (world.counted(going_on, BUILT), world.counted(going_on, MIRRORED)) == (empty, empty)
    assert not [run for run in world.runs(backfill_id) if run.asset_selection == {MIRRORED}]


def test_a_rank_without_a_spec_says_so_and_is_not_taken_for_a_shipped_one(world: World) -> None:
    day = next(world.days)
    world.queue(day, "queue-peek")
    world.go_on(backfill_id := world.backfill(day))
    for asset in (BUILT, MIRRORED):
        found = world.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[f"{day}|02"]), limit=5
        ).records
        (materialization,) = [record.asset_materialization for record in found]
        assert materialization is not None
        assert materialization.metadata["outcome"].value == "no spec"
        assert (materialization.tags or {})["dagster/data_version"] == "no spec"
    ended = [run for run in world.runs(backfill_id) if run.is_finished]
    assert {(run.status, run.tags["factory/outcome"]) for run in ended} == {
        (dg.DagsterRunStatus.SUCCESS, "no spec")
    }


def test_ranks_without_a_spec_leave_the_list_of_runs_as_the_backfill_passes_them_by(world: World) -> None:
    day = next(world.days)
    world.queue(day, "trace-diff")
    world.go_on(backfill_id := world.backfill(day))
    assert len(world.runs(backfill_id)) == 1 + 3 + 1
    (build,) = [run for run in world.runs(backfill_id) if not run.is_finished]
    made = dg.AssetMaterialization(BUILT, partition=date_rank_key(day, 1))
    report_materialization(world.instance, build, made, "It was built.")
    going_on = world.go_on(backfill_id)
    # What is left beside the build and its mirror is the one run that holds the answers, while the backfill goes on.
    assert sorted(run.tags.get("factory/answers", "a run of its own") for run in world.runs(backfill_id)) == [
        "a run of its own",
        "a run of its own",
        "ranks without a spec",
    ]
    assert len(world.counted(going_on, BUILT)) == 4
    world.forget()
    assert len(world.runs(backfill_id)) == 3


def test_a_backfill_of_nothing_but_such_ranks_ends_green_and_leaves_neither_runs_nor_green_partitions(
    world: World,
) -> None:
    days = [next(world.days), next(world.days)]
    world.go_on(backfill_id := world.backfill(*days))
    assert world.green(BUILT, days[1]) == {1, 2, 3, 4}
    assert world.go_on(backfill_id).status is BulkActionStatus.COMPLETED_SUCCESS
    world.forget()
    assert world.runs(backfill_id) == []
    for asset in (BUILT, MIRRORED):
        assert [world.green(asset, day) for day in days] == [set(), set()]
    assert world.judging() <= {run.run_id for run in world.instance.get_runs()}
    # The backfill's own page still says what it has done.
    ended = world.instance.get_backfill(backfill_id)
    assert ended is not None
    assert len(world.counted(ended, BUILT)) == 2 * RANKS


def test_a_backfill_of_the_mirror_alone_answers_for_such_ranks_too(world: World) -> None:
    day = next(world.days)
    world.go_on(backfill_id := world.backfill(day, assets=[MIRRORED]))
    assert world.go_on(backfill_id).status is BulkActionStatus.COMPLETED_SUCCESS
    assert world.green(MIRRORED, day) == {1, 2, 3, 4}
    # It answered for what it was asked for, and for nothing else.
    assert world.green(BUILT, day) == set()


def test_a_disk_that_is_full_in_between_loses_no_answer_and_gives_none_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = next(world.days)
    world.queue(day, "lock-watch")
    add_run, added = world.instance.add_run, []

    def full(run: dg.DagsterRun) -> dg.DagsterRun:
        if len(added) == 2:
            raise OSError("No space left on device")
        added.append(run.run_id)
        return add_run(run)

    backfill_id = world.backfill(day)
    with monkeypatch.context() as patch:
        patch.setattr(world.instance, "add_run", full)
        with pytest.raises(OSError, match="No space"):
            world.go_on(backfill_id)
    world.go_on(backfill_id)
    counted = world.go_on(backfill_id)
    assert world.counted(counted, BUILT) == {f"{day}|{rank:02}" for rank in (2, 3, 4)}
    keys = [run.tags.get("dagster/partition") for run in world.runs(backfill_id)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("job", ["build", "mirror"])
def test_a_run_by_hand_ends_at_once_and_says_why(world: World, job: str) -> None:
    day = next(world.days)
    run = world.launch(job, day, 3)
    assert run.status is dg.DagsterRunStatus.SUCCESS
    names = ("factory/outcome", "factory/date", "factory/rank")
    assert [run.tags[name] for name in names] == ["no spec", day.isoformat(), "03"]
    said = [entry.message for entry in world.instance.all_logs(run.run_id)]
    assert f"No spec has rank 03 of {day}: there is no repo to build or to mirror." in " ".join(said)
    assert world.green(BUILT if job == "build" else MIRRORED, day) == {3}
    # Whoever launched it finds it for a day.
    world.forget()
    assert world.run(run.run_id).is_finished
    world.forget(after=timedelta(days=1, minutes=1))
    assert world.instance.get_run_by_id(run.run_id) is None
    assert world.green(BUILT if job == "build" else MIRRORED, day) == set()


def test_both_assets_of_one_rank_at_a_click_end_at_once(world: World) -> None:
    day = next(world.days)
    selector = {
        "repositoryLocationName": "factory",
        "repositoryName": "__repository__",
        "jobName": "__ASSET_JOB",
        "assetSelection": [{"path": ["built_repos"]}, {"path": ["mirrored_repos"]}],
        "assetCheckSelection": [],
    }
    tags = [{"key": "dagster/partition", "value": f"{day}|02"}]
    params = {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": tags}}
    answer = execute_query(world.context, _RUN, {"params": params})["data"]["launchRun"]
    assert answer["run"]["status"] == "SUCCESS", answer
    assert (world.green(BUILT, day), world.green(MIRRORED, day)) == ({2}, {2})


@pytest.mark.parametrize("status", [BuildStatus.QUEUED, BuildStatus.SHIPPED, BuildStatus.FAILED])
def test_a_rank_with_a_spec_is_queued_as_ever_whatever_became_of_it(
    world: World, status: BuildStatus
) -> None:
    day = next(world.days)
    (queued,) = world.queue(day, f"was-{status}")
    if status is BuildStatus.SHIPPED:
        ship(world.registry, queued)
    if status is BuildStatus.FAILED:
        world.registry.builds.start(queued.id, run_id="run-1", now=NOW)
        world.registry.builds.fail(queued.id, error_log="It failed.")
    assert world.launch("build", day, 1).status is dg.DagsterRunStatus.QUEUED


@pytest.mark.parametrize("key", [f"{FIRST}|05", "2026-05-31|01", "2026-06-01", "|"])
def test_what_is_no_rank_of_the_instance_is_queued_and_its_run_says_so(world: World, key: str) -> None:
    selector = {
        "repositoryLocationName": "factory",
        "repositoryName": "__repository__",
        "jobName": "build",
    }
    tags = [{"key": "dagster/partition", "value": key}]
    params = {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": tags}}
    answer = execute_query(world.context, _RUN, {"params": params})["data"]["launchRun"]
    assert answer["run"]["status"] == "QUEUED", answer


def test_a_date_that_is_being_analysed_keeps_its_runs_in_the_queue(world: World) -> None:
    day, other = next(world.days), next(world.days)
    analysis = world.run(world.client.launch_days("analyze", day, day))
    assert analysis.status is dg.DagsterRunStatus.QUEUED
    waiting = world.launch("build", day, 1)
    assert (waiting.status, world.launch("build", other, 1).status) == (
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.SUCCESS,
    )
    world.instance.report_run_canceled(analysis)
    assert world.launch("build", day, 2).status is dg.DagsterRunStatus.SUCCESS


def test_a_date_that_a_backfill_will_analyse_keeps_its_runs_in_the_queue(world: World) -> None:
    day = next(world.days)
    backfill_id = world.backfill(day, assets=[SPECS])
    assert world.launch("build", day, 1).status is dg.DagsterRunStatus.QUEUED
    backfill = world.instance.get_backfill(backfill_id)
    assert backfill is not None
    world.instance.update_backfill(backfill.with_status(BulkActionStatus.CANCELED))
    assert world.launch("build", day, 2).status is dg.DagsterRunStatus.SUCCESS


def test_while_another_program_holds_the_registry_a_run_is_queued_and_its_step_looks_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    day = next(world.days)
    path = world.settings.registry_file
    with file_lock(path.with_name(f"{path.name}.lock"), Wait(USUAL)), caplog.at_level("WARNING"):
        assert world.launch("build", day, 1).status is dg.DagsterRunStatus.QUEUED
    assert f"Runs of {day} are queued, with a spec or without, and ask the registry again" in caplog.text


def test_checks_alone_are_no_build_and_are_queued(world: World) -> None:
    day = next(world.days)
    selector = {
        "repositoryLocationName": "factory",
        "repositoryName": "__repository__",
        "jobName": "__ASSET_JOB",
        "assetSelection": [],
        "assetCheckSelection": [{"assetKey": {"path": ["built_repos"]}, "name": "tests_pass"}],
    }
    tags = [{"key": "dagster/partition", "value": f"{day}|01"}]
    params = {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": tags}}
    answer = execute_query(world.context, _RUN, {"params": params})["data"]["launchRun"]
    assert answer["run"]["status"] == "QUEUED", answer


def test_a_backfill_that_goes_on_while_others_are_forgotten_misses_none_of_its_materializations(
    world: World,
) -> None:
    # SQLite gives the ids of the newest events again once these are removed, and a backfill goes by the ids.
    day, other = next(world.days), next(world.days)
    world.queue(day, "cursor-check")
    going_on = world.backfill(day)
    other_id = world.backfill(other)
    world.go_on(other_id)
    world.go_on(going_on)
    world.go_on(other_id)
    world.go_on(going_on)
    world.forget()
    assert world.runs(other_id) == []
    (build,) = [run for run in world.runs(going_on) if not run.is_finished]
    made = dg.AssetMaterialization(BUILT, partition=date_rank_key(day, 1))
    report_materialization(world.instance, build, made, "It was built.")
    assert f"{day}|01" in world.counted(world.go_on(going_on), BUILT)


def test_the_sensor_only_looks_and_its_run_removes(world: World) -> None:
    day = next(world.days)
    world.forget()
    defs = build_defs(world.settings)
    repository = defs.get_repository_def()
    sensor = repository.get_sensor_def("spent_answers")

    def look() -> dg.SensorExecutionData:
        with dg.build_sensor_context(
            instance=world.instance,
            repository_def=repository,
            resources={"clock": repository.get_top_level_resources()["clock"]},
        ) as context:
            return sensor.evaluate_tick(context)

    assert look().skip_message == "No answer is spent."
    world.go_on(backfill_id := world.backfill(day))
    world.go_on(backfill_id)
    kept = world.runs(backfill_id)
    (request,) = look().run_requests or []
    assert world.runs(backfill_id) == kept != []
    assert request.job_name in {None, "forget_answers"}
    world.forget()
    assert world.runs(backfill_id) == []
    assert look().skip_message == "No answer is spent."
