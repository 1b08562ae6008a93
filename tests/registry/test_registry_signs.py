"""Signs of life of runs: who has been silent for too long is given up, and can write nothing more."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from memory_registry import memory_registry, rows
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, phase_record, spec

from factory_assets.domain.builds import BuildStatus, Phase
from factory_assets.domain.leases import LeaseHeldError, LeaseLostError, RunGivenUpError
from factory_assets.registry import Registry, leases, postgres_turns, signs
from factory_assets.registry.leases import LEASE_SECONDS
from factory_assets.registry.signs import SILENT_SECONDS


@pytest.fixture
def registry(database: None) -> Registry:
    return memory_registry()


def silent_for(registry: Registry, seconds: float) -> None:
    with registry._database.transaction() as connection:
        connection.execute("UPDATE run_signs SET renewed_at = renewed_at - $1", [timedelta(seconds=seconds)])
        connection.execute("UPDATE leases SET renewed_at = renewed_at - $1", [timedelta(seconds=seconds)])


def test_a_run_that_gives_signs_is_not_silent_and_one_that_gives_none_is(registry: Registry) -> None:
    registry.runs._give_sign("lives", host="one", pid=1)
    registry.runs._give_sign("died", host="two", pid=2)
    assert registry.runs.silent(["lives", "died"]) == []
    silent_for(registry, SILENT_SECONDS + 1)
    registry.runs._renew_sign("lives")
    (found,) = registry.runs.silent(["lives", "died"])
    assert (found.run_id, found.host, found.pid) == ("died", "two", 2)
    assert SILENT_SECONDS <= found.seconds < SILENT_SECONDS + 60
    assert registry.runs.silent(["lives"]) == []


def test_a_run_counts_as_dead_only_after_its_hold_on_a_spec_has_run_out() -> None:
    assert SILENT_SECONDS > LEASE_SECONDS


def test_the_silence_of_a_run_that_never_gave_a_sign_counts_from_when_it_was_seen(registry: Registry) -> None:
    registry.runs.note_seen(["killed-at-once"])
    silent_for(registry, SILENT_SECONDS - 10)
    registry.runs.note_seen(["killed-at-once"])
    assert registry.runs.silent(["killed-at-once"]) == []
    silent_for(registry, 11)
    (found,) = registry.runs.silent(["killed-at-once"])
    assert (found.host, found.pid) == (None, None)


def test_a_run_that_is_given_up_leaves_its_spec_in_the_queue_and_writes_nothing_more(
    registry: Registry,
) -> None:
    (queued,) = registry.queue.add(DAY, [spec()], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    registry.runs._give_sign("r1", host="one", pid=1)
    with registry.builds.held(queued.id, place="one", run_id="r1") as cut_off:
        claimed = cut_off.start(queued.id, run_id="r1", now=NOW)
        cut_off.finish_phase(queued.id, claimed.attempts, phase_record(Phase.BUILD))
        assert registry.runs.give_up("r1") is None, "it has given a sign lately"
        silent_for(registry, SILENT_SECONDS + 1)
        given_up = registry.runs.give_up("r1")
        assert given_up is not None
        assert given_up.host == "one"
        after = registry.queue.by_id(queued.id)
        assert (after.status, after.attempts) == (BuildStatus.QUEUED, 0)
        with pytest.raises(LeaseLostError):
            cut_off.enter_phase(queued.id, Phase.SEO)
        with pytest.raises(RunGivenUpError, match="nothing was heard of its worker"):
            registry.runs._renew_sign("r1")
        with registry.builds.held(queued.id, place="two", run_id="r2") as journal:
            again = journal.start(queued.id, run_id="r2", now=NOW)
            assert again.attempts == claimed.attempts, "no attempt is used up"
            assert [record.phase for record in journal.phases_of(queued.id, again.attempts)] == [Phase.BUILD]
    assert registry.runs.give_up("r1") is None


def test_what_another_host_has_taken_over_meanwhile_is_left_to_it(registry: Registry) -> None:
    (queued,) = registry.queue.add(DAY, [spec()], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    registry.runs._give_sign("r1", host="one", pid=1)
    registry.builds._take_lease(queued.id, place="one", run_id="r1")
    silent_for(registry, SILENT_SECONDS + 1)
    with registry.builds.held(queued.id, place="two", run_id="r2") as journal:
        journal.start(queued.id, run_id="r2", now=NOW)
        assert registry.runs.give_up("r1") is not None
        assert registry.queue.by_id(queued.id).status is BuildStatus.BUILDING
        journal.enter_phase(queued.id, Phase.BUILD)


def test_a_run_that_has_ended_leaves_no_sign(registry: Registry) -> None:
    with registry.runs.executed("r1", host="one", pid=1):
        shared = registry.is_shared
        assert len(rows(registry, "SELECT * FROM run_signs")) == (1 if shared else 0)
        assert registry.runs.pids_at("one", ["r1"]) == ([1] if shared else [])
        assert registry.runs.pids_at("two", ["r1"]) == []
    assert rows(registry, "SELECT * FROM run_signs") == []


def test_a_run_that_was_given_up_meanwhile_is_told_at_its_end(registry: Registry) -> None:
    if not registry.is_shared:
        pytest.skip("A file has one machine, and there processes tell which run lives.")

    def be_silent() -> None:
        with registry.runs.executed("r1", host="one", pid=1):
            silent_for(registry, SILENT_SECONDS + 1)
            registry.runs.give_up("r1")

    with pytest.raises(RunGivenUpError):
        be_silent()


def test_hosts_whose_clocks_are_minutes_apart_agree_on_who_lives(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (queued,) = registry.queue.add(DAY, [spec()], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    real = time.time
    for one, other in ((300, -300), (-300, 300)):
        monkeypatch.setattr(time, "time", lambda off=one: real() + off)
        registry.runs._give_sign("r1", host="one", pid=1)
        with registry.builds.held(queued.id, place="one", run_id="r1"):
            monkeypatch.setattr(time, "time", lambda off=other: real() + off)
            assert registry.runs.silent(["r1"]) == []
            with (
                pytest.raises(LeaseHeldError),
                registry.builds.held(queued.id, place="two", run_id="r2"),
            ):
                pass
            silent_for(registry, SILENT_SECONDS + 1)
            assert [silent.run_id for silent in registry.runs.silent(["r1"])] == ["r1"]


@pytest.mark.parametrize("module", [leases, signs, postgres_turns])
def test_what_tells_who_lives_reads_no_clock_of_a_host(module: ModuleType) -> None:
    assert module.__file__ is not None
    source = Path(module.__file__).read_text()
    assert not re.search(r"\bdatetime\b|\btime\.time\b|\butc_?now\b|\bClock\b", source)
    assert "now()" in source or "clock_timestamp()" in source
