"""What builds leave behind and nobody needs any more: old failed states, workspaces of runs that died."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from factory_assets.building.git import BareRepo
from factory_assets.building.holding import held_repo
from factory_assets.building.locks import SpecBusyError, spec_lock
from factory_assets.domain.builds import Phase
from factory_assets.domain.leases import LeaseHeldError, LeaseLostError
from factory_assets.domain.ports import BuildJournal
from factory_assets.folders import remove_folder

# The newest failed state of a repo stays, however old: it is what `factory show` points to.
_KEPT_FAILURES = 1
_FAILED = re.compile(r"refs/factory/failed/(\d+)")


@dataclass(frozen=True)
class Leftovers:
    """What was removed, or would be: failed states by repo and attempt, workspaces and agents' sessions by repo."""

    failed_states: tuple[str, ...]
    workspaces: tuple[str, ...]
    sessions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Housekeeping:
    """Cleans up behind builds; what a build is at work on is left alone.

    `hold` holds the spec of that name against all builds, those of other hosts too; there is none for what the registry
    does not know. `sessions_of` is the folder where the agents of the repo of that name keep their sessions.
    """

    git_dir: Path
    workspaces_dir: Path
    locks_dir: Path
    author: str
    hold: Callable[[str], AbstractContextManager[BuildJournal | None]]
    sessions_of: Callable[[str], Path]

    def sweep(self, *, before: datetime, remove: bool) -> Leftovers:
        """Remove failed states that are older than `before`, and workspaces without a build.

        With `remove` off nothing is touched and the answer is what would go.
        """
        return Leftovers(
            failed_states=tuple(
                state
                for path in sorted(self.git_dir.glob("*.git"))
                for state in self._old_failures(path, before, remove=remove)
            ),
            workspaces=tuple(
                path.name
                for path in sorted(self.workspaces_dir.glob("*"))
                if self._is_stray(path, path.name, remove=remove)
            ),
            sessions=tuple(
                name
                for name in sorted(path.name.removesuffix(".git") for path in self.git_dir.glob("*.git"))
                if self._is_stray(self.sessions_of(name), name, remove=remove)
            ),
        )

    def undo(self, name: str, again_from: Phase) -> None:
        """Let the next run do the phases of that repo from this one on anew.

        Raises:
            SpecBusyError, LeaseHeldError: a build is at work on it.
        """
        path = self.git_dir / f"{name}.git"
        if path.is_dir():
            with self.hold(name) as journal:
                self._open(path, journal).undo(again_from)

    def _open(self, path: Path, journal: BuildJournal | None) -> BareRepo:
        if journal is not None:
            return held_repo(path, author=self.author, journal=journal)
        repo = BareRepo(path, author=self.author)
        repo.release_locks()
        return repo

    def _old_failures(self, path: Path, before: datetime, *, remove: bool) -> list[str]:
        name = path.name.removesuffix(".git")
        try:
            with spec_lock(self.locks_dir, name):
                old = _old_attempts(BareRepo(path, author=self.author), before)
            if old and remove:
                with self.hold(name) as journal:
                    repo = self._open(path, journal)
                    old = _old_attempts(repo, before)
                    repo.drop([f"refs/factory/failed/{attempt}" for attempt in old])
        except (SpecBusyError, LeaseHeldError, LeaseLostError):
            return []
        return [f"{name} {attempt}" for attempt in old]

    def _is_stray(self, path: Path, name: str, *, remove: bool) -> bool:
        if not path.exists():
            return False
        try:
            with spec_lock(self.locks_dir, name):
                if remove:
                    remove_folder(path)
        except SpecBusyError:
            return False
        return True


def _old_attempts(repo: BareRepo, before: datetime) -> list[int]:
    """The failed attempts that are kept for longer than anybody needs them."""
    attempts = sorted(int(found[1]) for ref in repo.refs() if (found := _FAILED.fullmatch(ref)) is not None)
    return [
        attempt
        for attempt in attempts[:-_KEPT_FAILURES]
        if repo.committed_at(f"refs/factory/failed/{attempt}") < before
    ]
