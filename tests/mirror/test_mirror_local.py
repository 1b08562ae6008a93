"""Mirroring into a local folder: a clone to look at, moved forward only, and nobody else's folder touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from github_git import git
from mirror_material import ShippedMaterial, make_shipped

from factory_assets.domain.errors import InfrastructureError, NotOursError
from factory_assets.mirror.description import describe
from factory_assets.mirror.local import LocalTarget
from factory_assets.mirror.target import MirrorReport


@pytest.fixture
def shipped(tmp_path: Path) -> ShippedMaterial:
    return make_shipped(tmp_path / "git", "kv-tuner")


def publish(folder: Path, shipped: ShippedMaterial, writes: list[str] | None = None) -> MirrorReport:
    return LocalTarget(folder).publish(
        shipped.repo,
        shipped.bare,
        description=describe(shipped.repo),
        topics=(),
        before_write=lambda: writes.append("write") if writes is not None else None,
    )


def test_a_mirrored_repo_is_a_clone_with_its_files_at_main(tmp_path: Path, shipped: ShippedMaterial) -> None:
    report = publish(tmp_path / "mirror", shipped)

    clone = tmp_path / "mirror" / "kv-tuner"
    assert report.created
    assert report.pushed
    assert report.url == clone.as_uri()
    assert (clone / "README.md").read_text() == "# kv-tuner\n"
    assert git("rev-parse", "HEAD", cwd=clone) == shipped.repo.commit
    assert git("symbolic-ref", "HEAD", cwd=clone) == "refs/heads/main"
    assert git("status", "--porcelain", cwd=clone) == ""
    assert git("tag", "--list", cwd=clone) == "v0.1.0"
    assert git("for-each-ref", "refs/factory", cwd=clone) == ""


def test_the_same_repo_again_changes_nothing(tmp_path: Path, shipped: ShippedMaterial) -> None:
    publish(tmp_path / "mirror", shipped)
    writes: list[str] = []

    report = publish(tmp_path / "mirror", shipped, writes)

    assert not report.created
    assert not report.pushed
    assert writes == []


def test_an_older_mirror_is_moved_forward_with_its_files(tmp_path: Path, shipped: ShippedMaterial) -> None:
    clone = tmp_path / "mirror" / "kv-tuner"
    git("clone", "--quiet", "--no-tags", str(shipped.bare), str(clone))
    git("reset", "--quiet", "--hard", shipped.first_commit, cwd=clone)
    assert not (clone / "README.md").exists()

    report = publish(tmp_path / "mirror", shipped)

    assert report.pushed
    assert not report.created
    assert (clone / "README.md").exists()
    assert git("rev-parse", "v0.1.0^{commit}", cwd=clone) == shipped.repo.commit


def test_a_folder_that_somebody_else_made_is_never_touched(tmp_path: Path, shipped: ShippedMaterial) -> None:
    theirs = tmp_path / "mirror" / "kv-tuner"
    theirs.mkdir(parents=True)
    (theirs / "notes.txt").write_text("mine")

    with pytest.raises(NotOursError, match="the factory did not make it"):
        publish(tmp_path / "mirror", shipped)

    assert [path.name for path in theirs.iterdir()] == ["notes.txt"]


def test_a_clone_of_something_else_is_never_touched(tmp_path: Path, shipped: ShippedMaterial) -> None:
    theirs = tmp_path / "mirror" / "kv-tuner"
    git("init", "--quiet", "--initial-branch=main", str(theirs))
    git("commit", "--quiet", "--allow-empty", "--message=Mine", cwd=theirs)
    before = git("rev-parse", "HEAD", cwd=theirs)

    with pytest.raises(NotOursError, match="its main is not the factory's"):
        publish(tmp_path / "mirror", shipped)

    assert git("rev-parse", "HEAD", cwd=theirs) == before
    assert git("tag", "--list", cwd=theirs) == ""


def test_local_changes_are_not_overwritten(tmp_path: Path, shipped: ShippedMaterial) -> None:
    clone = tmp_path / "mirror" / "kv-tuner"
    git("clone", "--quiet", "--no-tags", str(shipped.bare), str(clone))
    git("reset", "--quiet", "--hard", shipped.first_commit, cwd=clone)
    (clone / "README.md").write_text("my notes")

    with pytest.raises(NotOursError, match="Somebody works in this clone"):
        publish(tmp_path / "mirror", shipped)

    assert (clone / "README.md").read_text() == "my notes"


def test_what_a_dead_run_left_half_done_is_no_hindrance(tmp_path: Path, shipped: ShippedMaterial) -> None:
    partial = tmp_path / "mirror" / ".kv-tuner.partial"
    git("init", "--quiet", str(partial))
    (partial / "README.md").write_text("half")

    publish(tmp_path / "mirror", shipped)

    assert [path.name for path in (tmp_path / "mirror").iterdir()] == ["kv-tuner"]


def test_a_mirror_folder_that_cannot_be_made_is_named(tmp_path: Path, shipped: ShippedMaterial) -> None:
    (tmp_path / "mirror").write_text("a file")
    with pytest.raises(InfrastructureError, match="FACTORY_MIRROR_DIR"):
        publish(tmp_path / "mirror", shipped)
