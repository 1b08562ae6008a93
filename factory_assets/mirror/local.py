"""A local folder as a mirror target: each repo a clone with its files to look at, only moved forward."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.errors import InfrastructureError, NotOursError
from factory_assets.mirror.git import MAIN, VERSION_TAGS, Git, local_refs
from factory_assets.mirror.ownership import plan_push
from factory_assets.mirror.target import MirrorReport


class LocalTarget:
    """`folder`/NAME is the mirror of NAME, with its work tree at `main`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._git = Git()

    def publish(
        self,
        repo: ShippedRepo,
        bare: Path,
        *,
        description: str,
        topics: Sequence[str],  # noqa: ARG002 - a folder has no topics
        before_write: Callable[[], None],
    ) -> MirrorReport:
        """Clone, or fetch and move forward; see MirrorTarget."""
        started = time.monotonic()
        clone = self._folder / repo.name
        created = not clone.exists()
        if created:
            before_write()
            self._create(clone, bare, description)
            pushed = True
        else:
            pushed = self._forward(clone, bare, repo, before_write)
        return MirrorReport(
            url=clone.resolve().as_uri(),
            commit=repo.commit,
            created=created,
            pushed=pushed,
            seconds=time.monotonic() - started,
        )

    def _create(self, clone: Path, bare: Path, description: str) -> None:
        # Made beside its place and moved there when complete: a run that dies leaves no half clone behind
        # that the next one would have to judge.
        partial = clone.with_name(f".{clone.name}.partial")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if partial.exists():
                shutil.rmtree(partial)
            self._git.must("init", "--quiet", "--initial-branch=main", str(partial))
            self._in(partial, "remote", "add", "-t", "main", "origin", str(bare.resolve()))
            self._fetch(partial, bare)
            self._in(partial, "checkout", "--quiet", "-B", "main", "--track", "origin/main")
            (partial / ".git" / "description").write_text(f"{description}\n", encoding="utf-8")
            partial.rename(clone)
        except OSError as error:
            raise InfrastructureError(
                f"The repo could not be put into the mirror folder: {error}.",
                where=str(clone),
                fix="Check the space and the permissions of FACTORY_MIRROR_DIR, then mirror again.",
            ) from error

    def _forward(self, clone: Path, bare: Path, repo: ShippedRepo, before_write: Callable[[], None]) -> bool:
        fix = f"Move {clone} away, or name another folder in FACTORY_MIRROR_DIR; then mirror again."
        not_ours = NotOursError(
            "A folder of that name is there and the factory did not make it. It was not touched.",
            where=str(clone),
            fix=fix,
        )
        if not (clone / ".git").is_dir():
            raise not_ours
        refs = local_refs(self._git, clone / ".git")
        if not refs:
            raise not_ours
        plan = plan_push(self._git, bare, repo, refs, where=str(clone), fix=fix)
        if not plan.refspecs:
            return False
        before_write()
        self._fetch(clone, bare)
        if refs.get(MAIN) != repo.commit:
            self._move_main(clone, repo)
        return True

    def _fetch(self, clone: Path, bare: Path) -> None:
        self._in(
            clone,
            *("fetch", "--quiet", "--no-tags", str(bare.resolve())),
            f"{MAIN}:refs/remotes/origin/main",
            f"{VERSION_TAGS}:{VERSION_TAGS}",
        )

    def _move_main(self, clone: Path, repo: ShippedRepo) -> None:
        head = self._git.run("-C", str(clone), "symbolic-ref", "--quiet", "HEAD").stdout.strip()
        if head != MAIN:
            raise _in_use(clone, f"{head or 'a single commit'} is checked out.")
        result = self._git.run("-C", str(clone), "merge", "--ff-only", "--quiet", repo.commit)
        if result.exit_code != 0:
            raise _in_use(clone, result.words)

    def _in(self, clone: Path, *arguments: str) -> None:
        self._git.must("-C", str(clone), *arguments)


def _in_use(clone: Path, words: str) -> NotOursError:
    return NotOursError(
        f"Somebody works in this clone, so that its main cannot move forward: {words}",
        where=str(clone),
        fix="Put the changes away, check out main, then mirror again.",
    )
