"""A spec's bare repository for whoever holds the spec: nobody who held it before can change a ref any more."""

from __future__ import annotations

from pathlib import Path

from factory_assets.building.git import BareRepo
from factory_assets.domain.ports import BuildJournal


def held_repo(path: Path, *, author: str, journal: BuildJournal) -> BareRepo:
    """Open, or make, the bare repository of the spec that `journal` holds.

    What its refs say is to be read after this: whoever held it before may have changed them up to now.

    Raises:
        LeaseLostError: another host has taken the spec over.
    """
    repo = BareRepo(path, author=author)
    repo.release_locks()
    # A registry that was brought back from a backup counts from lower numbers than the repository has seen.
    repo.take(journal.fence_above(repo.fence()))
    return repo
