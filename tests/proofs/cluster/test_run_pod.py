"""The end of a run's pod, rehearsed: the command that dagster-k8s puts into it, as a process that is asked to end.

What a process cannot show is named in docs/cluster.md.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import ModuleType

import dagster as dg
import postgres_server
import psutil
import psycopg
import pytest
import yaml
from cluster_world import Host, wait_for
from defs_recordings import copy_recordings
from pydantic import SecretStr

from factory_assets.cli.instance import open_instance
from factory_assets.defs.client import FactoryClient
from factory_assets.defs.silent_runs import end_silent_runs
from factory_assets.domain.builds import BuildStatus
from factory_assets.domain.registry_place import PostgresPlace
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry, SilentRun
from factory_assets.registry.signs import SILENT_SECONDS
from factory_assets.settings import PROJECT_ROOT

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        bool(postgres_server.missing_programs()), reason=f"not here: {postgres_server.missing_programs()}"
    ),
]
DAY, REPO = date(2026, 6, 17), "dilution-check"
# What a pod was asked to end in is there when the next one begins, or the work was not kept.
_WAITS_ONCE = "test -e waited || { touch waited; sleep 600; }; rm waited"


def run_pod() -> ModuleType:
    """deploy/lint/run_pod.py, which is no package."""
    spec = importlib.util.spec_from_file_location("run_pod", PROJECT_ROOT / "deploy" / "lint" / "run_pod.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Pods:
    """Pods of one build after the other, each with a folder of its own: they share a database and bare repositories."""

    def __init__(self, root: Path, database: str) -> None:
        recordings = copy_recordings(root / "recordings", {str(DAY): (REPO,)})
        _let_wait(recordings / f"{REPO}.yaml")
        shared = {
            "FACTORY_REGISTRY_URL": database,
            "FACTORY_DAGSTER_URL": database,
            "FACTORY_GIT_DIR": str(root / "git"),
            "FACTORY_RECORDINGS_DIR": str(recordings),
            "FACTORY_START_DATE": str(DAY),
            "FACTORY_END_DATE": str(DAY),
            "FACTORY_RANKS": "4",
            "FACTORY_SPECS_PER_DAY": "3",
            "FACTORY_ARXIV_INTERVAL": "0",
            "FACTORY_NOVELTY_FLOOR": "0",
        }
        self._git = root / "git" / f"{REPO}.git"
        self.registry = Registry(PostgresPlace(SecretStr(database), "factory_replay"))
        self._root, self._shared = root, shared
        self.daemon = Host(root, "daemon", shared)

    @contextmanager
    def launched(self, name: str) -> Iterator[tuple[psutil.Popen, str]]:
        """The process of a pod of that name, and its run: what the daemon launches, with the pod's own folder."""
        host = Host(self._root, name, self._shared)
        host.command("prepare")
        argv, run_id = self._command(name)
        with host.log.open("ab") as output:
            process = psutil.Popen(
                argv,
                cwd=host.home,
                env=host.environment() | {"FACTORY_DATA_DIR": str(host.data)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process, run_id
        finally:
            kill(process)

    def _command(self, name: str) -> tuple[list[str], str]:
        """As the daemon makes it from deploy/values.yaml, in place of whose cluster somebody takes the Job."""
        queued = self.queued()
        pod, folder = run_pod(), self._root / f"{name}-launcher"
        folder.mkdir()
        cluster = pod.Cluster()
        values = yaml.safe_load((PROJECT_ROOT / "deploy" / "values.yaml").read_text())
        opened = open_instance()
        with (
            FactoryClient.open(opened.workspace, self.daemon.data) as client,
            dg.DagsterInstance.get() as instance,
        ):
            run_id = client.launch_spec("build", queued)
            instance._run_launcher = pod.launcher_of(values, folder, cluster)
            instance._run_launcher.register_instance(instance)
            instance.launch_run(run_id, client._context.create_request_context())
        program, *arguments = cluster.job()["spec"]["template"]["spec"]["containers"][0]["args"]
        return [str(Path(sys.executable).with_name(program)), *arguments], run_id

    def queued(self) -> QueuedSpec:
        (queued,) = self.registry.queue.specs(set(BuildStatus))
        return queued

    def end_silent(self) -> list[SilentRun]:
        """What the sensor does, once the silence has been long enough."""
        with psycopg.connect(self._shared["FACTORY_REGISTRY_URL"]) as connection:
            for table in ("run_signs", "leases"):
                connection.execute(
                    f"UPDATE factory_replay.{table} SET renewed_at = renewed_at - interval '{SILENT_SECONDS + 1} s'"
                )
        with dg.DagsterInstance.get() as instance:
            return end_silent_runs(instance, self.registry)

    def said(self, name: str, words: str) -> bool:
        """Whether the log of the pod of that name has them."""
        return words in (self._root / f"{name}.log").read_text(errors="replace")

    def refs(self) -> set[str]:
        """Of the bare repository."""
        listed = subprocess.run(
            ["git", "-C", self._git, "for-each-ref", "--format=%(refname)"],
            capture_output=True,
            text=True,
            check=True,
        )
        return set(listed.stdout.split())

    def sessions(self) -> Counter[str]:
        """How many sessions of agents were paid for, by phase."""
        with psycopg.connect(self._shared["FACTORY_REGISTRY_URL"]) as connection:
            rows = connection.execute(
                "SELECT phase, count(*) FROM factory_replay.llm_calls WHERE phase IN ('build', 'seo', 'review')"
                " GROUP BY phase"
            ).fetchall()
        return Counter(dict(rows))


def test_a_pod_that_is_asked_to_end_keeps_its_work_and_one_that_is_killed_loses_its_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_server.postgres() as database:
        pods = Pods(tmp_path, database)
        for stage in ("gather", "analyze"):
            pods.daemon.command(stage, "--date", str(DAY))
        monkeypatch.chdir(tmp_path)
        for name, value in (pods.daemon.environment() | {"FACTORY_DATA_DIR": str(pods.daemon.data)}).items():
            monkeypatch.setenv(name, value)

        with pods.launched("first") as (process, run_id):
            wait_for("an agent at work", lambda: list((tmp_path / "first").rglob("waited")))
            asked = time.monotonic()
            process.terminate()
            code = process.wait(timeout=grace_seconds())
            took = time.monotonic() - asked
        status, words = ended(run_id)
        print(f"SIGTERM: ended after {took:.1f} s with {code}; the run: {status.value}, {words}")
        assert status is dg.DagsterRunStatus.FAILURE
        assert "interrupted" in words
        after = pods.queued()
        assert (after.status, after.attempts) == (BuildStatus.QUEUED, 0)
        assert "refs/factory/stopped/build" in pods.refs()

        with pods.launched("second") as (process, run_id):
            wait_for("the next phase", lambda: pods.said("second", f"{REPO} seo: turn 1"))
            kill(process)
        status, _ = ended(run_id)
        assert status is dg.DagsterRunStatus.STARTED, "nobody has noticed yet"
        (silent,) = pods.end_silent()
        assert silent.run_id == run_id
        status, words = ended(run_id)
        assert status is dg.DagsterRunStatus.FAILURE
        assert "nothing was heard of its worker" in words
        assert pods.queued().status is BuildStatus.QUEUED

        with pods.launched("third") as (process, run_id):
            assert process.wait(timeout=600) == 0
        assert ended(run_id)[0] is dg.DagsterRunStatus.SUCCESS
        assert pods.queued().status is BuildStatus.SHIPPED
        sessions = pods.sessions()
        print("sessions:", dict(sessions))
        assert (sessions["build"], sessions["seo"], sessions["review"]) == (2, 2, 1)


def grace_seconds() -> int:
    """How long Kubernetes waits before it kills."""
    values = yaml.safe_load((PROJECT_ROOT / "deploy" / "values.yaml").read_text())
    pod = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]["podSpecConfig"]
    return int(pod["terminationGracePeriodSeconds"])


def ended(run_id: str) -> tuple[dg.DagsterRunStatus, str]:
    """How a run stands, and the last word of it."""
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        told = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        return run.status, told[-1].message if told else ""


def _let_wait(recording: Path) -> None:
    recorded = yaml.safe_load(recording.read_text())
    for phase, command in (("build", _WAITS_ONCE), ("seo", "sleep 20")):
        call = {"tool": "Bash", "input": {"command": command, "description": "Wait"}}
        recorded[phase].insert(0, {"calls": [call]})
    recording.write_text(yaml.safe_dump(recorded))


def kill(process: psutil.Popen) -> None:
    """As the kernel does to all of a pod at once."""
    if psutil.pid_exists(process.pid):
        for each in [*process.children(recursive=True), process]:
            each.kill()
    process.wait()
