"""What has to hold at the end of a soak: in the registry, the bare repositories, the run storage, the processes."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

import dagster as dg
import psutil

from factory_assets.domain.builds import BuildStatus
from factory_assets.gates import ALL_GATES
from factory_assets.gates.names import ACCEPTANCE
from factory_assets.registry import Registry
from factory_assets.registry.rows import fetch

_ENDED = {BuildStatus.SHIPPED, BuildStatus.FAILED}
_GONE_SECONDS = 20.0
_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class SoakChecks:
    """Looks at one instance from outside; each method lists what is wrong.

    Args:
        data: its data directory.
        registry: its registry.
        mirrored: the folder that it mirrors to.
    """

    def __init__(self, data: Path, registry: Registry, mirrored: Path) -> None:
        self._data = data
        self._registry = registry
        self._mirrored = mirrored
        self.specs = registry.queue.specs()

    @property
    def statuses(self) -> Counter[str]:
        """How many specs stand where."""
        return Counter(str(queued.status) for queued in self.specs)

    def analyses(self, settled: Sequence[date], *, papers: int | None = None) -> list[str]:
        """Every settled date is analysed once, no other one is, and no paper was paid for twice."""
        faults = []
        for day in settled:
            times = len(self._registry.analyses.of_day(day))
            if times != 1:
                faults.append(f"{day} was analysed {times} times")
        faults += [
            f"{day} is not settled and was analysed" for day in self._registry.analyses.days() - {*settled}
        ]
        if papers is not None:
            read = sum(found.papers for day in settled for found in self._registry.analyses.of_day(day))
            faults += (
                [f"{read} papers of settled dates were read, and there are {papers}"]
                if read != papers
                else []
            )
        return faults

    def endings(self) -> list[str]:
        """Every spec is shipped, failed or queued, by one attempt at most; each partition holds one spec."""
        faults = [
            f"{queued.spec.name} is {queued.status} at the end"
            for queued in self.specs
            if queued.status not in {*_ENDED, BuildStatus.QUEUED}
        ]
        faults += [
            f"{queued.spec.name} is {queued.status} with {queued.attempts} attempts"
            for queued in self.specs
            if queued.attempts != (queued.status in _ENDED)
        ]
        places = Counter((queued.day, queued.rank) for queued in self.specs if queued.rank is not None)
        return faults + [f"{place} holds {number} specs" for place, number in places.items() if number > 1]

    def repos(self) -> list[str]:
        """What shipped is on main, tagged, and mirrored as it is; what did not has neither."""
        return [fault for queued in self.specs for fault in self._repo(queued.spec.name, queued.status)]

    def mirrors(self) -> list[str]:
        """Every shipped repo is mirrored, and nothing else."""
        shipped = {queued.spec.name for queued in self.specs if queued.status is BuildStatus.SHIPPED}
        there = {path.name for path in self._mirrored.iterdir()} if self._mirrored.exists() else set()
        faults = [f"{name} shipped and is not mirrored" for name in sorted(shipped - there)]
        return faults + [f"{name} is mirrored and did not ship" for name in sorted(there - shipped)]

    def ledger(self) -> list[str]:
        """No phase of a build was paid for twice; where a worker is killed, the one that it was in may be."""
        with self._registry._database.transaction() as connection:
            twice = fetch(
                connection,
                "SELECT repo, phase, count(*) AS paid FROM llm_calls WHERE stage = 'build' AND phase <> 'review'"
                " GROUP BY repo, phase HAVING sum(CASE WHEN cost_usd > 0 THEN 1 ELSE 0 END) > 1",
                [],
            )
        return [f"{row['repo']}: {row['phase']} was paid {row['paid']} times" for row in twice]

    def reservations(self) -> list[str]:
        """No reservation is left open."""
        with self._registry._database.transaction() as connection:
            open_ = fetch(connection, "SELECT repo FROM reservations", [])
        return [f"{row['repo']} has an open reservation" for row in open_]

    def runs(self, instance: dg.DagsterInstance) -> list[str]:
        """No run is unfinished, no run key was launched twice, and no spec ever had two runs."""
        runs = instance.get_runs()
        faults = [
            f"run {run.run_id} of {run.job_name} is {run.status}" for run in runs if not run.is_finished
        ]
        keys = Counter(
            (run.tags.get("dagster/schedule_name"), run.tags.get("dagster/sensor_name"), key)
            for run in runs
            if (key := run.tags.get("dagster/run_key")) and "dagster/parent_run_id" not in run.tags
        )
        faults += [f"{key} was launched {number} times" for key, number in keys.items() if number > 1]
        return faults + self._beside_each_other(instance)

    def _beside_each_other(self, instance: dg.DagsterInstance) -> list[str]:
        """Builds of one spec that were launched while another run of it was queued or at work."""
        records: dict[str, list[dg.RunRecord]] = {}
        for record in reversed(instance.get_run_records()):
            run = record.dagster_run
            if run.job_name == "build" and (name := run.tags.get("factory/repo")):
                records.setdefault(name, []).append(record)
        return [
            f"{name}: {later.dagster_run.run_id} was launched beside {earlier.dagster_run.run_id}"
            for name, of_repo in records.items()
            for earlier, later in pairwise(of_repo)
            if earlier.end_time is None or later.create_timestamp.timestamp() < earlier.end_time
        ]

    def run_files(self, instance: dg.DagsterInstance) -> list[str]:
        """What a run wrote is gone with the run."""
        known = {run.run_id for run in instance.get_runs()}
        paths = [*self._data.iterdir(), *(self._data / "history" / "runs").glob("*.db")]
        found = {path.stem for path in paths if _RUN_ID.fullmatch(path.stem)}
        return [f"run {run_id} is gone and its files are not" for run_id in sorted(found - known)]

    def disk(self) -> list[str]:
        """Workspaces and sessions are gone, and no git repository is locked."""
        left = [
            path
            for folder in (self._data / "workspaces", self._data / "claude-code")
            if folder.exists()
            for path in folder.iterdir()
        ]
        left += (self._data / "git").glob("*.git/**/*.lock")
        return [f"left on the disk: {path.relative_to(self._data)}" for path in left]

    def _repo(self, name: str, status: BuildStatus) -> Iterator[str]:
        bare = self._data / "git" / f"{name}.git"
        row = self._registry.repos.named(name)
        refs = self._refs(bare)
        if status is not BuildStatus.SHIPPED:
            if row or refs.keys() & {"refs/heads/main", "refs/tags/v0.1.0"}:
                yield f"{name} is {status} and has {sorted(refs)}, in the registry {row}"
            return
        if row is None or refs.get("refs/heads/main") != row.commit:
            yield f"main of {name} is {refs.get('refs/heads/main')}, in the registry {row and row.commit}"
        if "refs/tags/v0.1.0" not in refs:
            yield f"{name} has no tag"
        queued = self._registry.queue.named(name)
        verdicts = self._registry.builds.verdicts_of(queued.id, 1) if queued else []
        if {verdict.gate for verdict in verdicts} != set(ALL_GATES) - {ACCEPTANCE}:
            yield f"{name} shipped with {len(verdicts)} verdicts"
        mirrored = self._mirrored / name
        if row and mirrored.exists() and self._git(mirrored, "rev-parse", "HEAD").strip() != row.commit:
            yield f"the mirror of {name} is not what shipped"

    def _refs(self, bare: Path) -> Mapping[str, str]:
        if not bare.exists():
            return {}
        lines = self._git(bare, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)

    def _git(self, repo: Path, *args: str) -> str:
        return subprocess.run(
            ["git", "-C", str(repo), *args], capture_output=True, text=True, check=True
        ).stdout


def storage_bytes(data: Path) -> int:
    """What the run storage takes: runs, their events and ticks, and a folder for each run."""
    folders = [data / name for name in ("history", "schedules", "storage")]
    folders += [path for path in data.iterdir() if _RUN_ID.fullmatch(path.name)]
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())


def left_processes(words: Sequence[str]) -> list[str]:
    """Processes with one of these words in arguments, environment or folder, once they had time to go."""
    deadline = time.monotonic() + _GONE_SECONDS
    while found := list(_processes_with(words)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.25)
    return [f"still running: {line}" for line in found]


def _processes_with(words: Sequence[str]) -> Iterator[str]:
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            command = " ".join(process.cmdline())
            known = f"{command} {process.cwd()} {' '.join(process.environ().values())}"
        except psutil.Error:
            continue
        if command and any(word in known for word in words):
            yield f"{process.pid} {command[:200]}"
