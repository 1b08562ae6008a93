"""What a mirror target is, and what publishing one repo reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from factory_assets.domain.builds import ShippedRepo


@dataclass(frozen=True)
class MirrorReport:
    """One repo at its target. `pushed` is False when everything was there already. Seconds of wall time."""

    url: str
    commit: str
    created: bool
    pushed: bool
    seconds: float


class MirrorTarget(Protocol):
    """Wherever shipped repos are published."""

    def publish(
        self,
        repo: ShippedRepo,
        bare: Path,
        *,
        description: str,
        topics: Sequence[str],
        before_write: Callable[[], None],
    ) -> MirrorReport:
        """Bring `main` and the `v*` tags of the bare repository there; the same again changes nothing.

        `before_write` is called once before anything is changed at the target, and not at all where nothing
        is to be done, so that only real pushes are paced.

        Raises:
            NotOursError: a repository of that name is there and the factory did not make it.
            CredentialError: refused; never retried.
            RateLimitedError: with the time to come back.
            InfrastructureError: network or 5xx.
            GateError: the target refused what was pushed, with its own words.
        """
        ...
