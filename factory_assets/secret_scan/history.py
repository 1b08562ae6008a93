"""A repository's history as the scanner reads it: every blob, commit and tag, and every name of a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.errors import InfrastructureError
from factory_assets.git_program import find_git, run_git

LARGEST_OBJECT = 64_000_000

_AT_ONCE = 64_000_000
_SUBMODULE = "160000"


@dataclass(frozen=True)
class HistoryEntry:
    """An object and where it first appears. `path` is empty for a commit or a tag itself."""

    object_id: str
    commit: str
    path: bytes
    size: int


@dataclass(frozen=True)
class History:
    """What some revisions bring along. `names` are all paths, each with the first commit that has it."""

    entries: tuple[HistoryEntry, ...]
    names: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Repository:
    """A git directory, read without any configuration, replacement or hook of this machine."""

    git_dir: Path

    def history(self, revisions: Sequence[str]) -> History:
        """Everything that can be reached from the revisions: what a push of them would publish.

        Raises:
            InfrastructureError: git failed, or a revision is none.
        """
        tags = [tag for revision in revisions for tag in self._tags_of(revision)]
        commits = self._lines("rev-list", "--reverse", *(f"{revision}^{{commit}}" for revision in revisions))
        places: dict[str, tuple[str, bytes]] = {tag: (tag, b"") for tag in tags}
        places |= {commit: (commit, b"") for commit in commits}
        names: dict[bytes, str] = {}
        for commit, blob, path in self._changes(commits):
            names.setdefault(path, commit)
            if blob is not None:
                places.setdefault(blob, (commit, path))
        sizes = self._sizes(list(places))
        entries = (
            HistoryEntry(object_id, commit, path, sizes[object_id])
            for object_id, (commit, path) in places.items()
        )
        return History(tuple(entries), tuple((commit, path) for path, commit in names.items()))

    def contents(self, entries: Sequence[HistoryEntry]) -> Iterator[tuple[HistoryEntry, bytes]]:
        """Each object with its bytes; never much more in memory than the largest of them.

        Raises:
            InfrastructureError: git failed.
        """
        batch: list[HistoryEntry] = []
        held = 0
        for entry in entries:
            if batch and held + entry.size > _AT_ONCE:
                yield from self._read(batch)
                batch, held = [], 0
            batch.append(entry)
            held += entry.size
        if batch:
            yield from self._read(batch)

    def _tags_of(self, revision: str) -> Iterator[str]:
        """The annotated tag that a revision names, and those that it may point to in turn."""
        at, kind = self._named(revision)
        while kind == "tag":
            yield at
            at, kind = self._named(self._lines("cat-file", "-p", at)[0].removeprefix("object "))

    def _named(self, revision: str) -> tuple[str, str]:
        """The object that a revision names, and its kind, which is `missing` where there is none."""
        answer = self._git(
            "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=f"{revision}\n".encode()
        )
        name, _, kind = answer.decode().strip().rpartition(" ")
        return name, kind

    def _changes(self, commits: Sequence[str]) -> Iterator[tuple[str, str | None, bytes]]:
        """Commit, blob (none where it was removed or is a submodule) and path of every change ever made."""
        listing = self._git(
            *["diff-tree", "--stdin", "-z", "-r", "-m", "--root", "--no-renames", "--raw", "--no-abbrev"],
            stdin="".join(f"{commit}\n" for commit in commits).encode(),
        )
        commit = ""
        fields = iter(listing.split(b"\0"))
        for field in fields:
            if field.startswith(b":"):
                _, mode, _, blob, _ = field.decode().split()
                there = blob.strip("0") and mode != _SUBMODULE
                yield commit, blob if there else None, next(fields)
            elif field:
                commit = field.decode()

    def _sizes(self, objects: Sequence[str]) -> dict[str, int]:
        lines = self._git("cat-file", "--batch-check", stdin="".join(f"{one}\n" for one in objects).encode())
        sizes = {}
        for line in lines.decode().splitlines():
            name, kind, *size = line.split()
            if not size:
                raise InfrastructureError(
                    f"The object {name} is {kind}.",
                    where=str(self.git_dir),
                    fix="Restore the bare repository from a backup.",
                )
            sizes[name] = int(size[0])
        return sizes

    def _read(self, entries: Sequence[HistoryEntry]) -> Iterator[tuple[HistoryEntry, bytes]]:
        wanted = "".join(f"{entry.object_id}\n" for entry in entries).encode()
        output = self._git("cat-file", "--batch", stdin=wanted)
        position = 0
        for entry in entries:
            start = output.index(b"\n", position) + 1
            yield entry, output[start : start + entry.size]
            position = start + entry.size + 1

    def _lines(self, *arguments: str) -> list[str]:
        return self._git(*arguments).decode().splitlines()

    def _git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        env = {"GIT_DIR": str(self.git_dir), "HOME": os.devnull}
        return run_git(find_git(), arguments, env, stdin=stdin)
