"""Checks of what several machines share beside the registry: Dagster's database, and the broker of the builds."""

from __future__ import annotations

import psycopg

from factory_assets.doctor.result import CheckResult, DoctorInputs, error, passed

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
    """Whether the broker answers; None where builds run on the daemon's machine."""
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
    return passed(name, f"Redis {told['redis_version']}")
