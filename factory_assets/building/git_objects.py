"""The factory's own git: what a bare repository holds, read and written byte for byte.

Git runs with GIT_DIR set and the agent's workspace as a plain work tree, so nothing in the workspace is ever
taken for configuration: hooks, filters, fsmonitor and attributes of the workspace are without effect, because
blobs are written and read byte for byte rather than by `git add` and `git checkout`.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path

from factory_assets.building.workspaces import remove_git_folders
from factory_assets.domain.errors import FactoryError, InputError
from factory_assets.domain.trees import EXECUTABLE, REGULAR, SYMLINK, Tree, TreeFile
from factory_assets.git_program import find_git, run_git
from factory_assets.scratch import scratch_folder

READ_LIMIT = 2_000_000
# Far more than the gate tree-safe lets pass: what is over this is not even hashed.
_MOST_FILES = 2_000
_MOST_BYTES = 200_000_000
_ID = re.compile("[0-9a-f]{40}")

# What builds and tests leave behind; never part of a repository, whatever its .gitignore says.
_JUNK = (
    "__pycache__/",
    "*.py[co]",
    ".pytest_cache/",
    ".mypy_cache/",
    ".ruff_cache/",
    "*.egg-info/",
    ".venv/",
    "node_modules/",
    "/target/",
    ".DS_Store",
)


class OversizedError(FactoryError):
    """A workspace holds too much to be committed."""


class GitObjects:
    """Commits and files of one bare repository.

    Args:
        path: the bare repository, made if it is missing.
        author: `Name <mail>` of every commit and tag.

    Raises:
        MissingToolError: when there is no git.
        InputError: when `author` has no such form.
        InfrastructureError: when git fails; what it said is in the error.
    """

    def __init__(self, path: Path, *, author: str) -> None:
        self.path = path
        self._program = find_git()
        self._name, self._mail = _split_author(author)
        # A build reads the tree of each of its commits several times, and what an id names never changes.
        self._trees: dict[str, Tree] = {}
        if not (path / "HEAD").exists():
            self._create()

    def commit(self, workspace: Path, *, parent: str | None, message: str, when: datetime) -> str:
        """Commit the workspace's files, ignored ones and build junk left out; return the commit.

        Same files, parent, message and time give the same commit. Git directories in the workspace are removed:
        a nested repository or submodule is never part of a repo.

        Raises:
            OversizedError: there is far too much of it; nothing was read.
        """
        remove_git_folders(workspace)
        with tempfile.TemporaryDirectory(prefix="index-", dir=workspace.parent) as folder:
            env = {"GIT_WORK_TREE": str(workspace), "GIT_INDEX_FILE": str(Path(folder, "index"))}
            listed = self._listed(workspace, env)
            _refuse_oversized(workspace, listed)
            entries = b"".join(self._index_lines(workspace, listed))
            self._git("update-index", "-z", "--index-info", env=env, stdin=entries)
            tree = self._git("write-tree", env=env).decode().strip()
        return self._commit_tree(tree, parent=parent, message=message, when=when)

    def commit_files(self, parent: str, files: Mapping[str, bytes], *, message: str, when: datetime) -> str:
        """Commit the files of `parent` with these added or replaced, by the factory's own hand."""
        with scratch_folder() as folder:
            env = {"GIT_INDEX_FILE": str(folder / "index")}
            self._git("read-tree", parent, env=env)
            entries = [
                f"{REGULAR} {self._write_blob(data)}\t{path}\0".encode() for path, data in files.items()
            ]
            self._git("update-index", "-z", "--index-info", env=env, stdin=b"".join(entries))
            tree = self._git("write-tree", env=env).decode().strip()
        return self._commit_tree(tree, parent=parent, message=message, when=when)

    def put_back(
        self,
        commit: str,
        base: str,
        paths: Collection[str],
        files: Mapping[str, bytes],
        *,
        message: str,
        when: datetime,
    ) -> str:
        """Commit the files of `commit` on top of `base`: these paths as they are in `base`, and these files anew."""
        old, new = self._lines_of(base), self._lines_of(commit)
        absent = f"0 {'0' * 40}\t".encode()
        with scratch_folder() as folder:
            env = {"GIT_INDEX_FILE": str(folder / "index")}
            self._git("read-tree", commit, env=env)
            # Removals first: a folder may have taken a file's place.
            lines = [absent + new[path][1] for path in paths if path in new]
            lines += [b"".join(old[path]) for path in paths if path in old]
            lines += [f"{REGULAR} {self._write_blob(data)}\t{path}".encode() for path, data in files.items()]
            stdin = b"".join(line + b"\0" for line in lines)
            self._git("update-index", "--replace", "-z", "--index-info", env=env, stdin=stdin)
            tree = self._git("write-tree", env=env).decode().strip()
        return self._commit_tree(tree, parent=base, message=message, when=when)

    def _lines_of(self, commit: str) -> dict[str, tuple[bytes, bytes]]:
        """Each file of a commit as a line for the index, and the path as git has it."""
        return {
            raw.decode("utf-8", "backslashreplace"): (f"{mode} {blob}\t".encode(), raw)
            for mode, blob, _, raw in self._entries(commit)
        }

    def tree(self, commit: str) -> Tree:
        """The files of a commit, with the content of those up to 2 MB."""
        known = self._trees.get(commit)
        if known is not None:
            return known
        tree = self._read_tree(commit)
        if _ID.fullmatch(commit) and sum(file.size for file in tree.values()) <= READ_LIMIT:
            self._trees[commit] = tree
        return tree

    def _read_tree(self, commit: str) -> Tree:
        entries = self._entries(commit)
        contents = self._blobs([blob for _, blob, size, _ in entries if size <= READ_LIMIT])
        return {
            raw.decode("utf-8", "backslashreplace"): TreeFile(mode, blob, size, contents.get(blob))
            for mode, blob, size, raw in entries
        }

    def export(self, commit: str, target: Path) -> None:
        """Write a commit's files into an empty folder, byte for byte."""
        entries = self._entries(commit)
        contents = self._blobs([blob for _, blob, _, _ in entries])
        for mode, blob, _, raw in entries:
            path = target / os.fsdecode(raw)
            path.parent.mkdir(parents=True, exist_ok=True)
            if mode == SYMLINK:
                path.symlink_to(os.fsdecode(contents[blob]))
            else:
                path.write_bytes(contents[blob])
                path.chmod(0o755 if mode == EXECUTABLE else 0o644)

    def clone(self, commit: str, target: Path) -> None:
        """A fresh clone of one commit, as a user of the repo would get it.

        Its objects are fetched, not linked: what is run in it may write them, and must not reach those of this repo.
        """
        run_git(self._program, ["init", "--quiet", "--template=", str(target)], {})
        env = {"GIT_DIR": str(target / ".git"), "GIT_WORK_TREE": str(target)}
        run_git(self._program, ["fetch", "--quiet", "--no-tags", str(self.path), commit], env)
        run_git(self._program, ["checkout", "--quiet", "--detach", commit], env, cwd=target)

    def _create(self) -> None:
        # Made aside and renamed, because what a killed git left half made would be no repository for ever.
        draft = self.path.with_name(f"{self.path.name}.new")
        draft.parent.mkdir(parents=True, exist_ok=True)
        if draft.exists():
            shutil.rmtree(draft)
        run_git(self._program, ["init", "--quiet", "--bare", "-b", "main", "--template=", str(draft)], {})
        draft.rename(self.path)

    def _listed(self, workspace: Path, env: Mapping[str, str]) -> list[bytes]:
        excludes = [f"--exclude={pattern}" for pattern in _JUNK]
        listing = self._git(
            "ls-files", "-z", "--others", "--exclude-standard", *excludes, env=env, cwd=workspace
        )
        return sorted(path for path in listing.split(b"\0") if path)

    def _index_lines(self, workspace: Path, paths: Sequence[bytes]) -> list[bytes]:
        modes: dict[bytes, str] = {}
        by_list: list[bytes] = []
        blobs: dict[bytes, str] = {}
        root = os.fsencode(workspace)
        for path in paths:
            full = os.path.join(root, path)  # noqa: PTH118 - a path of bytes, whatever its encoding
            info = os.lstat(full)
            if stat.S_ISLNK(info.st_mode):
                modes[path] = SYMLINK
                blobs[path] = self._write_blob(os.readlink(full))  # noqa: PTH115 - bytes again
            elif stat.S_ISREG(info.st_mode):
                modes[path] = EXECUTABLE if info.st_mode & stat.S_IXUSR else REGULAR
                if b"\n" in path or path.startswith(b'"'):
                    blobs[path] = self._write_blob(Path(os.fsdecode(full)).read_bytes())
                else:
                    by_list.append(path)
        hashes = self._git(
            "hash-object",
            "-w",
            "--no-filters",
            "--stdin-paths",
            cwd=workspace,
            stdin=b"".join(os.path.join(root, path) + b"\n" for path in by_list),  # noqa: PTH118
        )
        blobs |= dict(zip(by_list, hashes.decode().split(), strict=True))
        return [f"{mode} {blobs[path]}\t".encode() + path + b"\0" for path, mode in modes.items()]

    def _commit_tree(self, tree: str, *, parent: str | None, message: str, when: datetime) -> str:
        parents = [] if parent is None else ["-p", parent]
        stamp = f"{int(when.timestamp())} +0000"
        env = {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        made = self._git("commit-tree", tree, *parents, "-F", "-", env=env, stdin=message.encode())
        return made.decode().strip()

    def _write_blob(self, data: bytes) -> str:
        return self._git("hash-object", "-w", "--no-filters", "--stdin", stdin=data).decode().strip()

    def _entries(self, commit: str) -> list[tuple[str, str, int, bytes]]:
        entries = []
        for line in self._git("ls-tree", "-r", "-z", "--long", "--full-tree", commit).split(b"\0"):
            if line:
                fields, _, path = line.partition(b"\t")
                mode, _, blob, size = fields.decode().split()
                entries.append((mode, blob, int(size), path))
        return entries

    def _blobs(self, blobs: Sequence[str]) -> dict[str, bytes]:
        wanted = list(dict.fromkeys(blobs))
        output = self._git("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in wanted).encode())
        contents: dict[str, bytes] = {}
        position = 0
        for blob in wanted:
            end = output.index(b"\n", position)
            size = int(output[position:end].split()[-1])
            contents[blob] = output[end + 1 : end + 1 + size]
            position = end + 1 + size + 1
        return contents

    def _git(
        self, *args: str, env: Mapping[str, str] | None = None, stdin: bytes = b"", cwd: Path | None = None
    ) -> bytes:
        identity = {
            "GIT_DIR": str(self.path),
            "GIT_AUTHOR_NAME": self._name,
            "GIT_AUTHOR_EMAIL": self._mail,
            "GIT_COMMITTER_NAME": self._name,
            "GIT_COMMITTER_EMAIL": self._mail,
        }
        return run_git(self._program, args, identity | dict(env or {}), stdin=stdin, cwd=cwd or self.path)


def _refuse_oversized(workspace: Path, paths: Sequence[bytes]) -> None:
    root = os.fsencode(workspace)
    size = sum(os.lstat(os.path.join(root, path)).st_size for path in paths)  # noqa: PTH118 - a path of bytes
    if len(paths) > _MOST_FILES or size > _MOST_BYTES:
        raise OversizedError(
            f"{len(paths):,} files with {size:,} bytes, far more than a repo may have", where=str(workspace)
        )


def _split_author(author: str) -> tuple[str, str]:
    name, mail = parseaddr(author)
    if not name or not mail:
        raise InputError(
            f"{author!r} is no author.",
            where="FACTORY_GIT_AUTHOR",
            fix="Write it as: Name <mail@example.org>",
        )
    return name, mail
