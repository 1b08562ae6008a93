"""What happens to the machines of a storm: drawn by a seed, one after another, and checked after each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import dagster as dg
import psutil
from chaos_checks import Checks
from cluster_world import wait_for
from storm_world import Host, Storm

from factory_assets.building.git import BareRepo
from factory_assets.defs.runs import REPO_TAG
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus, Phase
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry.rows import fetch

# Of ten hurts, how many are of which kind; each kind comes at least once.
_SHARES = {"host": 70, "broker": 7, "database": 5, "main": 6, "router": 6, "partition": 6}
KINDS = len(_SHARES)
_TAKEN_OVER_SECONDS = 420.0
_DATABASE_SECONDS = 30.0
_WAITING = 16
_IDLE_SECONDS = 150.0
_MOST_ABSENT = 2
_REST_SECONDS = 10.0
_FINISHED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
_AT_WORK = """
SELECT build_queue.id FROM run_signs JOIN build_queue ON build_queue.run_id = run_signs.run_id
WHERE run_signs.host = $1 AND run_signs.renewed_at > (now() AT TIME ZONE 'UTC') - INTERVAL '25 seconds'
"""


@dataclass
class Absent:
    """A host that is off, or cut off: until when, or until others have taken over what it was at."""

    host: Host
    come_back: Callable[[], None]
    until: float
    held: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Lost:
    """A spec that was at work when it was hurt: the phases that were done, and what the model had answered by then."""

    name: str
    done: frozenset[Phase]
    answers: dict[tuple[str, str], int]


class Hurts:
    """Hurts the machines, and has those come back that are to.

    Args:
        made: the machines.
        checks: what has to hold after each.
        number: how many.
        seed: of the draw. What a machine is about just then is up to this one.
    """

    def __init__(self, made: Storm, checks: Checks, *, number: int, seed: int) -> None:
        self._made, self._checks, self._random = made, checks, Random(seed)
        self._drawn = self._draw(number)
        self._absent: list[Absent] = []
        self._hand_launched: dict[str, float] = {}
        self._idle_since: dict[str, float] = {}
        self._gone: set[str | None] = set()
        self.lost: list[Lost] = []
        self.seen: Counter[str] = Counter()
        self.taken_over = 0
        self.faults: list[str] = []
        self._began = time.monotonic()

    def _draw(self, number: int) -> list[str]:
        kinds = list(_SHARES)[:number]
        more = self._random.choices(list(_SHARES), list(_SHARES.values()), k=number - len(kinds))
        drawn = [*kinds, *more]
        self._random.shuffle(drawn)
        return drawn

    def run(self) -> None:
        """One after another, until there are none left or something is wrong."""
        acts = {
            "host": self._kill_host,
            "broker": self._kill_broker,
            "database": self._kill_database,
            "main": self._kill_main,
            "router": self._kill_router,
            "partition": self._cut_off,
        }
        self._keep_busy()
        self._made.main.run("enable")
        for number, kind in enumerate(self._drawn, start=1):
            self._keep_busy()
            self._some_at_work()
            time.sleep(self._random.uniform(0.0, _REST_SECONDS))
            told = acts[kind]()
            self.seen[kind] += 1
            print(f"{time.monotonic() - self._began:6.0f} s  hurt {number}: {told}", flush=True)
            self.faults += self._checks.after_a_kill()
            if self.faults:
                return
            self._back()

    def settle(self, seconds: float = 1800.0) -> None:
        """Have all hosts back, and wait until every spec has ended."""
        wait_for("every host", self._all_back, seconds=_TAKEN_OVER_SECONDS)
        with self._made.storage() as instance:
            wait_for("every spec", lambda: self._all_ended(instance), seconds=seconds)

    def repeated(self) -> list[str]:
        """What was paid again of phases that were done before a hurt."""
        faults = []
        for lost in self.lost:
            for phase in lost.done:
                key = (lost.name, str(phase))
                if self._made.asked[key] > lost.answers.get(key, 0):
                    faults.append(f"{lost.name}: {phase} was done, and was paid again after a hurt")
        return faults

    def _kill_host(self) -> str:
        host = self._random.choice(self._working())
        held = self._at(host)
        self._lose(held)
        host.power_off()
        is_long = self._random.random() < 0.4 and len(self._absent) < _MOST_ABSENT
        self._away(host, host.come_back, held, long=is_long)
        return f"kill -9 of {host.name} at {_told(held)}, away {'until others take over' if is_long else 'briefly'}"

    def _cut_off(self) -> str:
        # Somebody has to be there who takes over.
        wait_for("a host to be back", self._may_lose_one, seconds=2 * _TAKEN_OVER_SECONDS)
        host = self._random.choice(self._working())
        held = self._at(host)
        self._lose(held)
        host.machine.cut_off()
        self._away(host, lambda: self._plugged_in(host, held), held, long=True)
        return f"{host.name} is cut off at {_told(held)}"

    def _plugged_in(self, host: Host, held: list[QueuedSpec]) -> None:
        # What it is answered from now on is nobody's any more.
        self._lose(held)
        host.machine.connect()

    def _kill_broker(self) -> str:
        self._made.broker.kill()
        seconds = self._random.uniform(2.0, 10.0)
        time.sleep(seconds)
        self._made.broker.start()
        return f"kill -9 of Redis, which has forgotten everything; {seconds:.0f} s"

    def _kill_database(self) -> str:
        held = self._made.registry.queue.specs(IN_PROGRESS)
        before = self._made.answered_so_far()
        self._made.database.end_at_once()
        time.sleep(_DATABASE_SECONDS)
        self._made.database.start()
        # Nothing of what was answered meanwhile could be written down.
        for queued in held:
            name = queued.spec.name
            lost = self._made.answered[name][before.get(name, 0) :]
            self._made.books.unmetered[name] += sum(lost)
        self._lose(held)
        return f"PostgreSQL is ended at once, for {_DATABASE_SECONDS:.0f} s, at {_told(held)}"

    def _kill_main(self) -> str:
        main = self._made.main
        if self._random.random() < 0.5:
            word = self._random.choice(["dagster-daemon", "code-server"])
            for process in main.machine.processes():
                if any(word in given for given in _words_of(process)):
                    process.kill()
            return f"kill -9 of {word}, which is started again"
        main.power_off()
        main.power_on()
        main.run("up")
        return "kill -9 of all on the daemon's host, and `factory up`"

    def _kill_router(self) -> str:
        held = self._made.registry.queue.specs(IN_PROGRESS)
        self._lose(held)
        self._made.router.power_off()
        time.sleep(self._random.uniform(0.5, 10.0))
        self._lose(held)
        self._made.start_router()
        return f"kill -9 of the router at {_told(held)}"

    def _working(self) -> list[Host]:
        """The hosts that build, those that are at a spec where there are any."""
        hosts = self._present()
        return [host for host in hosts if self._at(host)] or hosts

    def _present(self) -> list[Host]:
        absent = {away.host.name for away in self._absent}
        return [host for host in self._made.builders if host.name not in absent]

    def _at(self, host: Host) -> list[QueuedSpec]:
        with self._made.registry._database.transaction() as connection:
            ids = [row["id"] for row in fetch(connection, _AT_WORK, [host.name])]
        found = [self._made.registry.queue.by_id(spec_id) for spec_id in ids]
        return [
            queued for queued in found if queued.status in IN_PROGRESS and queued.run_id not in self._gone
        ]

    def _lose(self, held: list[QueuedSpec]) -> None:
        for queued in held:
            name = queued.spec.name
            self._made.books.lost(name, self._made.answered[name])
            repo = BareRepo(self._made.git / f"{name}.git", author="Factory <factory@example.org>")
            answers = {key: count for key, count in self._made.asked.items() if key[0] == name}
            self.lost.append(Lost(name, frozenset(repo.phases_done()), answers))

    def _away(self, host: Host, come_back: Callable[[], None], held: list[QueuedSpec], *, long: bool) -> None:
        seconds = _TAKEN_OVER_SECONDS if long else self._random.uniform(1.0, 8.0)
        runs = {queued.spec.name: queued.run_id for queued in held} if long else {}
        self._gone |= {queued.run_id for queued in held}
        self._absent.append(Absent(host, come_back, time.monotonic() + seconds, runs))

    def _back(self) -> None:
        """Have those back whose time has come."""
        for away in list(self._absent):
            if self._is_over(away):
                away.come_back()
                self._absent.remove(away)
                print(f"{time.monotonic() - self._began:6.0f} s  {away.host.name} is back", flush=True)

    def _is_over(self, away: Absent) -> bool:
        if bool(away.held) and all(self._is_taken_over(*held) for held in away.held.items()):
            self.taken_over += len(away.held)
            return True
        # The others may have had too much to do: the spec waits for its turn at the broker.
        return time.monotonic() > away.until

    def _is_taken_over(self, name: str, run_id: str | None) -> bool:
        queued = self._made.registry.queue.named(name)
        return queued.status not in {BuildStatus.QUEUED, *IN_PROGRESS} or (
            queued.status in IN_PROGRESS and queued.run_id != run_id
        )

    def _may_lose_one(self) -> bool:
        self._back()
        return len(self._absent) < _MOST_ABSENT

    def _all_back(self) -> bool:
        self._back()
        return not self._absent

    def _some_at_work(self) -> None:
        def look() -> bool:
            self._back()
            self._launch_what_waits()
            with self._made.storage() as instance:
                self._launch_what_crashed(instance)
            return any(self._at(host) for host in self._present())

        wait_for("a build at work", look, seconds=_TAKEN_OVER_SECONDS)

    def _keep_busy(self) -> None:
        left = len(self._made.registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS}))
        for _ in range(max(0, _WAITING - left)):
            self._made.queue()

    def _launch_what_waits(self) -> None:
        """As an operator who knows that what made a spec wait is over."""
        now = time.monotonic()
        waits = [
            queued.spec.name
            for queued in self._made.registry.queue.specs({BuildStatus.QUEUED})
            if queued.wait_cause is not None and now - self._hand_launched.get(queued.spec.name, -1e9) > 120
        ]
        for name in waits:
            self._hand_launched[name] = now
            self._made.registry.queue.requeue(self._made.registry.queue.named(name).id)

    def _launch_what_crashed(self, instance: dg.DagsterInstance) -> None:
        """The same, for specs whose hosts were killed so often that automation leaves them alone for a while."""
        now = time.monotonic()
        under_way = dg.RunsFilter(
            statuses=[status for status in dg.DagsterRunStatus if status not in _FINISHED]
        )
        busy = {run.tags.get(REPO_TAG) for run in instance.get_runs(under_way)}
        for queued in self._made.registry.queue.specs({BuildStatus.QUEUED}):
            name = queued.spec.name
            idle_since = self._idle_since.setdefault(name, now) if name not in busy else now
            self._idle_since[name] = idle_since
            if now - idle_since > _IDLE_SECONDS:
                self._idle_since[name] = now
                self._made.main.start("build", "--repo", name)

    def _all_ended(self, instance: dg.DagsterInstance) -> bool:
        try:
            self._launch_what_waits()
            self._launch_what_crashed(instance)
            self._made.note_connections()
            left = self._made.registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS})
        except FactoryError as error:
            print(error, flush=True)
            return False
        return not left


def _told(held: list[QueuedSpec]) -> str:
    return ", ".join(f"{queued.spec.name} ({queued.status})" for queued in held) or "nothing"


def _words_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
