"""Asks the workers on all hosts how many builds they take, and Dagster's storage how many it lets out."""

from __future__ import annotations

from redis.exceptions import RedisError

from factory_assets.defs.celery_app import made_app
from factory_assets.defs.daemons import daemon_is_running
from factory_assets.defs.pools import pool_of_builds
from factory_assets.defs.storage import open_storage
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.worker_places import WorkerPlaces
from factory_assets.settings import Settings

# A worker answers at once; one whose machine is busy needs a moment.
_ANSWERS_SECONDS = 2.0


def worker_places(settings: Settings, *, joining: int = 0) -> WorkerPlaces:
    """What is let out and what is taken; takes two seconds. `joining` builds are taken by a worker that starts here.

    https://docs.celeryq.dev/en/stable/userguide/workers.html#statistics

    Raises:
        InputError: no broker is set.
        InfrastructureError: the broker or the database does not answer.
    """
    try:
        answers = made_app(settings).control.inspect(timeout=_ANSWERS_SECONDS).stats() or {}
    except (RedisError, OSError) as error:
        raise InfrastructureError(
            f"How many builds the workers take cannot be asked: {' '.join(str(error).split())}",
            where="FACTORY_CELERY_BROKER",
            fix="Check that Redis runs and is reached from here.",
        ) from error
    workers = {name: int(told["pool"]["max-concurrency"]) for name, told in answers.items()}
    return WorkerPlaces(
        _let_out(settings), {**workers, **({"the one that starts here": joining} if joining else {})}
    )


def _let_out(settings: Settings) -> int:
    """What is in force under a daemon, which may be another host's; else what one would be started with here."""
    with open_storage(settings.factory_data_dir) as dagster:
        in_force = pool_of_builds(dagster) if daemon_is_running(dagster) else None
    # Nothing is let out while the queue is stopped; that is told elsewhere.
    return in_force or settings.build_workers
