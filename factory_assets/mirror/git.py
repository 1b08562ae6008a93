"""Git as mirroring runs it: a clean environment, no hooks, no helpers, and the refs of a repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factory_assets.domain.errors import InfrastructureError, MissingToolError
from factory_assets.git_program import CLEAN_ENVIRONMENT, config_environment

MAIN = "refs/heads/main"
VERSION_TAGS = "refs/tags/v*"

# A proxy and certificates come by configuration, from the one rule that all clients go by.
_PASSED_ON = (
    "PATH",
    "TMPDIR",
)
_ALWAYS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "credential.helper": "",
    "gc.auto": "0",
    "http.lowSpeedLimit": "100",
    "http.lowSpeedTime": "60",
    "protocol.ext.allow": "never",
}


@dataclass(frozen=True)
class GitResult:
    """How a git command ended. `stdout` is what a machine reads, `stderr` what git and the remote said."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def words(self) -> str:
        """What git said, for an operator."""
        return (self.stderr.strip() or self.stdout.strip())[-2000:]


@dataclass(frozen=True)
class Git:
    """The git program with configuration of its own.

    Secrets go into `config`, which reaches git by its environment and so is in no argv, URL or file.
    """

    program: str = "git"
    config: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = 900.0

    def run(self, *arguments: str) -> GitResult:
        """Run one command to its end.

        Raises:
            MissingToolError: git is not installed.
            InfrastructureError: it took longer than the time-out.
        """
        try:
            done = subprocess.run(
                [self.program, *arguments],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self.timeout_seconds,
                check=False,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise MissingToolError(
                f"git does not start: {error}.", where=self.program, fix="Install git 2.31 or newer."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise InfrastructureError(
                f"git {_verb(arguments)} was stopped after {self.timeout_seconds:.0f} seconds.",
                fix="Check the network and mirror again.",
            ) from error
        return GitResult(done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: str) -> str:
        """Run a local command that only a broken disk or repository can make fail; its output.

        Raises:
            InfrastructureError: with git's words.
        """
        result = self.run(*arguments)
        if result.exit_code != 0:
            raise InfrastructureError(f"git {_verb(arguments)} failed: {result.words}")
        return result.stdout.strip()

    def _environment(self) -> dict[str, str]:
        config = {**_ALWAYS, **self.config}
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return environment | {**CLEAN_ENVIRONMENT, "HOME": os.devnull, **config_environment(config)}


def _verb(arguments: tuple[str, ...]) -> str:
    words = iter(arguments)
    for word in words:
        if word in {"-C", "--git-dir"}:
            next(words)
        elif not word.startswith("-"):
            return word
    return ""


def local_refs(git: Git, git_dir: Path) -> dict[str, str]:
    """`main` and the version tags of a repository on this machine, each with its object."""
    lines = git.must(
        "--git-dir", str(git_dir), "for-each-ref", "--format=%(objectname) %(refname)", MAIN, VERSION_TAGS
    )
    return parse_refs(lines)


def parse_refs(lines: str) -> dict[str, str]:
    """Read `object ref` lines, as for-each-ref and ls-remote print them."""
    pairs = (line.split(maxsplit=1) for line in lines.splitlines() if line.strip())
    return {name.strip(): object_id for object_id, name in pairs}


def commit_of(git: Git, git_dir: Path, ref: str) -> str | None:
    """The commit that a ref stands for (tags peeled), or None where there is no such ref."""
    result = git.run("--git-dir", str(git_dir), "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    return result.stdout.strip() or None


def is_ancestor(git: Git, git_dir: Path, older: str, newer: str) -> bool:
    """Whether `older` is a commit of this repository from which `newer` descends, or `newer` itself."""
    return git.run("--git-dir", str(git_dir), "merge-base", "--is-ancestor", older, newer).exit_code == 0
