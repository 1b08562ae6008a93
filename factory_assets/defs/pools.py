"""The pool of the builds: as many slots as BUILD_WORKERS, and none while the queue is stopped."""

from __future__ import annotations

import dagster as dg

BUILD_POOL = "builds"


def set_builds(instance: dg.DagsterInstance, workers: int) -> None:
    """Set how many builds run at once."""
    instance.event_log_storage.set_concurrency_slots(BUILD_POOL, workers)


def pool_of_builds(instance: dg.DagsterInstance) -> int | None:
    """How many builds run at once; None where no daemon has ever said so."""
    limits = {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()}
    return limits.get(BUILD_POOL)


def put_workers_in_force(instance: dg.DagsterInstance, workers: int) -> None:
    """Let so many builds run at once. A pool without a slot is left so: the queue is stopped."""
    if pool_of_builds(instance) != 0:
        set_builds(instance, workers)
