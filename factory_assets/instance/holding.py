"""Holding a spec against all builds, where something other than a build works on what is its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from factory_assets.settings import Settings

if TYPE_CHECKING:
    from factory_assets.registry import Registry
    from factory_assets.registry.subjects import Builds


@contextmanager
def hold_spec(settings: Settings, registry: Registry, name: str, *, run_id: str) -> Iterator[Builds | None]:
    """Hold the spec of that name, on this machine and over all hosts; None where the registry does not know it.

    Raises:
        SpecBusyError, LeaseHeldError: a build, or the like of this, is at work on it.
    """
    from factory_assets.building.locks import lock_place, spec_lock

    locks_dir = settings.locks_dir
    with spec_lock(locks_dir, name):
        queued = registry.queue.named(name)
        if queued is None:
            yield None
            return
        with registry.builds.held(queued.id, place=lock_place(locks_dir), run_id=run_id) as journal:
            yield journal
