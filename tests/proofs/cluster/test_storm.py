"""Whatever happens to the machines: kills, a partition and wrong clocks, and the invariants that hold all the same."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import dagster as dg
import machines
import postgres_server
import pytest
import redis_server
from chaos_checks import Checks
from cluster_world import wait_for
from storm_hurts import KINDS, Hurts
from storm_world import Storm, storm

from factory_assets.defs.pools import BUILD_POOL

MISSING = [*postgres_server.missing_programs(), *redis_server.missing_programs()]
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(MISSING), reason=f"not here: {', '.join(MISSING)}"),
    pytest.mark.skipif(bool(machines.missing()), reason=machines.missing()),
]
# docs/scale.md: three a run, ten each for the daemon and the code server, fifteen for the web server; and the test's.
_MOST_CONNECTIONS = 3 * 4 + 10 + 10 + 15 + 4


def test_whatever_happens_to_the_machines(tmp_path: Path) -> None:
    number, seed = int(os.environ.get("CLUSTER_KILLS", "50")), int(os.environ.get("CLUSTER_SEED", "1"))
    print(f"\nstorm: {number} hurts, CLUSTER_SEED={seed}", flush=True)
    began = time.monotonic()
    with storm(tmp_path) as made:
        checks = Checks(tmp_path, made.registry, made.books, git=made.git)
        for host in made.builders:
            host.come_back()
        hurts = Hurts(made, checks, number=number, seed=seed)
        hurts.run()
        if not hurts.faults:
            hurts.settle()
        faults = hurts.faults or [*hurts.repeated(), *_run_faults(made)]
        for host in (made.main, *made.builders, made.router):
            host.power_off()
        faults = faults or checks.at_the_end(made.specs)
        ends = Counter(str(checks.status(spec.name)) for spec in made.specs)
        ledger, answered = checks.dollars()
    print(
        f"storm: {dict(hurts.seen)}; {hurts.taken_over} taken over while their host was away; {dict(ends)};"
        f" {ledger:.2f} dollars in the ledger, {answered:.2f} answered;"
        f" {made.most_connections} connections at most; {time.monotonic() - began:.0f} seconds"
    )
    assert not faults, "\n".join(faults)
    # With so many each kind is among them, and a host that is cut off stays so until others have taken over.
    assert hurts.taken_over or number < KINDS
    assert made.most_connections <= _MOST_CONNECTIONS


def _run_faults(made: Storm) -> list[str]:
    """What is wrong with Dagster's runs and slots."""
    with made.storage() as instance:
        runs = wait_for("the end of every run", lambda: _finished(instance))
        slots = instance.event_log_storage.get_concurrency_info(BUILD_POOL)
        print(Counter(run.status.value for run in runs))
        return [f"{slots.active_slot_count} slots are taken"] if slots.active_slot_count else []


def _finished(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    runs = list(instance.get_runs(dg.RunsFilter(job_name="build")))
    return runs if all(run.is_finished for run in runs) else []
