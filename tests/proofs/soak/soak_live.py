"""A live factory against its replay server, whose daemon and workers are killed and which is restarted."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar

import dagster as dg
import psutil
import yaml
from corpus_cases import corpus

from factory_assets.cli.processes import free_port
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus
from factory_assets.domain.specs import Language
from factory_assets.gather.matching import Matcher
from factory_assets.gather.topics import load_topics
from factory_assets.languages.names import names_of
from factory_assets.registry import Registry
from factory_assets.replay.arxiv_papers import load_papers
from factory_assets.replay.recordings_model import Conversation
from factory_assets.settings import Settings

DATES = (date(2026, 6, 16), date(2026, 6, 17), date(2026, 6, 18))
_SPECS_A_DAY = 3
_CASES = (("bash", "good-column-sum"), ("python", "good-rate-guard"), ("bash", "placeholder-functions"))
_EVERY_MINUTE = "* * * * *"
_COMMAND_SECONDS, _WAIT_SECONDS, _POLL_SECONDS = 300.0, 420.0, 0.5


class LiveFactory:
    """`factory up` in a folder, with all stages each minute; everything it starts bears `marker`."""

    def __init__(self, root: Path) -> None:
        self.marker = f"soak-{uuid.uuid4().hex}"
        self.home, self.data, self.mirrored = root / "home", root / "data", root / "mirrored"
        self._recordings = root / "recordings"
        self._root = root
        self.registry = Registry(self.data / "registry.duckdb")

    def prepare(self) -> None:
        """The `.env` of the instance and what its model says."""
        self.home.mkdir()
        _write_recordings(self._recordings)
        crons = {f"FACTORY_{stage}_CRON": _EVERY_MINUTE for stage in ("GATHER", "ANALYZE", "BUILD", "MIRROR")}
        values = {
            "FACTORY_MODE": "replay",
            "FACTORY_DATA_DIR": str(self.data),
            "FACTORY_MIRROR_DIR": str(self.mirrored),
            "FACTORY_RECORDINGS_DIR": str(self._recordings),
            "FACTORY_START_DATE": str(DATES[0]),
            "FACTORY_END_DATE": str(DATES[-1]),
            "FACTORY_RANKS": "4",
            "FACTORY_SPECS_PER_DAY": str(_SPECS_A_DAY),
            "FACTORY_ARXIV_INTERVAL": "0",
            "FACTORY_MIRROR_INTERVAL": "0",
            # Each date's specs say the same as the last one's.
            "FACTORY_NOVELTY_FLOOR": "0",
            "FACTORY_REPORT_CRON": "*/5 * * * *",
            "FACTORY_UI_PORT": str(free_port()),
            "BUILD_WORKERS": "2",
            **crons,
        }
        (self.home / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def command(self, *arguments: str) -> None:
        """Run `factory` with these arguments; its output goes to a file, which background programs may keep."""
        log = self._root / "commands.log"
        with log.open("a") as output:
            done = subprocess.run(
                [sys.executable, "-m", "factory_assets.cli", *arguments],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        assert done.returncode == 0, f"factory {' '.join(arguments)}: {log.read_text()[-3000:]}"

    def environment(self) -> dict[str, str]:
        kept = {
            name: os.environ[name]
            for name in ("PATH", "HOME", "LANG", "XDG_CACHE_HOME")
            if name in os.environ
        }
        return {
            **kept,
            "DAGSTER_HOME": str(self.home),
            "FACTORY_MODE": "replay",
            "FACTORY_DATA_DIR": str(self.data),
            "SOAK_MARKER": self.marker,
        }

    def kill_daemon(self) -> float:
        """Kill it as a machine out of memory does; the seconds until another one runs."""
        daemon = wait_for("a daemon", self._daemon)
        assert daemon is not None
        daemon.kill()
        began = time.monotonic()
        wait_for("a new daemon", lambda: (found := self._daemon()) is not None and found.pid != daemon.pid)
        return time.monotonic() - began

    def kill_worker(self, instance: dg.DagsterInstance) -> str:
        """Kill the process of a build that has begun; the id of its run."""
        found = wait_for("a build at work", lambda: self._worker(instance))
        assert found is not None
        run_id, worker = found
        worker.kill()
        return run_id

    def drain(self) -> None:
        """Wait, with automation still on, until every spec is built or refused: also what a kill interrupted."""
        wait_for(
            "every build to end", lambda: not self.registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS})
        )

    def settle(self, instance: dg.DagsterInstance) -> None:
        """Wait until no run is under way and no spec is in a phase."""
        open_ = [status for status in dg.DagsterRunStatus if status not in _FINISHED]
        wait_for(
            "the runs to end",
            lambda: (
                not self.registry.queue.specs(IN_PROGRESS)
                and not instance.get_runs(dg.RunsFilter(statuses=open_), limit=1)
            ),
        )

    def stop(self) -> None:
        """Whatever happened: nothing shall be left."""
        self.command("down")

    def _own(self) -> list[psutil.Process]:
        own = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("SOAK_MARKER") == self.marker:
                    own.append(process)
            except psutil.Error:
                continue
        return own

    def _daemon(self) -> psutil.Process | None:
        for process in self._own():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            if "run" in words and any(word.endswith("/dagster-daemon") for word in words):
                return process
        return None

    def _worker(self, instance: dg.DagsterInstance) -> tuple[str, psutil.Process] | None:
        """The first run whose agent is at work, and its process, which only the run's own events name."""
        at_work = {queued.spec.name for queued in self.registry.queue.specs(IN_PROGRESS)}
        started = instance.get_runs(dg.RunsFilter(job_name="build", statuses=[dg.DagsterRunStatus.STARTED]))
        own = {process.pid: process for process in self._own()}
        for run in started:
            if run.tags.get("factory/repo") not in at_work:
                continue
            for record in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
                named = _STARTED_PROCESS.search(record.message)
                if named is not None and int(named[1]) in own:
                    return run.run_id, own[int(named[1])]
        return None


