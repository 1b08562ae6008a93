"""Runs of a host that is gone end, on a real instance of Dagster and a registry that several hosts share."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from memory_registry import memory_registry, rows
from postgres_server import missing_programs, postgres
from registry_on_postgres import on_postgres
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, phase_record, spec

from factory_assets.build_defs import build_defs
from factory_assets.defs import run_launcher
from factory_assets.defs.daemons import release_dead_runs
from factory_assets.defs.dagster_private.core import GRPC_INFO_TAG, WorkerStatus
from factory_assets.defs.elsewhere import TASK_TAG, note_begun
from factory_assets.defs.executor import build_executor
from factory_assets.defs.pools import BUILD_POOL, set_builds
from factory_assets.defs.run_launcher import FactoryRunLauncher
from factory_assets.defs.silent_runs import STARTS_WITHIN_SECONDS, build_silent_runs, end_silent_runs
from factory_assets.defs.workers import signs_of_life
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus, Phase
from factory_assets.registry import Registry
from factory_assets.registry.signs import SILENT_SECONDS
from factory_assets.settings import Settings

STARTING, STARTED = dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED
CANCELING = dg.DagsterRunStatus.CANCELING


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if missing := missing_programs():
        pytest.skip(f"{' and '.join(missing)} of PostgreSQL are missing")
    with postgres() as url:
        yield url


@pytest.fixture
def registry(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    with on_postgres(server, monkeypatch):
        yield memory_registry()


@pytest.fixture
def instance(empty_home: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "home"
    shutil.copytree(empty_home, home)
    with dg.DagsterInstance.from_config(str(home)) as opened:
        yield opened


def run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus = STARTED) -> dg.DagsterRun:
    return instance.add_run(dg.DagsterRun(job_name="build", status=status))


def silent_for(registry: Registry, seconds: float) -> None:
    with registry._database.transaction() as connection:
        connection.execute("UPDATE run_signs SET renewed_at = renewed_at - $1", [timedelta(seconds=seconds)])
        connection.execute("UPDATE leases SET renewed_at = renewed_at - $1", [timedelta(seconds=seconds)])


def status_of(instance: dg.DagsterInstance, made: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(made.run_id)
    assert found is not None
    return found.status


def test_the_run_of_a_host_that_is_gone_fails_and_gives_back_its_slot_and_its_spec(
    instance: dg.DagsterInstance, registry: Registry
) -> None:
    (queued,) = registry.queue.add(DAY, [spec()], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    lost, lives = run(instance), run(instance)
    slots = instance.event_log_storage
    set_builds(instance, 2)
    for made in (lost, lives):
        assert slots.claim_concurrency_slot(BUILD_POOL, made.run_id, "built_repos").is_claimed
    assert not slots.claim_concurrency_slot(BUILD_POOL, "another", "built_repos").is_claimed
    registry.runs._give_sign(lost.run_id, host="worker-2", pid=4711)
    registry.builds._take_lease(queued.id, place="there", run_id=lost.run_id)
    claimed = registry.builds.start(queued.id, run_id=lost.run_id, now=NOW)
    registry.builds.finish_phase(queued.id, claimed.attempts, phase_record(Phase.BUILD))
    with signs_of_life(registry, lives.run_id):
        assert end_silent_runs(instance, registry) == []
        silent_for(registry, SILENT_SECONDS + 5)
        registry.runs._renew_sign(lives.run_id)
        (ended,) = end_silent_runs(instance, registry)
        assert ended.run_id == lost.run_id
        assert end_silent_runs(instance, registry) == []
        assert status_of(instance, lives) is STARTED
        assert status_of(instance, lost) is dg.DagsterRunStatus.FAILURE
        assert slots.claim_concurrency_slot(BUILD_POOL, "another", "built_repos").is_claimed
    told = [entry.message for entry in instance.all_logs(lost.run_id) if entry.dagster_event]
    assert "nothing was heard of its worker, process 4711 on worker-2," in told[-1]
    assert "goes on at the first phase that is not done" in told[-1]
    after = registry.queue.by_id(queued.id)
    assert (after.status, after.attempts) == (BuildStatus.QUEUED, claimed.attempts - 1)


def test_a_run_that_was_killed_before_it_gave_a_sign_ends_once_it_was_seen_for_long_enough(
    instance: dg.DagsterInstance, registry: Registry
) -> None:
    made, queued = run(instance), run(instance, dg.DagsterRunStatus.NOT_STARTED)
    assert end_silent_runs(instance, registry) == []
    silent_for(registry, SILENT_SECONDS + 1)
    assert [ended.run_id for ended in end_silent_runs(instance, registry)] == [made.run_id]
    assert status_of(instance, queued) is dg.DagsterRunStatus.NOT_STARTED


@pytest.mark.parametrize("at_worker", [False, True], ids=["in the daemon's own host", "at a worker"])
def test_a_run_whose_process_died_before_it_could_say_so_does_not_wait_for_hours(
    instance: dg.DagsterInstance, registry: Registry, *, at_worker: bool
) -> None:
    """Dagster would wait as long as for one that waits at the broker, where a broker is set."""
    tags = {TASK_TAG: "a task of Celery"} if at_worker else {GRPC_INFO_TAG: "the code server"}
    made = instance.add_run(dg.DagsterRun(job_name="build", status=STARTING, tags=tags))
    set_builds(instance, 1)
    slots = instance.event_log_storage
    assert slots.claim_concurrency_slot(BUILD_POOL, made.run_id, "built_repos").is_claimed
    if at_worker:
        note_begun(instance, made, "worker-2")
    assert end_silent_runs(instance, registry) == []
    silent_for(registry, STARTS_WITHIN_SECONDS - 5)
    assert end_silent_runs(instance, registry) == [], "a busy machine starts a process slowly"
    silent_for(registry, 10)
    assert [ended.run_id for ended in end_silent_runs(instance, registry)] == [made.run_id]
    assert status_of(instance, made) is dg.DagsterRunStatus.FAILURE
    told = [entry.message for entry in instance.all_logs(made.run_id) if entry.dagster_event]
    assert "no process has begun to execute it" in told[-1]
    assert slots.claim_concurrency_slot(BUILD_POOL, "another", "built_repos").is_claimed


def test_a_run_whose_message_was_lost_ends_and_one_that_waits_at_the_broker_does_not(
    instance: dg.DagsterInstance, registry: Registry
) -> None:
    """A broker that keeps nothing has forgotten it, or its worker was killed, or the daemon before it was sent."""
    lost, waits, never_sent = (
        instance.add_run(dg.DagsterRun(job_name="build", status=STARTING, tags=tags))
        for tags in ({TASK_TAG: "1"}, {TASK_TAG: "2"}, {})
    )
    assert end_silent_runs(instance, registry, lambda: frozenset({"2"})) == []
    silent_for(registry, STARTS_WITHIN_SECONDS + 1)
    assert end_silent_runs(instance, registry, lambda: None) == [], "the broker does not tell"
    ended = end_silent_runs(instance, registry, lambda: frozenset({"2"}))
    assert {silent.run_id for silent in ended} == {lost.run_id, never_sent.run_id}
    assert status_of(instance, lost) is dg.DagsterRunStatus.FAILURE
    assert status_of(instance, waits) is STARTING


def test_a_run_has_its_time_to_begin_once_a_worker_has_taken_its_message(
    instance: dg.DagsterInstance, registry: Registry
) -> None:
    """It is seen for a moment before it counts as handed over, and may wait for hours then."""
    made = run(instance, STARTING)
    assert end_silent_runs(instance, registry, frozenset) == []
    instance.add_run_tags(made.run_id, {TASK_TAG: "1"})
    silent_for(registry, 3600)
    assert end_silent_runs(instance, registry, lambda: frozenset({"1"})) == []
    assert end_silent_runs(instance, registry, frozenset) == [], "it was taken just now"
    assert status_of(instance, made) is STARTING


@pytest.mark.parametrize("tags", [{TASK_TAG: "a task of Celery"}, {}], ids=["at the broker", "in a pod"])
def test_a_run_that_waits_for_a_free_worker_or_for_its_pod_is_left_to_wait(
    instance: dg.DagsterInstance, registry: Registry, tags: dict[str, str]
) -> None:
    made = instance.add_run(dg.DagsterRun(job_name="build", status=STARTING, tags=tags))
    for _ in range(2):
        assert end_silent_runs(instance, registry) == []
        silent_for(registry, 3600)
    assert status_of(instance, made) is STARTING


def test_a_run_that_was_being_cancelled_counts_as_cancelled(
    instance: dg.DagsterInstance, registry: Registry
) -> None:
    made = run(instance, CANCELING)
    registry.runs._give_sign(made.run_id, host="worker-2", pid=1)
    silent_for(registry, SILENT_SECONDS + 1)
    assert len(end_silent_runs(instance, registry)) == 1
    assert status_of(instance, made) is dg.DagsterRunStatus.CANCELED


def test_a_run_that_ended_before_it_was_looked_at_keeps_its_end(
    instance: dg.DagsterInstance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run(instance)
    registry.runs._give_sign(made.run_id, host="worker-2", pid=1)
    silent_for(registry, SILENT_SECONDS + 1)
    give_up = registry.runs.give_up

    def ends_meanwhile(run_id: str) -> object:
        instance.report_run_canceled(made)
        return give_up(run_id)

    monkeypatch.setattr(registry.runs, "give_up", ends_meanwhile)
    assert end_silent_runs(instance, registry) == []
    assert status_of(instance, made) is dg.DagsterRunStatus.CANCELED


def test_a_run_that_somebody_else_has_ended_holds_its_spec_and_its_sign_no_longer_either(
    instance: dg.DagsterInstance, registry: Registry
) -> None:
    """Dagster's own monitoring may come first; it knows nothing of the registry."""
    (queued,) = registry.queue.add(DAY, [spec()], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    lost = run(instance)
    registry.runs._give_sign(lost.run_id, host="worker-2", pid=1)
    registry.builds._take_lease(queued.id, place="there", run_id=lost.run_id)
    registry.builds.start(queued.id, run_id=lost.run_id, now=NOW)
    instance.report_run_failed(lost)
    assert end_silent_runs(instance, registry) == []
    assert registry.queue.by_id(queued.id).status in IN_PROGRESS, "its process may be about to say so itself"
    silent_for(registry, SILENT_SECONDS + 1)
    assert end_silent_runs(instance, registry) == []
    after = registry.queue.by_id(queued.id)
    assert (after.status, after.attempts) == (BuildStatus.QUEUED, 0)
    assert rows(registry, "SELECT * FROM run_signs") == []


def test_no_process_of_this_machine_is_asked_about_a_run_of_another_host(
    instance: dg.DagsterInstance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of that number may be anybody's here, and none need be there."""
    monkeypatch.setattr("factory_assets.defs.workers.psutil.Process", _never)
    monkeypatch.setattr(run_launcher, "registry_of", lambda _instance: registry)
    launcher = FactoryRunLauncher()
    launcher.register_instance(instance)
    made = run(instance)
    registry.runs._give_sign(made.run_id, host="worker-2", pid=os.getpid())
    assert launcher.check_run_worker_health(made).status is WorkerStatus.RUNNING
    assert release_dead_runs(instance, registry) == []
    silent_for(registry, SILENT_SECONDS + 1)
    assert launcher.check_run_worker_health(made).status is WorkerStatus.NOT_FOUND
    assert release_dead_runs(instance, registry) == [made.run_id]


def _never(pid: int) -> None:
    raise AssertionError(f"asked for process {pid}")


def test_whoever_previews_the_sensor_ends_nothing(instance: dg.DagsterInstance, registry: Registry) -> None:
    made = run(instance)
    registry.runs._give_sign(made.run_id, host="worker-2", pid=1)
    silent_for(registry, SILENT_SECONDS + 1)
    context = dg.build_sensor_context(instance=instance, resources={"registry": registry.reading()})
    told = build_silent_runs()(context)
    assert isinstance(told, dg.SkipReason)
    assert "nothing was heard of its worker" in str(told.skip_message)
    assert status_of(instance, made) is STARTED


_WORKER = """
import sys, time
from pydantic import SecretStr
from factory_assets.defs.workers import signs_of_life
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.registry import Registry, renewing
registry = Registry(PostgresPlace(SecretStr(sys.argv[1]), sys.argv[2]))
with signs_of_life(registry, sys.argv[3]):
    print("gives signs", flush=True)
    time.sleep(600)
"""


def test_kill_9_of_a_worker_is_noticed_without_anybody_who_watched_it(
    instance: dg.DagsterInstance, registry: Registry
) -> None:
    made = run(instance)
    place = registry._place
    command = [
        sys.executable,
        "-c",
        _WORKER,
        place.url.get_secret_value(),
        place.schema,
        made.run_id,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "gives signs\n"
        worker.send_signal(signal.SIGKILL)
    assert end_silent_runs(instance, registry) == [], "it may only be slow"
    silent_for(registry, SILENT_SECONDS + 1)
    (ended,) = end_silent_runs(instance, registry)
    assert ended.pid == worker.pid
    assert status_of(instance, made) is dg.DagsterRunStatus.FAILURE


class Given:
    """What a job works with that Dagster makes anew by its name."""

    registry: Registry
    is_given_up: bool
    signs: list[dict[str, object]]


def real_job() -> dg.JobDefinition:
    @dg.op
    def work(context: dg.OpExecutionContext) -> None:
        Given.signs = rows(Given.registry, "SELECT * FROM run_signs")
        if Given.is_given_up:
            silent_for(Given.registry, SILENT_SECONDS + 1)
            assert end_silent_runs(context.instance, Given.registry)

    @dg.job(executor_def=build_executor(Given.registry))
    def job() -> None:
        work()

    return job


def test_a_run_gives_signs_while_it_is_executed_and_fails_where_it_was_given_up_meanwhile(
    instance: dg.DagsterInstance, registry: Registry
) -> None:
    Given.registry = registry
    for Given.is_given_up, ends in (
        (False, dg.DagsterRunStatus.SUCCESS),
        (True, dg.DagsterRunStatus.FAILURE),
    ):
        with dg.execute_job(dg.reconstructable(real_job), instance=instance) as result:
            made = result.dagster_run
        (sign,) = Given.signs
        assert (sign["run_id"], sign["pid"]) == (made.run_id, os.getpid())
        assert status_of(instance, made) is ends
        assert rows(registry, "SELECT * FROM run_signs") == []


def test_every_job_gives_signs_and_only_a_shared_registry_is_looked_at(tmp_path: Path) -> None:
    """A run that gave none would be taken for dead while it works."""
    alone = build_defs(Settings(_env_file=None, factory_data_dir=tmp_path))
    living = build_executor(memory_registry()).description
    jobs = alone.get_repository_def().get_all_jobs()
    assert len(jobs) > 8
    assert {job.executor_def.description for job in jobs} == {living}
    assert "silent_runs" not in {sensor.name for sensor in alone.sensors or []}
    url = "postgresql://user:password@host/database"
    shared = build_defs(Settings(_env_file=None, factory_data_dir=tmp_path, factory_registry_url=url))
    assert "silent_runs" in {sensor.name for sensor in shared.sensors or []}
