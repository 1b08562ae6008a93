"""Housekeeping: what is old and shown nowhere goes, and nothing else."""

import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from factory_assets.building.git import BareRepo
from factory_assets.building.housekeeping import Housekeeping
from factory_assets.building.locks import spec_lock
from factory_assets.defs.housekeeping import sweep_runs
from factory_assets.domain.builds import Phase
from factory_assets.files import LONGEST_LOG, files_older_than, shorten_logs

AUTHOR = "Software Factory <factory@localhost>"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = dg.DailyPartitionsDefinition("2026-06-01", end_date="2026-06-10")


@dg.asset(partitions_def=DAYS, config_schema={"fails": dg.Field(bool, default_value=False)})
def papers(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    if context.op_execution_context.op_config["fails"]:
        raise dg.Failure("as the test wants")
    return dg.MaterializeResult()


@pytest.fixture
def instance(tmp_path):
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        yield instance


def run(
    instance: dg.DagsterInstance, day: str, *, fails: bool = False, tags: dict[str, str] | None = None
) -> str:
    config = {"ops": {"papers": {"config": {"fails": fails}}}}
    result = dg.materialize(
        [papers], instance=instance, partition_key=day, run_config=config, tags=tags, raise_on_error=False
    )
    return result.run_id


def ids(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def sweep(instance: dg.DagsterInstance, *, remove: bool = True):
    return sweep_runs(instance, before=datetime.now(UTC) + timedelta(minutes=1), remove=remove)


def test_a_run_goes_when_its_partition_was_made_again_and_the_partition_stays_made(instance):
    old, new = run(instance, "2026-06-01"), run(instance, "2026-06-01")
    only = run(instance, "2026-06-02")
    swept = sweep(instance)
    assert ids(instance) == {new, only}
    assert (swept.removed, swept.kept) == (1, 2)
    assert instance.get_materialized_partitions(dg.AssetKey("papers")) == {"2026-06-01", "2026-06-02"}
    assert old not in ids(instance)


def test_nothing_of_a_run_that_is_gone_stays_on_the_disk(instance, tmp_path):
    old, new = run(instance, "2026-06-01"), run(instance, "2026-06-01")
    sweep(instance)
    left = [path.name for path in tmp_path.rglob("*") if path.stem in {old, new}]
    assert {Path(name).stem for name in left} == {new}


def test_a_check_that_a_removed_run_did_not_come_to_is_not_in_progress_for_ever(instance):
    @dg.asset(
        partitions_def=DAYS,
        check_specs=[dg.AssetCheckSpec("complete", asset="papers", partitions_def=DAYS)],
    )
    def papers() -> dg.MaterializeResult:
        raise dg.Failure("before the check")

    dg.materialize([papers], instance=instance, partition_key="2026-06-01", raise_on_error=False)
    check = dg.AssetCheckKey(dg.AssetKey("papers"), "complete")
    run(instance, "2026-06-01")
    sweep(instance)
    state = instance.event_log_storage.get_asset_check_state([(check, DAYS)])[check]
    assert state.in_progress_runs == {}


def test_a_failure_stays_until_its_partition_was_made_after_all(instance):
    failed = run(instance, "2026-06-03", fails=True)
    sweep(instance)
    assert ids(instance) == {failed}
    made = run(instance, "2026-06-03")
    sweep(instance)
    assert ids(instance) == {made}


def test_what_greys_out_the_checks_of_a_failure_stays_as_long_as_the_failure(instance):
    failed = run(instance, "2026-06-03", fails=True)
    grey = run(instance, "2026-06-04", tags={"factory/left-out-of": failed}, fails=True)
    run(instance, "2026-06-04")
    sweep(instance)
    assert ids(instance) >= {failed, grey}
    run(instance, "2026-06-03")
    sweep(instance)
    assert not ids(instance) & {failed, grey}


def test_a_look_removes_nothing(instance):
    run(instance, "2026-06-01")
    run(instance, "2026-06-01")
    assert sweep(instance, remove=False).removed == 1
    assert len(ids(instance)) == 2


def test_a_run_that_ended_lately_stays(instance):
    run(instance, "2026-06-01")
    run(instance, "2026-06-01")
    assert sweep_runs(instance, before=datetime.now(UTC) - timedelta(days=1), remove=True).removed == 0


@contextmanager
def held_here(locks_dir, name):
    """As where the registry does not know the repo."""
    with spec_lock(locks_dir, name):
        yield None


@pytest.fixture
def housekeeping(tmp_path):
    return Housekeeping(
        git_dir=tmp_path / "git",
        workspaces_dir=tmp_path / "workspaces",
        locks_dir=tmp_path / "locks",
        author=AUTHOR,
        hold=lambda name: held_here(tmp_path / "locks", name),
        sessions_of=lambda name: tmp_path / "sessions" / name,
    )


def failed_states(housekeeping: Housekeeping, tmp_path, *moments: datetime) -> BareRepo:
    repo = BareRepo(housekeeping.git_dir / "tool-a.git", author=AUTHOR)
    for attempt, moment in enumerate(moments, start=1):
        work = tmp_path / f"work-{attempt}"
        work.mkdir()
        (work / "file").write_text(str(attempt))
        commit = repo.commit(work, parent=None, message="Failed\n", when=moment)
        repo.keep_failed(attempt, commit, "It failed.", again_from=Phase.BUILD)
    return repo


def test_old_failed_states_go_but_the_newest_stays(housekeeping, tmp_path):
    repo = failed_states(housekeeping, tmp_path, LONG_AGO, LONG_AGO, LONG_AGO)
    swept = housekeeping.sweep(before=datetime.now(UTC), remove=True)
    assert swept.failed_states == ("tool-a 1", "tool-a 2")
    assert list(repo.refs()) == ["refs/factory/failed/3"]


def test_young_failed_states_stay(housekeeping, tmp_path):
    repo = failed_states(housekeeping, tmp_path, datetime.now(UTC), LONG_AGO)
    assert housekeeping.sweep(before=LONG_AGO, remove=True).failed_states == ()
    assert len(repo.refs()) == 2


def test_a_workspace_without_a_build_goes_and_one_at_work_stays(housekeeping):
    for name in ("dead", "alive"):
        (housekeeping.workspaces_dir / name / "work").mkdir(parents=True)
    with spec_lock(housekeeping.locks_dir, "alive"):
        assert housekeeping.sweep(before=LONG_AGO, remove=True).workspaces == ("dead",)
    assert [path.name for path in housekeeping.workspaces_dir.iterdir()] == ["alive"]


def test_only_old_files_go(tmp_path):
    for name, age in (("old", 10), ("young", 0)):
        path = tmp_path / "deep" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
        moment = time.time() - age * 86_400
        os.utime(path, (moment, moment))
    old = files_older_than(tmp_path, datetime.now(UTC) - timedelta(days=5), remove=True)
    assert [path.name for path in old] == ["old"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["young"]


def test_a_long_log_keeps_its_end_and_its_writer_goes_on(tmp_path):
    path = tmp_path / "daemon.log"
    with path.open("ab") as writer:
        writer.truncate(LONGEST_LOG)
        writer.seek(0, os.SEEK_END)
        writer.write(b"the end\n")
        writer.flush()
        assert shorten_logs(tmp_path, remove=True) == [path]
        writer.write(b"more\n")
    assert path.stat().st_size < LONGEST_LOG / 5
    assert path.read_bytes().endswith(b"the end\nmore\n")
    assert shorten_logs(tmp_path, remove=True) == []


def test_sessions_of_a_worker_that_died_go_and_those_of_one_at_work_stay(housekeeping, tmp_path):
    for name in ("tool-a", "tool-b"):
        BareRepo(housekeeping.git_dir / f"{name}.git", author=AUTHOR)
        (tmp_path / "sessions" / name / "home").mkdir(parents=True)
    with spec_lock(housekeeping.locks_dir, "tool-b"):
        swept = housekeeping.sweep(before=datetime.now(UTC), remove=True)
    assert swept.sessions == ("tool-a",)
    assert [path.name for path in (tmp_path / "sessions").iterdir()] == ["tool-b"]
