"""A shipped repo for the tests of mirroring: its bare repository, as a build leaves it, and its record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from github_git import git

from factory_assets.domain.builds import ShippedRepo

PAPER_URL = "https://arxiv.org/abs/2606.01234"
SHIPPED_AT = datetime(2026, 6, 3, 12, tzinfo=UTC)


@dataclass(frozen=True)
class ShippedMaterial:
    """`first_commit` is the build phase's; `repo.commit` what shipped."""

    repo: ShippedRepo
    bare: Path
    first_commit: str

    def refs(self) -> dict[str, str]:
        """Every ref of the bare repository with its object."""
        lines = git("-C", str(self.bare), "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)


def make_shipped(folder: Path, name: str) -> ShippedMaterial:
    """Two commits, an annotated tag, and the refs that must stay at home."""
    bare, work = folder / f"{name}.git", folder / f"{name}-work"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    git("init", "--quiet", "--initial-branch=main", str(work))
    first = _commit(work, "tool.py", "print('tuned')\n", "Build")
    commit = _commit(work, "README.md", f"# {name}\n", "Review")
    git("tag", "--annotate", "--message=First", "v0.1.0", cwd=work)
    git("tag", "internal", cwd=work)
    git(
        *("push", "--quiet", str(bare), "main", "v0.1.0", "internal", "main:refs/heads/scratch"),
        f"{first}:refs/factory/build",
        cwd=work,
    )
    repo = ShippedRepo(
        name=name,
        language="python",
        problem="Serving engineers guess\nthe size of the \x1bKV cache.",
        source_url=PAPER_URL,
        version="0.1.0",
        commit=commit,
        lines_of_code=120,
        tests_executed=5,
        shipped_at=SHIPPED_AT,
    )
    return ShippedMaterial(repo, bare, first)


def _commit(work: Path, path: str, text: str, message: str) -> str:
    (work / path).write_text(text)
    git("add", "--all", cwd=work)
    git("commit", "--quiet", f"--message={message}", cwd=work)
    return git("rev-parse", "HEAD", cwd=work)
