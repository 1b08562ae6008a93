"""Whose repository it is: the rule by which a target's refs are the factory's own, or somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.errors import NotOursError
from factory_assets.mirror.git import MAIN, Git, is_ancestor, local_refs


@dataclass(frozen=True)
class PushPlan:
    """What the target lacks: refspecs in git's form, empty where nothing is missing."""

    refspecs: tuple[str, ...]


def version_tag(repo: ShippedRepo) -> str:
    """The full name of the tag that marks the shipped version."""
    return f"refs/tags/v{repo.version.removeprefix('v')}"


def plan_push(
    git: Git, bare: Path, repo: ShippedRepo, remote: dict[str, str], *, where: str, fix: str
) -> PushPlan:
    """Compare the target's refs with the bare repository's, and say what to push.

    A target that holds anything is the factory's when its `main` is a commit of our bare repository from
    which the shipped one descends, or when it carries our very tag of this version (then somebody has since
    worked on `main`, and it stays as it is). An empty target plans a full push: whether it is ours is for
    the caller.

    Raises:
        NotOursError: anything else.
    """
    ours = local_refs(git, bare)
    tags = {name: object_id for name, object_id in ours.items() if name != MAIN}
    foreign = sorted(name for name in tags if remote.get(name, tags[name]) != tags[name])
    main, tag = remote.get(MAIN), version_tag(repo)
    if foreign:
        raise _not_ours(f"its tag {foreign[0].removeprefix('refs/tags/')} is not the factory's", where, fix)
    missing_tags = tuple(f"{name}:{name}" for name in sorted(tags) if name not in remote)
    if main == repo.commit:
        return PushPlan(missing_tags)
    if main is not None and not is_ancestor(git, bare, main, repo.commit):
        if tag in remote:
            return PushPlan(())
        raise _not_ours("its main is not the factory's", where, fix)
    if main is None and remote:
        raise _not_ours("it holds refs but no main", where, fix)
    return PushPlan((f"{repo.commit}:{MAIN}", *missing_tags))


def _not_ours(reason: str, where: str, fix: str) -> NotOursError:
    return NotOursError(
        f"A repository of that name is there and the factory did not make it ({reason}). It was not touched.",
        where=where,
        fix=fix,
    )
