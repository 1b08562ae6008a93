"""What has to hold after a kill, and when all is over: the invariants, looked at from outside."""

from __future__ import annotations

import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos_specs import ChaosSpec

from factory_assets.building.verify import verify_clone
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus
from factory_assets.gates import ALL_GATES
from factory_assets.gates.names import ACCEPTANCE
from factory_assets.registry import Registry
from factory_assets.registry.rows import Row, fetch

# What a session spends is written down at each cent, or two seconds; one answer is under way to the ledger, and
# one to the agent.
_UNMETERED_USD = 0.01
_UNMETERED_ANSWERS = 2
_ROUNDING_USD = 0.0005
_REPOS = "SELECT spec_id, name, commit FROM repos"
_PAID = """
SELECT repo, sum(dollars) AS dollars FROM (
    SELECT repo, cost_usd AS dollars FROM llm_calls UNION ALL SELECT repo, spent_usd FROM reservations
) AS paid GROUP BY repo
"""
_OPEN = """
SELECT reservations.repo, reservations.run_id AS reserved_by, build_queue.run_id AS claimed_by
FROM reservations JOIN build_queue ON build_queue.id = reservations.spec_id
"""


@dataclass
class Books:
    """What is known beside the factory: dollars answered and lost by spec, how specs ended, what has shipped."""

    ended: dict[str, str] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)
    unmetered: Counter[str] = field(default_factory=Counter)
    shipped: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, name: str, dollars: float) -> None:
        """The model has answered an agent of that spec."""
        with self._lock:
            self.paid[name] += dollars

    def lost(self, name: str, answers: Sequence[float]) -> None:
        """A worker was killed in a session with these answers: so much need not stand in the ledger."""
        with self._lock:
            self.unmetered[name] += sum(answers[-_UNMETERED_ANSWERS:]) + _UNMETERED_USD

    def end(self, name: str, verdict: str) -> bool:
        """A build has ended; False where it had already."""
        with self._lock:
            if name in self.ended:
                return False
            self.ended[name] = verdict
            return True


