"""Leases: of two hosts one builds a spec, and who was taken for dead can write nothing more."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from memory_registry import memory_registry, rows
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, spec

from factory_assets.domain.builds import BuildStatus, Phase
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.leases import LeaseHeldError, LeaseLostError
from factory_assets.registry import Registry, leases
from factory_assets.registry.renewing import renewing

HERE, THERE = "here", "there"


@pytest.fixture
def registry(database: None) -> Registry:
    return memory_registry()


@pytest.fixture
def spec_id(registry: Registry) -> int:
    (queued,) = registry.queue.add(DAY, [spec()], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    return queued.id


def silent_for(registry: Registry, seconds: float) -> None:
    with registry._database.transaction() as connection:
        connection.execute("UPDATE leases SET renewed_at = renewed_at - $1", [timedelta(seconds=seconds)])


def test_a_spec_that_one_host_builds_is_not_built_by_another(registry: Registry, spec_id: int) -> None:
    with registry.builds.held(spec_id, place=HERE, run_id="r1") as journal:
        journal.start(spec_id, run_id="r1", now=NOW)
        with (
            pytest.raises(LeaseHeldError, match="Another host works on this spec \\(run r1"),
            registry.builds.held(spec_id, place=THERE, run_id="r2"),
        ):
            pass
        journal.enter_phase(spec_id, Phase.BUILD)


def test_a_build_that_has_ended_leaves_the_spec_to_whoever_comes(registry: Registry, spec_id: int) -> None:
    with registry.builds.held(spec_id, place=HERE, run_id="r1"):
        pass
    with registry.builds.held(spec_id, place=THERE, run_id="r2") as journal:
        journal.start(spec_id, run_id="r2", now=NOW)


def test_what_died_at_the_same_place_is_taken_over_at_once(registry: Registry, spec_id: int) -> None:
    registry.builds._take_lease(spec_id, place=HERE, run_id="died")
    with registry.builds.held(spec_id, place=HERE, run_id="r2") as journal:
        journal.start(spec_id, run_id="r2", now=NOW)


def test_a_host_that_is_not_heard_of_loses_the_spec_and_writes_nothing_more(
    registry: Registry, spec_id: int
) -> None:
    with registry.builds.held(spec_id, place=HERE, run_id="r1") as cut_off:
        cut_off.start(spec_id, run_id="r1", now=NOW)
        silent_for(registry, leases.LEASE_SECONDS + 1)
        with registry.builds.held(spec_id, place=THERE, run_id="r2") as journal:
            journal.start(spec_id, run_id="r2", now=NOW)
            for act in (
                lambda: cut_off.fail(spec_id, "it broke"),
                lambda: cut_off.enter_phase(spec_id, Phase.SEO),
                lambda: cut_off.defer(spec_id, cause=None, until=None, reason=""),
            ):
                with pytest.raises(LeaseLostError, match="Another host has taken this spec over"):
                    act()
            queued = registry.queue.by_id(spec_id)
            assert (queued.status, queued.run_id) == (BuildStatus.BUILDING, "r2")
        (kept,) = rows(registry, "SELECT fence, renewed_at FROM leases")
        assert kept == {"fence": 2, "renewed_at": None}


def test_who_lost_a_spec_does_not_end_the_hold_of_whoever_has_it(registry: Registry, spec_id: int) -> None:
    with registry.builds.held(spec_id, place=HERE, run_id="r1"):
        silent_for(registry, leases.LEASE_SECONDS + 1)
        holding = registry.builds._take_lease(spec_id, place=THERE, run_id="r2")
    registry.builds._renew_lease(holding)
    with pytest.raises(LeaseHeldError), registry.builds.held(spec_id, place=HERE, run_id="r3"):
        pass


def test_a_build_that_goes_on_says_so(registry: Registry, spec_id: int) -> None:
    lease = registry.builds._take_lease(spec_id, place=HERE, run_id="r1")
    silent_for(registry, leases.LEASE_SECONDS - 5)
    registry.builds._renew_lease(lease)
    silent_for(registry, 10)
    with pytest.raises(LeaseHeldError), registry.builds.held(spec_id, place=THERE, run_id="r2"):
        pass


def test_a_hold_is_renewed_until_the_build_ends_and_a_registry_that_fails_is_tried_again() -> None:
    said, enough = list[str](), threading.Event()

    def renew() -> None:
        said.append("renewed")
        if len(said) == 1:
            raise InfrastructureError("The registry's database failed.")
        if len(said) == 4:
            enough.set()

    with renewing(renew, seconds=0.01):
        assert enough.wait(10)
    count = len(said)
    assert not [thread for thread in threading.enumerate() if thread.name == "lease"]
    assert len(said) == count


def test_a_hold_that_is_lost_is_renewed_no_more() -> None:
    said = list[str]()

    def renew() -> None:
        said.append("renewed")
        raise LeaseLostError

    with renewing(renew, seconds=0.01):
        for thread in threading.enumerate():
            if thread.name == "lease":
                thread.join(10)
    assert said == ["renewed"]
