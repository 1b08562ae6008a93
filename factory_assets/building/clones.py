"""Reading somebody's clone without trusting it: fetched anew, so that every object is checked and no config counts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory_assets.building.git import BareRepo
from factory_assets.domain.errors import InputError
from factory_assets.domain.trees import Tree
from factory_assets.git_program import config_environment, find_git, run_git
from factory_assets.network.clients import git_config

_SCHEMES = ("https://", "http://", "file://")
_MAIN = "refs/heads/main"
# Nothing is committed here; the name is only asked for.
_READER = "Reader <reader@localhost>"


@dataclass(frozen=True)
class Commit:
    """One commit of the history."""

    id: str
    parents: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class AnnotatedTag:
    """An annotated tag: the commit it points to, and its message."""

    commit: str
    message: str


class CloneReader:
    """A copy of a repository, made for reading."""

    def __init__(self, git_dir: Path) -> None:
        self.git_dir = git_dir
        self._program = find_git()
        self._repo = BareRepo(git_dir, author=_READER)

    def main(self) -> str | None:
        """The commit of the branch `main`."""
        return self._repo.refs().get(_MAIN)

    def has_tag(self, name: str) -> bool:
        """Whether there is a tag of that name, annotated or not."""
        return f"refs/tags/{name}" in self._repo.refs()

    def tag(self, name: str) -> AnnotatedTag | None:
        """An annotated tag on a commit; None where there is none of that name, or only a lightweight one."""
        form = "--format=%(objecttype) %(*objecttype) %(objectname) %(*objectname)"
        fields = self._git("for-each-ref", form, f"refs/tags/{name}").split()
        if fields[:2] != ["tag", "commit"]:
            return None
        return AnnotatedTag(fields[3], self._git("cat-file", "tag", fields[2]).partition("\n\n")[2])

    def history(self, commit: str) -> tuple[Commit, ...]:
        """The commits that lead to this one, oldest first."""
        form = "--format=%H%x00%P%x00%B%x00"
        fields = self._git("rev-list", "--topo-order", "--reverse", "--encoding=UTF-8", form, commit).split(
            "\0"
        )
        triples = zip(fields[0::3], fields[1::3], fields[2::3], strict=False)
        return tuple(
            Commit(id_.rpartition("\n")[2], tuple(parents.split()), message)
            for id_, parents, message in triples
        )

    def tree(self, commit: str) -> Tree:
        """The files of a commit."""
        return self._repo.tree(commit)

    def export(self, commit: str, target: Path) -> None:
        """Write a commit's files into an empty folder."""
        self._repo.export(commit, target)

    def _git(self, *args: str) -> str:
        output = run_git(self._program, args, {"GIT_DIR": str(self.git_dir)}, cwd=self.git_dir)
        return output.decode("utf-8", "replace")


@contextmanager
def open_clone(source: str) -> Iterator[CloneReader]:
    """Fetch the branches and tags of a folder or address into a place of its own, for the time of this block.

    Raises:
        InputError: when the source is neither a folder with a repository nor such an address, or the environment
            names a proxy or certificates that cannot serve.
        InfrastructureError: when git cannot fetch it.
    """
    with tempfile.TemporaryDirectory(prefix="factory-verify-") as folder:
        git_dir = Path(folder, "clone.git")
        address = _address(source)
        args = ["clone", "--quiet", "--bare", "--template=", address, str(git_dir)]
        env = {"GIT_ALLOW_PROTOCOL": "https:http:file", **config_environment(git_config(address))}
        run_git(find_git(), args, env)
        yield CloneReader(git_dir)


def _address(source: str) -> str:
    if source.startswith(_SCHEMES):
        return source
    folder = Path(source).expanduser().resolve()
    if not folder.is_dir() or not ((folder / ".git").exists() or (folder / "objects").is_dir()):
        raise InputError(
            "There is no git repository here.",
            where=source,
            fix="Name the folder of a clone, or an address that begins with https://.",
        )
    # As an address, so that git sends the objects and checks each, rather than linking the files.
    return folder.as_uri()