class Checks:
    """Looks at the registry, the bare repositories, the processes and the disk of one instance, or of several hosts.

    Args:
        root: everything lies in it.
        registry: the registry.
        books: what is known besides.
        git: where several hosts have their bare repositories. What lies on the disk of each is not looked at then, and
            a spec whose host is gone goes back to the queue before it goes on.
    """

    def __init__(self, root: Path, registry: Registry, books: Books, *, git: Path | None = None) -> None:
        self._root = root
        self._data = root / "data"
        self._git_dir = git or self._data / "git"
        self._is_one_host = git is None
        self._registry = registry
        self._books = books
        self._lock = threading.Lock()
        self._known: dict[str, BuildStatus] = {}

    def after_a_kill(self) -> list[str]:
        """What is wrong, while another worker is at work."""
        with self._lock:
            return [*self._registry_faults(), *self._main_faults()]

    def at_the_end(self, specs: Sequence[ChaosSpec]) -> list[str]:
        """What is wrong now that every build has ended."""
        return [
            *self.after_a_kill(),
            *self._ending_faults(specs),
            *self._ledger_faults(),
            *(self._disk_faults() if self._is_one_host else ()),
            *(f"still running: {process}" for process in self.processes((str(self._root),))),
            *(fault for spec in specs for fault in self._repo_faults(spec)),
        ]

    def status(self, name: str) -> BuildStatus:
        """Where that spec stands."""
        return self._registry.queue.named(name).status

    def dollars(self) -> tuple[float, float]:
        """What the ledger has, and what the model answered for."""
        return sum(row["dollars"] for row in self._rows(_PAID)), sum(self._books.paid.values())

    def processes(self, words: Sequence[str]) -> list[str]:
        """Processes other than this one with one of these words in arguments, environment or folder."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            if folder.name == str(os.getpid()):
                continue
            try:
                command = (folder / "cmdline").read_bytes()
                known = command + b"\0" + (folder / "environ").read_bytes()
                known += b"\0" + os.fsencode((folder / "cwd").readlink()) + b"/"
            except OSError:
                continue  # gone meanwhile, or a zombie
            if any(word.encode() in known for word in words):
                found.append(command.replace(b"\0", b" ").decode(errors="replace")[:300])
        return found

    def _rows(self, sql: str) -> list[Row]:
        with self._registry._database.transaction() as connection:
            return fetch(connection, sql, [])

    def _registry_faults(self) -> Iterator[str]:
        queue = {queued.spec.name: queued for queued in self._registry.queue.specs()}
        yield from (f"{name} has vanished" for name in self._known if name not in queue)
        for name, queued in queue.items():
            before = self._known.get(name, BuildStatus.QUEUED)
            self._known[name] = queued.status
            if before in {BuildStatus.SHIPPED, BuildStatus.FAILED} and queued.status is not before:
                yield f"{name} was {before} and is {queued.status}"
            if self._is_one_host and before in IN_PROGRESS and queued.status is BuildStatus.QUEUED:
                yield f"{name} was {before} and waits again: {queued.wait_cause}"
            if queued.attempts > 1 or (queued.attempts == 0) is not (queued.status is BuildStatus.QUEUED):
                yield f"{name} is {queued.status} with {queued.attempts} attempts"
        repos = Counter(row["spec_id"] for row in self._rows(_REPOS))
        yield from (f"spec {spec_id} has {rows} rows in repos" for spec_id, rows in repos.items() if rows > 1)
        for row in self._rows(_OPEN):
            if row["reserved_by"] != row["claimed_by"]:
                yield f"{row['repo']} has a reservation of a run that another one has taken the place of"

    def _main_faults(self) -> Iterator[str]:
        for bare in sorted(self._git_dir.glob("*.git")):
            name = bare.name.removesuffix(".git")
            main = self._git(bare, "for-each-ref", "--format=%(objectname)", "refs/heads/main").strip()
            first = self._books.shipped.get(name)
            if main and self._books.shipped.setdefault(name, main) != main:
                yield f"main of {name} has moved"
            if first and not main:
                yield f"main of {name} is gone"

    def _ending_faults(self, specs: Sequence[ChaosSpec]) -> Iterator[str]:
        queue = {queued.spec.name: queued for queued in self._registry.queue.specs()}
        if set(queue) != {spec.name for spec in specs}:
            yield f"queued were {len(specs)} specs, and there are {len(queue)}"
        for spec in specs:
            queued = queue[spec.name]
            verdicts = self._registry.builds.verdicts_of(queued.id, 1)
            refused = {verdict.gate for verdict in verdicts if not verdict.passed}
            wanted = BuildStatus.SHIPPED if spec.is_good else BuildStatus.FAILED
            if queued.status is not wanted:
                yield f"{spec.name} is {queued.status} and not {wanted}: {queued.error_log}"
            if spec.is_good and (
                refused or {verdict.gate for verdict in verdicts} != set(ALL_GATES) - {ACCEPTANCE}
            ):
                yield f"{spec.name}: {len(verdicts)} verdicts, refused by {refused or 'none'}"
            if spec.gate and refused != {spec.gate}:
                yield f"{spec.name} was refused by {refused or 'none'}, not by {spec.gate}"
            if self._is_one_host and str(queued.status) != self._books.ended.get(spec.name):
                yield f"{spec.name} is {queued.status}, its workers said {self._books.ended.get(spec.name)}"

    def _ledger_faults(self) -> Iterator[str]:
        yield from (f"{row['repo']} has an open reservation" for row in self._rows(_OPEN))
        paid = {row["repo"]: row["dollars"] for row in self._rows(_PAID)}
        for name, dollars in self._books.paid.items():
            least = dollars - self._books.unmetered[name] - _ROUNDING_USD
            if paid.get(name, 0.0) < least:
                yield f"{name}: {paid.get(name, 0.0):.4f} dollars in the ledger, {dollars:.4f} answered"

    def _disk_faults(self) -> Iterator[str]:
        left: list[Path] = []
        for folder in (self._root / "tmp").iterdir():
            own = folder.name.startswith(("factory-sockets-", "factory-scratch-"))
            left += folder.iterdir() if own else [folder]
        for folder in (self._data / "workspaces", self._data / "claude-code", self._root / "home"):
            left += folder.iterdir() if folder.exists() else ()
        yield from (f"left on the disk: {path.relative_to(self._root)}" for path in left)

    def _repo_faults(self, spec: ChaosSpec) -> Iterator[str]:
        bare = self._git_dir / f"{spec.name}.git"
        if report := self._git(bare, "fsck", "--strict", "--no-dangling", "--no-progress"):
            yield f"{spec.name}: git fsck says {report}"
        locks = [str(path.relative_to(bare)) for path in bare.rglob("*.lock")]
        if locks:
            yield f"{spec.name}: locks are left: {locks}"
        form = "--format=%(refname) %(objecttype) %(objectname) %(*objectname)"
        refs = {
            line.split()[0]: line.split()[1:] for line in self._git(bare, "for-each-ref", form).splitlines()
        }
        shipped = self._registry.repos.named(spec.name)
        main, tag = refs.get("refs/heads/main"), refs.get("refs/tags/v0.1.0")
        if not spec.is_good:
            if main or tag or shipped:
                yield f"{spec.name} failed, and has main {main}, tag {tag}, repo {shipped}"
            if "refs/factory/failed/1" not in refs:
                yield f"{spec.name}: nothing of the failed attempt is kept"
            return
        if shipped is None or main is None or main[1] != shipped.commit:
            yield f"{spec.name}: main is {main}, the registry has {shipped}"
        if tag is None or main is None or tag[0] != "tag" or tag[2] != main[1]:
            yield f"{spec.name}: the tag is {tag}, main {main}"
        yield from self._phase_faults(bare, spec, {ref: named for ref, (_, named, *_) in refs.items()})
        verified = verify_clone(str(bare))
        yield from (
            f"{spec.name}: {check.name}: {check.saw}" for check in verified.checks if not check.passed
        )

    def _phase_faults(self, bare: Path, spec: ChaosSpec, refs: dict[str, str]) -> Iterator[str]:
        # Who may change refs: a number, and no commit.
        fence = refs.pop("refs/factory/fence", None)
        if fence is None or not self._git(bare, "cat-file", "blob", fence).strip().isdecimal():
            yield f"{spec.name}: the fence is {fence}"
        for ref in (ref for ref in refs if ref.startswith("refs/factory/")):
            if self._git(bare, "merge-base", ref, "refs/heads/main").strip() != refs[ref]:
                yield f"{spec.name}: {ref} does not lead to main"

    def _git(self, bare: Path, *args: str) -> str:
        done = subprocess.run(
            ["git", "--git-dir", str(bare), *args], capture_output=True, text=True, check=False
        )
        return done.stdout if done.returncode == 0 else f"{done.stdout}{done.stderr}failed"
