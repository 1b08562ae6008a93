"""Several machines, as far as one makes them: hosts with folders of their own share a database, a broker and git.

Each test is one story, because a factory takes a minute to start.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import dagster as dg
import postgres_server
import psycopg
import pytest
import redis_server
from cluster_world import Cluster, cluster, wait_for

from factory_assets.defs.runs import REPO_TAG
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus

MISSING = [*postgres_server.missing_programs(), *redis_server.missing_programs()]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(MISSING), reason=f"not here: {', '.join(MISSING)}"),
]
DAYS = ("--from", "2026-06-17", "--to", "2026-06-18")
SHIPPED = {"dilution-check", "draft-budget", "evidence-order", "json-grounding", "pairwise-cases"}
REFUSED = "demo-fails-its-gate-on-purpose"


def test_two_workers_ship_each_spec_once_whatever_happens_to_them(tmp_path: Path) -> None:
    """A run is cancelled, a worker is asked to end, another is killed: every other spec ends as recorded."""
    with cluster(tmp_path) as made:
        made.daemon.command("gather", *DAYS)
        made.daemon.command("analyze", *DAYS)
        queued = {queued.spec.name for queued in made.registry.queue.specs({BuildStatus.QUEUED})}
        assert queued == SHIPPED | {REFUSED}

        with made.storage() as instance:
            for worker in made.workers:
                worker.start_worker()
            made.daemon.command("enable")
            first = wait_for("two builds at workers", lambda: _at_work(instance, made, 2))
            cancelled = first[0]
            instance.run_coordinator.cancel_run(cancelled)
            wait_for(
                "the cancelled run", lambda: _status(instance, cancelled) is dg.DagsterRunStatus.CANCELED
            )
            assert _words(instance, cancelled, "has begun with it")
            run = instance.get_run_by_id(cancelled)
            assert run is not None
            put_off = run.tags[REPO_TAG]

            stopping, killed = made.workers
            wait_for("a build on the first host", lambda: len(stopping.processes()) > 1)
            assert stopping.stop_worker() == 0
            assert stopping.processes() == []
            stopping.start_worker()
            wait_for("a build on the second host", lambda: len(killed.processes()) > 1)
            killed.kill()
            most = wait_for("every other spec", lambda: _all_ended(made, put_off), seconds=1500)

            # A run's last events come after its spec has ended.
            runs = wait_for("the end of every run", lambda: _all_finished(instance))
            print(Counter(run.status.value for run in runs), "connections at most:", most)

        ends = {queued.spec.name: queued.status for queued in made.registry.queue.specs(set(BuildStatus))}
        assert ends == {
            **dict.fromkeys(SHIPPED, BuildStatus.SHIPPED),
            REFUSED: BuildStatus.FAILED,
            # As on one machine: what a person cancels is put off by a day.
            put_off: BuildStatus.QUEUED,
        }
        for name in SHIPPED - {put_off}:
            _assert_shipped_once(made, name)


def _at_work(instance: dg.DagsterInstance, made: Cluster, number: int) -> list[str]:
    runs = instance.get_runs(dg.RunsFilter(job_name="build", statuses=[dg.DagsterRunStatus.STARTED]))
    building = made.registry.queue.specs(IN_PROGRESS)
    return [run.run_id for run in runs] if len(runs) >= number and len(building) >= number else []


def _all_finished(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    runs = list(instance.get_runs(dg.RunsFilter(job_name="build")))
    return runs if all(run.is_finished for run in runs) else []


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus | None:
    run = instance.get_run_by_id(run_id)
    return run.status if run else None


def _words(instance: dg.DagsterInstance, run_id: str, words: str) -> bool:
    return any(
        words in entry.message or words in str(entry.dagster_event) for entry in instance.all_logs(run_id)
    )


def _all_ended(made: Cluster, put_off: str) -> int:
    """The most connections that the database has had when it was looked at; 0 while a spec has not ended."""
    made.most_connections = max(made.most_connections, _connections(made))
    left = {queued.spec.name for queued in made.registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS})}
    return 0 if left - {put_off} else made.most_connections


def _connections(made: Cluster) -> int:
    with psycopg.connect(made.database) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ).fetchone()
    return found[0] if found else 0


def _assert_shipped_once(made: Cluster, name: str) -> None:
    repository = made.git / f"{name}.git"
    tags = subprocess.run(
        ["git", "-C", repository, "tag"], check=True, capture_output=True, text=True
    ).stdout.split()
    assert len(tags) == 1, (name, tags)
    made.daemon.command("verify", str(repository))
