"""How many builds are let out at once, beside how many the workers on several machines take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from factory_assets.domain.text import counted


@dataclass(frozen=True)
class WorkerPlaces:
    """The pool of the builds, which BUILD_WORKERS sets, and how many each worker that lives takes, by its name."""

    pool: int
    workers: Mapping[str, int]

    @property
    def fits(self) -> bool:
        """Whether as many builds are let out as the workers take."""
        return self.pool == sum(self.workers.values())

    def __str__(self) -> str:
        if not self.workers:
            return (
                "No worker answers at the broker: builds that are launched wait there for one, and look as if they"
                " started."
            )
        places = sum(self.workers.values())
        named = ", ".join(f"{name} {taken}" for name, taken in sorted(self.workers.items()))
        taken = (
            f"{counted(len(self.workers), 'worker', 'workers')} can take"
            f" {counted(places, 'build', 'builds')} at once ({named})"
        )
        if self.pool > places:
            over = counted(self.pool - places, "build", "builds")
            return (
                f"{taken}, and BUILD_WORKERS lets {self.pool} out: up to {over} may wait at the broker, and look as if"
                " started."
            )
        if self.pool < places:
            return f"{taken}, and BUILD_WORKERS lets {self.pool} out: the other places stay idle."
        return f"{taken}, as BUILD_WORKERS lets out"
