"""A failed state before the gates once more: a copy of its repository, in which the phase that was refused is done."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_assets.building.failure import Failure, read_failure
from factory_assets.building.git import BareRepo
from factory_assets.building.locks import spec_lock
from factory_assets.domain.builds import Phase, PhaseRecord
from factory_assets.domain.errors import InputError
from factory_assets.domain.specs import QueuedSpec


@dataclass(frozen=True)
class RefusedState:
    """The phase that gates refused, and whether the next attempt takes it up where they refuse it no more."""

    phase: Phase
    is_kept: bool


def copy_refused(
    queued: QueuedSpec,
    folder: Path,
    *,
    git_dir: Path,
    locks_dir: Path,
    records: Sequence[PhaseRecord],
    author: str,
) -> RefusedState:
    """Copy a spec's bare repository into `folder` as if the phase that gates refused had just been done.

    `records` are the phases of the attempt that the journal knows.

    Raises:
        SpecBusyError: a build is at work on it.
        InputError: no state that gates refused is kept, or not all the phases before it.
    """
    bare, attempt = git_dir / f"{queued.spec.name}.git", queued.attempts
    with spec_lock(locks_dir, queued.spec.name):
        if not bare.is_dir():
            raise InputError("Nothing of it is kept.", where=bare.stem)
        shutil.copytree(bare, folder / bare.name)
    repo = BareRepo(folder / bare.name, author=author)
    repo.release_locks()
    failure = read_failure(repo.failed_words(attempt), queued.queued_at)
    commit = repo.failed(attempt)
    if failure is None or commit is None:
        raise InputError(f"Of attempt {attempt} no failed state is kept.", where=bare.stem)
    phase = _refused_phase(failure)
    if phase is None:
        raise InputError("No gate refused it: its agent did not do a phase.", where=bare.stem)
    repo.take_up()
    is_kept = repo.refused(phase) == commit
    made = {record.phase: record.commit for record in records} | repo.phases_done() | {phase: commit}
    repo.set_scaffold(repo.root(commit))
    for each in list(Phase)[: list(Phase).index(phase) + 1]:
        if each not in made:
            raise InputError(f"Its phase {each} is not kept.", where=bare.stem)
        repo.finish_phase(each, made[each])
    return RefusedState(phase, is_kept)


def _refused_phase(failure: Failure) -> Phase | None:
    if failure.by != "gate":
        return None
    refused = {verdict.phase for verdict in failure.verdicts if not verdict.passed}
    return max(refused, key=list(Phase).index, default=None)
