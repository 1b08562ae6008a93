"""The mirror stage: check that the bare repository holds what shipped, publish it, write it down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from factory_assets.domain.builds import ShippedRepo
from factory_assets.domain.errors import GateError, InputError
from factory_assets.domain.ports import MirrorStore
from factory_assets.mirror.description import describe, topics_of
from factory_assets.mirror.git import MAIN, Git, commit_of, local_refs
from factory_assets.mirror.ownership import version_tag
from factory_assets.mirror.pacing import Pacing
from factory_assets.mirror.target import MirrorReport, MirrorTarget
from factory_assets.secret_scan.scanner import HistoryScanner, describe_secrets


def mirror(
    repo: ShippedRepo,
    *,
    bare: Path,
    target: MirrorTarget,
    paper_ids: Sequence[str],
    store: MirrorStore,
    scanner: HistoryScanner,
    pacing: Pacing,
    now: Callable[[], datetime],
    notify: Callable[[str], None],
) -> MirrorReport:
    """Publish a shipped repo and record it. Done twice it changes nothing, neither there nor here.

    Raises:
        InputError: the bare repository does not hold the shipped commit as `main` and as its version's tag.
        GateError: a secret stands in the history that would be pushed.
        LeaseLostError: another host has taken the spec over; nothing is published or recorded then.
        FactoryError: as MirrorTarget.publish; nothing is recorded then.
    """
    check_bare(repo, bare)
    check_secrets(bare, scanner)
    with pacing.turn(notify) as turn:

        def before_write() -> None:
            turn.wait()
            # After the wait: a host that slept through it, and lost the spec, publishes nothing.
            store.check()

        report = target.publish(
            repo,
            bare,
            description=describe(repo),
            topics=topics_of(repo, paper_ids),
            before_write=before_write,
        )
    store.record_mirror(repo.name, url=report.url, commit=report.commit, now=now())
    notify(f"{repo.name}: {'pushed' if report.pushed else 'was there already'}: {report.url}")
    return report


def check_bare(repo: ShippedRepo, bare: Path) -> None:
    """Make sure that what would be pushed is the very commit that shipped.

    Raises:
        InputError: naming the ref that is missing or points elsewhere.
    """
    git = Git()
    for ref in (MAIN, version_tag(repo)):
        found = commit_of(git, bare, ref)
        if found != repo.commit:
            raise InputError(
                f"{ref} is {found or 'missing'}, but the registry says that {repo.commit} shipped."
                " Nothing was mirrored.",
                where=str(bare),
                fix="Restore the bare repository (FACTORY_GIT_DIR) from a backup, or put the ref back.",
            )


def check_secrets(bare: Path, scanner: HistoryScanner) -> None:
    """Make sure that no secret, as they are known today, is published: in no commit of any ref that is pushed.

    Raises:
        GateError: with file, rule and a masked excerpt of each find.
        InfrastructureError: the history could not be scanned; nothing is pushed then.
    """
    leaks = scanner.scan(bare, *local_refs(Git(), bare))
    if leaks:
        raise GateError(
            f"Nothing was mirrored: {describe_secrets(leaks)}",
            where=str(bare),
            fix="Change that credential of the factory, and leave this repo unpublished."
            if any(leak.is_own for leak in leaks)
            else "Leave this repo unpublished. If the value is real, whoever it belongs to must change it.",
        )