Found = TypeVar("Found")
_STARTED_PROCESS = re.compile(r"Started process for run \(pid: (\d+)\)")
_FINISHED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


def wait_for(what: str, look: Callable[[], Found]) -> Found:
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {_WAIT_SECONDS:.0f} seconds for {what}"
        time.sleep(_POLL_SECONDS)
    return found


def _write_recordings(folder: Path) -> None:
    """For each date some small builds of the corpus, under names of their own and on papers of that date."""
    folder.mkdir()
    matcher = Matcher(load_topics(Path(Settings.model_fields["factory_topics_file"].default)).topics)
    known = {(str(case.language), case.name): case for case in corpus()}
    (folder / "analysis-each.yaml").write_text("date: each\nspecs: []\n")
    for number, day in enumerate(DATES):
        papers = [
            record.id
            for record in load_papers()
            if record.published.date() == day and matcher.labels(record.paper)
        ]
        specs = []
        for paper, key in zip(papers[:_SPECS_A_DAY], _CASES, strict=True):
            case = known[key]
            old, new = case.spec.name, f"{case.spec.name}-{'abc'[number]}"

            def renamed(told: object, old: str = old, new: str = new) -> dict[str, object]:
                text = json.dumps(told).replace(old, new)
                renamed: dict[str, object] = json.loads(
                    text.replace(names_of(old, Language.PYTHON).module, names_of(new, Language.PYTHON).module)
                )
                return renamed

            specs.append(
                renamed(case.spec.model_dump(mode="json", exclude_none=True)) | {"source_papers": [paper]}
            )
            told = Conversation.model_validate(
                renamed(case.conversation({}).model_dump(mode="json", exclude_unset=True))
            )
            _dump(folder / f"{new}.yaml", told.model_dump(mode="json", exclude_unset=True))
        _dump(folder / f"analysis-{day}.yaml", {"date": day, "specs": specs})


def _dump(file: Path, content: object) -> None:
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def last_lines(files: Sequence[Path], lines: int = 15) -> str:
    """The ends of these logs."""
    return "\n".join(
        f"== {file.name}\n" + "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
        for file in files
        if file.exists()
    )
