"""Work that is there already, in the place of agents: an attempt judges it as it judges theirs, without a model."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import DirEntry, scandir
from pathlib import Path

from factory_assets.domain.agents import AgentOutcome, AgentTask, CommandRunner, OutcomeKind
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import InputError
from factory_assets.domain.indexes import PackageIndexes
from factory_assets.folders import remove_folder
from factory_assets.secret_scan.scanner import HistoryScanner

Work = Callable[[Path], None]
"""What a phase does in its workspace."""

# Of the scaffold, what a repo from elsewhere may lack without being another one.
_LAID_WHERE_MISSING = frozenset({".gitignore", ".shellcheckrc", "LICENSE", "Makefile", "SPEC.md"})
# What git or a build makes of a repo, and no commit of the factory holds.
_NEVER_LAID = frozenset({".git", ".venv", "__pycache__", "node_modules"})
_RUSTS_OWN = "target"
_LAID_KINDS = frozenset({stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK})
# Far more than any repo that passes, ignored files with it.
_MOST_FILES, _MOST_BYTES = 20_000, 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class JudgeTools:
    """What the gates work with. `secrets` are values that must stand in no commit."""

    commands: CommandRunner
    scanner: HistoryScanner
    indexes: PackageIndexes
    secrets: tuple[str, ...] = ()


class LaidWork:
    """Does the given works, one for each phase that an attempt comes to, and has no more to do after the last.

    It is an AgentRunner whose sessions cost nothing.
    """

    def __init__(self, works: Iterable[Work]) -> None:
        self._works = iter(works)

    def run_agent(
        self, task: AgentTask, report: Callable[[str], None], meter: Callable[[Usage], None]
    ) -> AgentOutcome:
        """Do the next work, or end as an agent that does not do its phase."""
        del report, meter
        work = next(self._works, None)
        if work is not None:
            work(task.workspace)
        return AgentOutcome(
            kind=OutcomeKind.AGENT_FAILURE if work is None else OutcomeKind.DONE,
            detail="nothing is there to judge" if work is None else "",
            turns=0,
            usage=Usage(),
            seconds=0.0,
            session_id=None,
            model=task.model,
        )

    def forget(self, workspace: Path) -> None:
        """Nothing is kept."""


def works_of(tree: Path, documents: Path | None) -> Sequence[Work]:
    """The three phases of a tree on disk: its files, the documents (those in the tree where none are given), no change.

    A work raises an InputError where a file cannot be read, or there is too much to copy.
    """

    def build(workspace: Path) -> None:
        for path in workspace.iterdir():
            if path.name not in _LAID_WHERE_MISSING:
                remove_folder(path)
        _lay(tree, workspace)

    def document(workspace: Path) -> None:
        if documents is not None:
            _lay(documents, workspace)

    def review(workspace: Path) -> None:
        del workspace

    return build, document, review


def _lay(source: Path, target: Path) -> None:
    """Copy a folder over another: links as links, nothing through one, no device and no pipe."""
    files, size, folders = 0, 0, [(source, target)]
    try:
        while folders:
            here, there = folders.pop()
            for entry in _entries(here, is_top=here == source):
                copy = there / entry.name
                if entry.is_dir(follow_symlinks=False):
                    if copy.is_symlink() or not copy.is_dir():
                        remove_folder(copy)
                        copy.mkdir()
                    folders.append((Path(entry.path), copy))
                    continue
                files, size = files + 1, size + entry.stat(follow_symlinks=False).st_size
                if files > _MOST_FILES or size > _MOST_BYTES:
                    raise InputError(
                        "It is too large to be copied.",
                        where=str(source),
                        fix="Leave out what is no part of it.",
                    )
                remove_folder(copy)
                shutil.copy2(entry.path, copy, follow_symlinks=False)
    except OSError as error:
        what = f"It cannot be copied: {error.strerror or error}."
        raise InputError(what, where=str(error.filename or source)) from error


def _entries(folder: Path, *, is_top: bool) -> list[DirEntry[str]]:
    with scandir(folder) as entries:
        return [
            entry
            for entry in entries
            if entry.name not in _NEVER_LAID
            and not (is_top and entry.name == _RUSTS_OWN)
            and stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode) in _LAID_KINDS
        ]
