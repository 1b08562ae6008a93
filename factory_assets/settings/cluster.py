"""What an instance needs whose builds are done on several machines."""

from __future__ import annotations

from pydantic import BaseModel, Field

from factory_assets.settings.kinds import BrokerUrl, PostgresUrl


class ClusterSettings(BaseModel):
    """Several machines: see docs/scale.md."""

    factory_dagster_url: PostgresUrl | None = Field(
        None,
        description=(
            "PostgreSQL database of Dagster's runs and events, postgresql://user:password@host/database, which may be"
            " the registry's; files in FACTORY_DATA_DIR by default. The history that is there is not moved."
        ),
    )
    factory_celery_broker: BrokerUrl | None = Field(
        None,
        description=(
            "Redis by which builds go to the machines where `factory worker` runs, redis://:password@host:6379/0;"
            " they run where the daemon does by default. Needs FACTORY_REGISTRY_URL, FACTORY_DAGSTER_URL and"
            " FACTORY_GIT_DIR."
        ),
    )
