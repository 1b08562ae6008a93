"""One repo's bare repository: which commit is which phase's, what failed, what was stopped, and what shipped.

Its refs are all that one host hands over to another, so that they are changed only by whoever holds the spec: the ref
refs/factory/fence names the number of that hold, and each change of refs is one transaction with its proof.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from factory_assets.building.git_objects import GitObjects
from factory_assets.domain.builds import Phase
from factory_assets.domain.errors import InfrastructureError, StatusError
from factory_assets.domain.leases import LeaseLostError

_SCAFFOLD_REF = "refs/factory/scaffold"
_MAIN_REF = "refs/heads/main"
_FENCE_REF = "refs/factory/fence"
_ABSENT = "0" * 40
_OUTLIVING_SECONDS = 3.0


class BareRepo(GitObjects):
    """One repo's bare repository: phases as refs/factory/<phase>, failures as refs/factory/failed/<attempt>, what a
    budget stopped as refs/factory/stopped/<phase>, and what gates refused before as refs/factory/refused/<phase>.

    Once another has taken the repository over, every method that changes refs raises LeaseLostError, and changes none.
    """

    # What the ref of the fence has to name where this object has taken it.
    _fence: str | None = None

    def fence(self) -> int:
        """The number of the hold that may change refs, or did last; 0 where none ever did."""
        blob = self.refs().get(_FENCE_REF)
        return 0 if blob is None else int(self._git("cat-file", "blob", blob))

    def take(self, number: int) -> None:
        """Let only whoever holds the spec by this number change refs from now on.

        Raises:
            LeaseLostError: one with a higher number has come first.
        """
        before = self.refs().get(_FENCE_REF, _ABSENT)
        if self.fence() > number:
            raise LeaseLostError
        blob = self._write_blob(f"{number}\n".encode())
        self._transaction([f"update {_FENCE_REF} {blob} {before}"])
        self._fence = blob

    def release_locks(self) -> None:
        """Remove the locks of a git that was killed, which would stop every later one.

        Only for whoever alone may write here. A git that outlived its worker gets some seconds to end.
        """
        deadline = time.monotonic() + _OUTLIVING_SECONDS
        while locks := [*self.path.glob("*.lock"), *(self.path / "refs").rglob("*.lock")]:
            if time.monotonic() >= deadline:
                for lock in locks:
                    lock.unlink(missing_ok=True)
                return
            time.sleep(0.05)

    def refs(self) -> dict[str, str]:
        """Every ref and the object it names (for an annotated tag: the commit)."""
        lines = self._git("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)").decode()
        found = (line.split() for line in lines.splitlines())
        return {fields[0]: fields[-1] for fields in found}

    def scaffold(self) -> str | None:
        """The commit that this attempt started from."""
        return self.refs().get(_SCAFFOLD_REF)

    def set_scaffold(self, commit: str) -> None:
        """Remember the commit that this attempt starts from."""
        self._transaction([f"update {_SCAFFOLD_REF} {commit}"])

    def phases_done(self) -> dict[Phase, str]:
        """The commits of this attempt's finished phases, in order; a phase without its forerunner is none."""
        refs = self.refs()
        done: dict[Phase, str] = {}
        for phase in Phase:
            commit = refs.get(_phase_ref(phase))
            if commit is None:
                break
            done[phase] = commit
        return done

    def finish_phase(self, phase: Phase, commit: str) -> None:
        """Make `commit` what the next phase, and a resumed build, starts from."""
        refs = self.refs()
        behind = [ref for ref in (_stopped_ref(phase), _refused_ref(phase)) if ref in refs]
        self._transaction([f"update {_phase_ref(phase)} {commit}", *(f"delete {ref}" for ref in behind)])

    def keep_stopped(self, phase: Phase, commit: str) -> None:
        """Keep what a phase had done when a budget stopped it; the phase goes on from there."""
        self._transaction([f"update {_stopped_ref(phase)} {commit}"])

    def stopped(self, phase: Phase) -> str | None:
        """The commit with the files that a stopped phase left."""
        return self.refs().get(_stopped_ref(phase))

    def refused(self, phase: Phase) -> str | None:
        """The commit of a phase that gates refused in the attempt before, for those of today to judge."""
        return self.refs().get(_refused_ref(phase))

    def keep_failed(
        self, attempt: int, commit: str, words: str, *, again_from: Phase, refused: bool = False
    ) -> None:
        """Keep what stood there as the annotated tag refs/factory/failed/<attempt>; the next attempt starts afresh.

        `words` say why, for whoever finds it before the registry was told. What had passed before `again_from` is
        kept aside, for the next attempt to take up; with `refused` the commit too, as what gates refused of that phase.
        """
        refs = self.refs()
        tag = self._tag_object(commit, f"failed-{attempt}", words)
        kept = {_kept_ref(ref): refs[ref] for ref in _refs_before(again_from) if ref in refs}
        if refused:
            kept[_kept_ref(_refused_ref(again_from))] = commit
        old = [ref for ref in map(_kept_ref, _OWN_REFS) if ref in refs and ref not in kept]
        self._transaction(
            [
                f"update {_failed_ref(attempt)} {tag}",
                *(f"update {ref} {each}" for ref, each in kept.items()),
                *(f"delete {ref}" for ref in [*old, *_OWN_REFS] if ref in refs),
            ]
        )

    def take_up(self) -> None:
        """Go on from what had passed in the attempt before."""
        refs = self.refs()
        kept = {ref: refs[_kept_ref(ref)] for ref in _OWN_REFS if _kept_ref(ref) in refs}
        self._transaction(
            [
                *(f"update {ref} {commit}" for ref, commit in kept.items()),
                *(f"delete {_kept_ref(ref)}" for ref in kept),
            ]
        )

    def undo(self, again_from: Phase) -> None:
        """Let the phases from this one on be done anew, with the scaffold where it is the first."""
        refs = self.refs()
        undone = [ref for ref in _OWN_REFS if ref not in _refs_before(again_from)]
        both = [*undone, *map(_kept_ref, undone)]
        self._transaction([f"delete {ref}" for ref in both if ref in refs])

    def failed_words(self, attempt: int) -> str | None:
        """The words with which that attempt was kept as failed; None where it was not."""
        text = self._git("for-each-ref", "--format=%(contents)", _failed_ref(attempt)).decode()
        return text.strip() or None

    def failed(self, attempt: int) -> str | None:
        """The commit that stood there when that attempt failed; None where it was not kept."""
        return self.refs().get(_failed_ref(attempt))

    def committed_at(self, revision: str) -> datetime:
        """When a commit was made (UTC)."""
        stamp = self._git("show", "--no-patch", "--format=%ct", f"{revision}^{{commit}}").decode().strip()
        return datetime.fromtimestamp(int(stamp), UTC)

    def drop(self, refs: Sequence[str]) -> None:
        """Remove refs of the factory's own, and what only they held."""
        self._transaction([f"delete {ref}" for ref in refs])
        self._git("gc", "--quiet", "--prune=now")

    def main(self) -> str | None:
        """The shipped commit."""
        return self.refs().get(_MAIN_REF)

    def parent(self, commit: str) -> str | None:
        """The commit before it."""
        fields = self._git("rev-list", "--parents", "--max-count=1", commit).decode().split()
        return fields[1] if len(fields) > 1 else None

    def root(self, commit: str) -> str:
        """The first commit of its history, which is one line."""
        return self._git("rev-list", "--max-parents=0", commit).decode().strip()

    def distance(self, old: str, new: str) -> int:
        """How many commits lead from `old` to `new`."""
        return int(self._git("rev-list", "--count", f"{old}..{new}"))

    def ship(self, commit: str, *, version: str, message: str) -> None:
        """Point `main` and the annotated tag at `commit`, both or neither; the same again changes nothing.

        `message` is the tag's.

        Raises:
            StatusError: when `main` or the tag is another commit: what shipped is never moved.
        """
        refs = self.refs()
        tag_ref = f"refs/tags/{version}"
        for ref in (_MAIN_REF, tag_ref):
            if refs.get(ref, commit) != commit:
                raise StatusError(
                    f"{ref} is {refs[ref]} already and shall not move to {commit}.",
                    where=str(self.path),
                    fix="A shipped repo never changes: give the new one another name.",
                )
        commands = []
        # git renames one ref after the other. Killed in between, it must not leave `main` without the tag, whose
        # message is the record of what shipped.
        if tag_ref not in refs:
            tag = self._tag_object(commit, version, message)
            commands.append(f"update {tag_ref} {tag} {_ABSENT}")
        if _MAIN_REF not in refs:
            commands.append(f"update {_MAIN_REF} {commit} {_ABSENT}")
        if commands:
            self._transaction(commands)

    def tag_message(self, version: str) -> str:
        """The message of the annotated tag that shipped."""
        text = self._git("cat-file", "tag", f"refs/tags/{version}").decode()
        return text.partition("\n\n")[2]

    def _tag_object(self, commit: str, version: str, message: str) -> str:
        stamp = self._git("show", "--no-patch", "--format=%ct", commit).decode().strip()
        text = (
            f"object {commit}\ntype commit\ntag {version}\n"
            f"tagger {self._name} <{self._mail}> {stamp} +0000\n\n{message.strip()}\n"
        )
        return self._git("mktag", stdin=text.encode()).decode().strip()

    def _transaction(self, commands: Sequence[str]) -> None:
        proof = [] if self._fence is None else [f"verify {_FENCE_REF} {self._fence}"]
        lines = ["start", *proof, *commands, "prepare", "commit"]
        try:
            self._git("update-ref", "--stdin", stdin="".join(f"{line}\n" for line in lines).encode())
        except InfrastructureError:
            if self._fence is not None and self.refs().get(_FENCE_REF) != self._fence:
                raise LeaseLostError from None
            raise


def _phase_ref(phase: Phase) -> str:
    return f"refs/factory/{phase}"


def _refs_before(phase: Phase) -> tuple[str, ...]:
    """What of an attempt stands before a phase; nothing before the first, since it begins with the scaffold."""
    done = list(Phase)[: list(Phase).index(phase)]
    return (*map(_phase_ref, done), _SCAFFOLD_REF) if done else ()


def _kept_ref(ref: str) -> str:
    """Where a ref of a failed attempt is kept aside."""
    return ref.replace("refs/factory/", "refs/factory/passed/")


def _failed_ref(attempt: int) -> str:
    return f"refs/factory/failed/{attempt}"


def _stopped_ref(phase: Phase) -> str:
    return f"refs/factory/stopped/{phase}"


def _refused_ref(phase: Phase) -> str:
    return f"refs/factory/refused/{phase}"


# Of one attempt. The scaffold comes last: where it stands, the attempt has begun, and nothing more is taken up.
_OWN_REFS = (*map(_stopped_ref, Phase), *map(_refused_ref, Phase), *map(_phase_ref, Phase), _SCAFFOLD_REF)
