"""The registry in counts, as whoever watches over it is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from registry_samples import NOW, call, queue, ship

from factory_assets.domain.builds import Usage, WaitCause
from factory_assets.registry import Registry


def test_an_empty_registry_has_every_status_and_nothing_in_it(tmp_path: Path) -> None:
    state = Registry(tmp_path / "registry.duckdb").reports.state(NOW)
    assert set(state.specs.values()) == {0}
    assert {"queued", "building", "shipped", "failed"} <= set(state.specs)
    assert (state.waiting, state.oldest_queued_at, state.holds, state.leases) == ({}, None, (), 0)


def test_specs_repos_leases_and_dollars_are_counted(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry.duckdb")
    shipped, deferred, _ = queue(registry, "cache-probe", "draft-budget", "pairwise")
    ship(registry, shipped)
    registry.builds.start(deferred.id, run_id="run-1", now=NOW)
    registry.builds.defer(
        deferred.id, cause=WaitCause.RATE_LIMIT, until=NOW + timedelta(hours=1), reason="Wait."
    )
    registry.ledger.record(call(usage=Usage(cost_usd=1.25), called_at=NOW))
    with registry.builds.held(deferred.id, place="host", run_id="run-1"):
        state = registry.reports.state(NOW)
    assert (state.specs["shipped"], state.specs["queued"]) == (1, 2)
    assert state.waiting == {"a slot": 1, str(WaitCause.RATE_LIMIT): 1}
    assert state.oldest_queued_at == NOW
    assert state.unmirrored == 1
    assert state.leases == 1
    assert 0 <= state.oldest_lease_seconds < 60
    assert state.spent_usd == 1.25
