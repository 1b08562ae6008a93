"""What builds leave behind and nobody needs any more: old failed states, workspaces of runs that died."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from factory_assets.building.git import BareRepo
from factory_assets.building.locks import SpecBusyError, spec_lock
from factory_assets.domain.builds import Phase
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

    `sessions_of` is the folder where the agents of the repo of that name keep their sessions.
    """

    git_dir: Path
    workspaces_dir: Path
    locks_dir: Path
    author: str
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
            SpecBusyError: a build is at work on it.
        """
        path = self.git_dir / f"{name}.git"
        if path.is_dir():
            with spec_lock(self.locks_dir, name):
                repo = BareRepo(path, author=self.author)
                repo.release_locks()
                repo.undo(again_from)

    def _old_failures(self, path: Path, before: datetime, *, remove: bool) -> list[str]:
        name = path.name.removesuffix(".git")
        try:
            with spec_lock(self.locks_dir, name):
                repo = BareRepo(path, author=self.author)
                repo.release_locks()
                attempts = sorted(
                    int(found[1]) for ref in repo.refs() if (found := _FAILED.fullmatch(ref)) is not None
                )
                old = [
                    attempt
                    for attempt in attempts[:-_KEPT_FAILURES]
                    if repo.committed_at(f"refs/factory/failed/{attempt}") < before
                ]
                if old and remove:
                    repo.drop([f"refs/factory/failed/{attempt}" for attempt in old])
        except SpecBusyError:
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
