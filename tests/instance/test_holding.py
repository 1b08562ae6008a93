"""What works on a repo besides its build holds the spec, so that of all hosts only one does anything with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from registry_samples import DAY, LATE_RANKS, NOW, RANKS, shipped, spec

from factory_assets.domain.builds import Phase
from factory_assets.domain.leases import LeaseHeldError, LeaseLostError
from factory_assets.instance import Instance
from factory_assets.instance.holding import hold_spec
from factory_assets.settings import Settings


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    made = Instance(Settings(_env_file=None, factory_data_dir=tmp_path, factory_mirror_dir=tmp_path / "out"))
    made.registry.queue.add(DAY, [spec("tool-a")], [], dropped=0, ranks=RANKS, late_ranks=LATE_RANKS, now=NOW)
    return made


def spec_id(instance: Instance) -> int:
    queued = instance.registry.queue.named("tool-a")
    assert queued is not None
    return queued.id


def test_a_repo_on_which_another_host_works_is_neither_mirrored_nor_done_anew(instance: Instance) -> None:
    bare = instance.settings.git_dir / "tool-a.git"
    bare.mkdir(parents=True)
    with instance.registry.builds.held(spec_id(instance), place="elsewhere", run_id="run-2"):
        with pytest.raises(LeaseHeldError, match="Another host works on this spec"):
            instance.mirroring.mirror(shipped("tool-a"), [], print)
        with pytest.raises(LeaseHeldError):
            instance.housekeeping.undo_phases("tool-a", Phase.BUILD)
    assert not (instance.settings.factory_mirror_dir or Path()).exists()


def test_a_mirror_that_another_host_has_taken_over_is_not_recorded(instance: Instance) -> None:
    registry, settings = instance.registry, instance.settings
    with hold_spec(settings, registry, "tool-a", run_id="mirror") as holder:
        assert holder is not None
        store = registry.repos.held_by(holder)
        store.check()
        with registry._database.transaction() as connection:
            connection.execute("UPDATE leases SET fence = fence + 1, place = 'elsewhere'")
        for act in (
            store.check,
            lambda: store.record_mirror("tool-a", url="file:///x", commit="c", now=NOW),
        ):
            with pytest.raises(LeaseLostError):
                act()


def test_what_the_registry_does_not_know_is_held_on_this_machine_alone(instance: Instance) -> None:
    with hold_spec(instance.settings, instance.registry, "foreign", run_id="gc") as holder:
        assert holder is None
