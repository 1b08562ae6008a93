"""Repositories with secrets in them, and rule scanners that need no program."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from github_git import git

from factory_assets.domain.errors import InfrastructureError
from factory_assets.secret_scan.rules import RuleFind


class NoRules:
    """Finds nothing; remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[Mapping[str, bytes]] = []

    def find(self, files: Mapping[str, bytes]) -> list[RuleFind]:
        self.shown.append(files)
        return []


class BrokenRules:
    """Does not work."""

    def find(self, files: Mapping[str, bytes]) -> list[RuleFind]:
        raise InfrastructureError("The scanner is broken.")


class Work:
    """A repository to commit to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        git("init", "--quiet", "--initial-branch=main", str(folder))

    @property
    def git_dir(self) -> Path:
        return self.folder / ".git"

    def commit(self, files: Mapping[str, bytes | str], message: str = "Change") -> str:
        for path, content in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)
        git("add", "--all", "--force", cwd=self.folder)
        git("commit", "--quiet", "--allow-empty", f"--message={message}", cwd=self.folder)
        return git("rev-parse", "HEAD", cwd=self.folder)

    def remove(self, path: str) -> str:
        git("rm", "--quiet", path, cwd=self.folder)
        git("commit", "--quiet", "--message=Remove", cwd=self.folder)
        return git("rev-parse", "HEAD", cwd=self.folder)
