"""Kills the workers of real builds at random points, two side by side, until it has killed enough of them.

A kill waits for a random line of a worker (a log line, git or a sandbox that starts, a transaction of the registry)
and then some milliseconds, or for nothing but time. Some kills end git with the worker, as a machine out of memory
does. What chaos_checks calls cheap is checked after each of them.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psutil
from chaos_checks import Books, Checks
from chaos_specs import ChaosSpec, SpecSource
from layout import SUPPORT

from factory_assets.domain.builds import BuildStatus, Phase
from factory_assets.instance import Instance
from factory_assets.registry import Registry
from factory_assets.settings import Mode, Settings

_LIMITS = {"gate_seconds": 300.0, "phase_seconds": 600.0}
# So that no build is stopped by what dead workers have spent.
_PLENTY = 100_000.0
_WORKERS = 2
_GONE_SECONDS = 15.0
# How many lines of a kind to wait for, at most: a build has some times as many.
_LINES = {"log": 16, "turn": 5, "@git": 40, "@registry": 30, "@start": 9, "@git mktag": 1}
_WEIGHTS = {"log": 15, "turn": 20, "@git": 15, "@registry": 15, "@start": 15, "@git mktag": 10, "": 10}
_SECONDS = 8.0
_DELAYS = (0.0, 0.003, 0.02, 0.05)


@dataclass(frozen=True)
class Plan:
    """When a worker is killed: `delay` seconds after so many lines that begin so; `everything` it started in its
    process group as well, which git is, or it alone.
    """

    line: str
    count: int
    delay: float
    everything: bool

    @classmethod
    def draw(cls, random: Random) -> Plan:
        """A plan at random."""
        (line,) = random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        delay = random.uniform(0.0, random.choice(_DELAYS)) if line else random.uniform(0.0, _SECONDS)
        return cls(line, random.randint(1, _LINES.get(line, 1)), delay, random.random() < 0.4)

    def counts(self, line: str) -> bool:
        """Whether this line is one of those."""
        match self.line:
            case "log":
                return not line.startswith("@")
            case "turn":
                return ": turn " in line
        return line.startswith(self.line)


@dataclass
class Worker:
    """A running worker and what is known of it from its lines."""

    number: int
    process: subprocess.Popen[str]
    plan: Plan | None
    spec: ChaosSpec | None = None
    place: str = "start"
    lines: list[str] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    left: list[psutil.Process] = field(default_factory=list)

    def kill(self) -> None:
        """SIGKILL, having looked at what it has started."""
        with suppress(psutil.NoSuchProcess):
            self.left = psutil.Process(self.process.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            if self.plan and self.plan.everything:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()

    def hear(self, line: str) -> None:
        """Take a line: where is it now?"""
        self.lines.append(line)
        word, _, rest = line.partition(" ")
        if word == "@answer":
            self.answers.append(float(rest))
        elif word == "@ended":
            self.place = "between builds"
        elif rest == "mktag":
            self.place = "shipping"
        elif self.spec is not None and word == self.spec.name:
            self._take_log(rest)

    def _take_log(self, line: str) -> None:
        phase, _, event = line.partition(": ")
        if phase in set(Phase) and not event.startswith("shipped"):
            at_work = event.startswith(("agent starts", "turn "))
            self.place = f"{phase} {'agent' if at_work else 'gates'}"


class ChaosDriver:
    """Feeds two workers with specs, and kills them.

    Args:
        root: a folder for all of it.
        kills: how many.
        seed: of the plans. Which line comes when is up to the machine.
        database: the PostgreSQL of the registry; without it that is a file.
    """

    def __init__(self, root: Path, *, kills: int, seed: int, database: str | None = None) -> None:
        self._root = root
        self._database = database
        self._data = root / "data"
        self._wanted = kills
        self._random = Random(seed)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: list[ChaosSpec] = []
        self._hands: list[ChaosSpec] = []
        registry = Registry(Settings(_env_file=None, **self._settings()).registry_place)
        self._source = SpecSource(registry, root / "recordings")
        self.specs: list[ChaosSpec] = []
        self.books = Books()
        self.checks = Checks(root, registry, self.books)
        self.killed: Counter[str] = Counter()
        self.faults: list[str] = []
        for folder in (root / "tmp", root / "home"):
            folder.mkdir()
        (root / "job.json").write_text(json.dumps([self._settings(), _LIMITS]))

    def run(self) -> None:
        """Kill until it is enough, let everything come to its end, and clean up as the instance does each day."""
        threads = [threading.Thread(target=self._slot, name=f"slot {n}") for n in range(_WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        now = datetime.now(UTC)
        settings = Settings(_env_file=None, **self._settings())
        print("; ".join(Instance(settings).housekeeping.sweep(before=now - timedelta(days=1), remove=True)))

    def _settings(self) -> dict[str, Any]:
        budgets = ("repo", "day", "build", "seo", "review")
        return {
            "factory_mode": Mode.REPLAY.value,
            "factory_data_dir": str(self._data),
            "factory_registry_url": self._database,
            "factory_recordings_dir": str(self._root / "recordings"),
            "factory_ranks": 10,
            "factory_specs_per_day": 6,
            **{f"factory_{phase}_turns": 40 for phase in Phase},
            **{f"factory_{name}_budget_usd": _PLENTY for name in budgets},
            "factory_day_budget_usd": 1000 * _PLENTY,
        }

    def _slot(self) -> None:
        try:
            while not self.faults and self._has_more():
                self._let_work(self._start())
        except BaseException as error:
            self.faults.append(f"the driver itself: {error!r}")
            raise

    def _has_more(self) -> bool:
        with self._lock:
            return bool(self._waiting) or bool(self._hands) or self._wants_more()

    def _wants_more(self) -> bool:
        return self._kills_left() > 0 or len(self.specs) < self._source.cases

    def _kills_left(self) -> int:
        return self._wanted - self.killed.total()

    def _start(self) -> Worker:
        number = next(self._numbers)
        with self._lock:
            plan = Plan.draw(self._random) if self._kills_left() > 0 else None
        with (self._root / f"worker-{number}.err").open("w") as errors:
            process = subprocess.Popen(
                [
                    sys.executable,
                    str(SUPPORT / "chaos_worker.py"),
                    str(self._root / "job.json"),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(self._root / "tmp"), "CHAOS_WORKER": self._name(number)},
            )
        return Worker(number, process, plan)

    def _name(self, number: int) -> str:
        return f"{self._root}/worker-{number}"

    def _let_work(self, worker: Worker) -> None:
        with self._killing_in_time(worker):
            while (spec := self._take()) and self._give(worker, spec):
                self._read(worker)
                verdict = self._verdict(worker)
                if verdict is None:
                    break
                self._take_back(spec, verdict, worker)
            if spec is None:
                self._dismiss(worker)
        if worker.process.poll() is None or worker.process.returncode != 0:
            self._bury(worker)
        with suppress(BrokenPipeError):
            for pipe in (worker.process.stdin, worker.process.stdout):
                if pipe:
                    pipe.close()

    def _give(self, worker: Worker, spec: ChaosSpec) -> bool:
        worker.spec, worker.place, worker.answers = spec, "start", []
        assert worker.process.stdin is not None
        try:
            worker.process.stdin.write(f"{spec.name}\n")
            worker.process.stdin.flush()
        except BrokenPipeError:
            return False
        return True

    def _read(self, worker: Worker) -> None:
        """Hear the worker until its build has ended, or it has."""
        assert worker.process.stdout is not None
        plan, seen = worker.plan, 0
        for line in worker.process.stdout:
            worker.hear(line.rstrip("\n"))
            if plan and plan.line and plan.counts(line):
                seen += 1
                if seen == plan.count:
                    time.sleep(plan.delay)
                    worker.kill()
            self._account(worker, line)
            if line.startswith("@ended"):
                return

    def _account(self, worker: Worker, line: str) -> None:
        assert worker.spec is not None
        if line.startswith("@answer"):
            self.books.answered(worker.spec.name, worker.answers[-1])
        elif "agent: " in line and line.startswith(f"{worker.spec.name} "):
            worker.answers = []

    def _verdict(self, worker: Worker) -> str | None:
        last = worker.lines[-1] if worker.lines else ""
        return last.removeprefix("@ended ") if last.startswith("@ended") else None

    def _take(self) -> ChaosSpec | None:
        with self._lock:
            if not self._waiting and self._wants_more():
                self._waiting.append(self._source.queue())
                self.specs += self._waiting
            held = [spec for spec in self._hands if spec.is_good]
            if held and self._kills_left() > 0 and self._random.random() < 0.1:
                spec = self._random.choice(held)  # launched twice
            elif self._waiting:
                spec = self._waiting.pop(0)
            else:
                return None
            self._hands.append(spec)
            return spec

    def _take_back(self, spec: ChaosSpec, verdict: str, worker: Worker) -> None:
        word = verdict.partition(":")[0]
        with self._lock:
            self._hands.remove(spec)
            if word in {"shipped", "failed"}:
                if not self.books.end(spec.name, word):
                    self.faults.append(f"{spec.name} ended twice: {verdict}")
            elif word == "busy" or (
                word == "refused" and self.checks.status(spec.name) is BuildStatus.SHIPPED
            ):
                self._wait_again(spec)
            else:
                self.faults.append(self._told(worker, f"{spec.name} ended {verdict}"))

    def _wait_again(self, spec: ChaosSpec) -> None:
        if spec.name in self.books.ended or spec in self._hands or spec in self._waiting:
            return
        # As whoever launches: a worker that was killed at its very end has left nothing to do.
        status = self.checks.status(spec.name)
        if status in {BuildStatus.SHIPPED, BuildStatus.FAILED}:
            self.books.end(spec.name, status)
        else:
            self._waiting.insert(0, spec)

    def _dismiss(self, worker: Worker) -> None:
        assert worker.process.stdin is not None
        with suppress(BrokenPipeError):
            worker.process.stdin.close()
        worker.process.wait()

    def _bury(self, worker: Worker) -> None:
        code = worker.process.wait()
        spec = worker.spec
        if code != -signal.SIGKILL:
            errors = (self._root / f"worker-{worker.number}.err").read_text()
            self.faults.append(
                self._told(worker, f"worker {worker.number} ended with {code}: {errors[-3000:]}")
            )
            return
        with self._lock:
            self.killed[worker.place] += 1
            self._report(worker)
            held_back = self._random.random() < 0.5
        if spec is not None:
            self.books.lost(spec.name, worker.answers)
            if not held_back:
                self._put_back(spec)
        self._check_gone(worker, (f"{self._data}/workspaces/{spec.name}/",) if spec and held_back else ())
        self.faults += [self._told(worker, fault) for fault in self.checks.after_a_kill()]
        if spec is not None and held_back:
            self._put_back(spec)

    def _report(self, worker: Worker) -> None:
        name = worker.spec.name if worker.spec else "no spec"
        how = "its group" if worker.plan and worker.plan.everything else "alone"
        print(f"kill {self.killed.total()}: {name} at {worker.place}, {how}", flush=True)

    def _put_back(self, spec: ChaosSpec) -> None:
        with self._lock:
            if spec in self._hands:
                self._hands.remove(spec)
            self._wait_again(spec)

    def _check_gone(self, worker: Worker, places: tuple[str, ...]) -> None:
        deadline = time.monotonic() + _GONE_SECONDS
        while left := [
            *_alive(worker.left),
            *self.checks.processes((f"{self._name(worker.number)}\0", *places)),
        ]:
            if time.monotonic() > deadline:
                self.faults.append(self._told(worker, f"still running after the kill: {left}"))
                return
            time.sleep(0.1)

    @contextmanager
    def _killing_in_time(self, worker: Worker) -> Iterator[None]:
        if worker.plan is None or worker.plan.line:
            yield
            return
        timer = threading.Timer(worker.plan.delay, worker.kill)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _told(self, worker: Worker, fault: str) -> str:
        lines = [line for line in worker.lines if not line.startswith(("@registry", "@answer"))]
        return "\n".join(
            [fault, f"  worker {worker.number}, {worker.plan}:", *(f"    {line}" for line in lines[-25:])]
        )


def _alive(processes: list[psutil.Process]) -> list[str]:
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline())[:200])
    return found
