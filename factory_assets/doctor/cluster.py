"""Checks of what several machines share beside the registry: Dagster's database, and the broker of the builds."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from factory_assets.doctor.result import CheckResult, DoctorInputs, error, passed, warning
from factory_assets.domain.errors import InfrastructureError
from factory_assets.domain.worker_places import WorkerPlaces

_SECONDS = 10


def check_dagster_storage(inputs: DoctorInputs) -> CheckResult | None:
    """Whether the database of runs and events answers; None where they are in files."""
    if inputs.dagster_url is None:
        return None
    name = "Dagster's storage"
    try:
        with psycopg.connect(inputs.dagster_url.get_secret_value(), connect_timeout=_SECONDS) as connection:
            most = connection.execute("SHOW max_connections").fetchone()
            version = connection.info.server_version // 10_000
    except psycopg.Error as failed:
        return error(
            name,
            f"FACTORY_DAGSTER_URL cannot be used: {' '.join(str(failed).split())}",
            affects="everything: no run can start",
            fix="Check that PostgreSQL runs and is reached from here, or correct FACTORY_DAGSTER_URL.",
        )
    return passed(name, f"PostgreSQL {version}, {most[0] if most else '?'} connections at most")


def check_broker(inputs: DoctorInputs) -> CheckResult | None:
    """Whether the broker answers, and as many builds are let out as the workers take.

    None where builds run on the daemon's machine.
    """
    if inputs.broker_url is None:
        return None
    # Only such an instance has it installed.
    import redis  # noqa: PLC0415

    name, affects = "broker", "built_repos: builds wait until it answers"
    try:
        with redis.Redis.from_url(
            inputs.broker_url.get_secret_value(), socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
        ) as client:
            told = client.info()
    except (redis.RedisError, ValueError) as failed:
        return error(
            name,
            f"FACTORY_CELERY_BROKER cannot be used: {' '.join(str(failed).split())}",
            affects=affects,
            fix="Check that Redis runs and is reached from here, or correct FACTORY_CELERY_BROKER.",
        )
    found = f"Redis {told['redis_version']}"
    return (
        passed(name, found) if inputs.worker_places is None else _fitting(name, found, inputs.worker_places)
    )


def _fitting(name: str, found: str, worker_places: Callable[[], WorkerPlaces]) -> CheckResult:
    try:
        places = worker_places()
    except InfrastructureError as failed:
        return warning(
            name,
            f"{found}; {failed.what}",
            affects="nothing, if as many builds are let out as the workers take",
            fix=failed.fix or "Look again later.",
        )
    if places.fits:
        return passed(name, f"{found}; {places}")
    return warning(
        name,
        f"{found}; {places}",
        affects="built_repos: fewer at once than there could be, or not those that look as if they ran",
        fix="Set BUILD_WORKERS, where the daemon is, to the sum of the workers' --builds, and start the factory anew;"
        " or start the workers that are missing.",
    )
