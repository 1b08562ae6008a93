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
from factory_assets.gateways import Gateways
from factory_assets.mirror.target import MirrorReport
from factory_assets.settings import load_settings

WAIT = "BENCH_WAIT_SECONDS"


class WaitingGateways(Gateways):
    """Builds by waiting, with the journal's writes of a real build and none of its work."""

    def build(self, queued: QueuedSpec, run_id: str, notify: Callable[[str], None]) -> Outcome:
        """Wait, and ship nothing that exists."""
        journal = self.registry
        claimed = journal.start_build(queued.id, run_id=run_id, now=datetime.now(UTC))
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

    def mirror(
        self, repo: ShippedRepo, paper_ids: Sequence[str], notify: Callable[[str], None]
    ) -> MirrorReport:
        """Publish nothing, and write that it was."""
        notify(f"{repo.name} of {len(paper_ids)} papers: published nowhere")
        url = f"file:///nowhere/{repo.name}"
        self.registry.record_mirror(repo.name, url=url, commit=repo.commit, now=datetime.now(UTC))
        return MirrorReport(url=url, commit=repo.commit, created=True, pushed=True, seconds=0.0)


_settings = load_settings()
_waiting = WaitingGateways(_settings)
defs = build_defs(_settings, {"building": _waiting, "mirroring": _waiting})
