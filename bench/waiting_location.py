"""A code location whose builds only wait, and whose mirror is nowhere.

What is left of a run is Dagster's own part, and the registry's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from factory_assets.build_defs import build_defs
from factory_assets.building.outcome import Outcome, Shipped
from factory_assets.building.report import BuildReport
from factory_assets.domain.builds import Phase, ShippedRepo
from factory_assets.domain.specs import QueuedSpec
from factory_assets.instance import Instance
from factory_assets.mirror.target import MirrorReport
from factory_assets.registry import Registry
from factory_assets.settings import load_settings

WAIT = "BENCH_WAIT_SECONDS"


class WaitingBuilds:
    """Builds by waiting, with the journal's writes of a real build and none of its work."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def build(self, queued: QueuedSpec, run_id: str, notify: Callable[[str], None]) -> Outcome:
        """Wait, and ship nothing that exists."""
        journal = self._registry.builds
        claimed = journal.start(queued.id, run_id=run_id, now=datetime.now(UTC))
        for phase in Phase:
            journal.enter_phase(claimed.id, phase)
            time.sleep(float(os.environ[WAIT]) / len(Phase))
            notify(f"{queued.spec.name} {phase}: waited")
        journal.ship(
            claimed.id,
            ShippedRepo(
                name=queued.spec.name,
                language=queued.spec.language,
                problem=queued.spec.problem,
                source_url=queued.spec.origin_url,
                version="v0.1.0",
                commit="0" * 40,
                lines_of_code=100,
                tests_executed=3,
                shipped_at=datetime.now(UTC),
            ),
        )
        return Shipped(report=BuildReport(name=queued.spec.name, attempts=claimed.attempts))


class NoMirroring:
    """Mirrors nothing, with the registry's write of a real mirror."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def mirror(
        self, repo: ShippedRepo, paper_ids: Sequence[str], notify: Callable[[str], None]
    ) -> MirrorReport:
        """Publish nothing, and write that it was."""
        notify(f"{repo.name} of {len(paper_ids)} papers: published nowhere")
        url = f"file:///nowhere/{repo.name}"
        self._registry.repos.record_mirror(repo.name, url=url, commit=repo.commit, now=datetime.now(UTC))
        return MirrorReport(url=url, commit=repo.commit, created=True, pushed=True, seconds=0.0)


_settings = load_settings()
_registry = Registry(_settings.registry_place)
_waiting = Instance(
    _settings, registry=_registry, builds=WaitingBuilds(_registry), mirroring=NoMirroring(_registry)
)
defs = build_defs(_settings, {"instance": _waiting})
