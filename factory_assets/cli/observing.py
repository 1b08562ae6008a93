"""How the factory stands, asked of the registry and of Dagster's storage; what cannot be asked hides nothing else."""

from __future__ import annotations

from datetime import datetime

from factory_assets.cli.instance import OpenedInstance
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.observed import DagsterState, FactoryState, RegistryState, daemon_problem


def observe(instance: OpenedInstance, now: datetime) -> FactoryState:
    """Ask both; never fails because one of them is away."""
    problems: list[str] = []
    registry = _of_registry(instance, now, problems)
    dagster = _of_dagster(instance, now, problems)
    if dagster is not None and (problem := daemon_problem(dagster.daemons_seen_at, now)) is not None:
        problems.append(problem)
    if registry is not None:
        problems += [f"The queue is stopped: {cause}. See `factory status`." for cause in registry.holds]
    return FactoryState(
        at=now,
        day_budget_usd=instance.settings.factory_day_budget_usd,
        registry=registry,
        dagster=dagster,
        problems=tuple(map(instance.parts.secrets.redactor(), problems)),
    )


def _of_registry(instance: OpenedInstance, now: datetime, problems: list[str]) -> RegistryState | None:
    try:
        return instance.parts.registry.reports.state(now)
    except FactoryError as error:
        problems.append(str(error))
        return None


def _of_dagster(instance: OpenedInstance, now: datetime, problems: list[str]) -> DagsterState | None:
    from factory_assets.defs.observed import dagster_state
    from factory_assets.defs.storage import open_storage

    try:
        with open_storage(instance.settings.factory_data_dir) as storage:
            return dagster_state(storage, now)
    # Whatever a database's driver raises; a page that shows nothing at all would hide more.
    except Exception as error:  # noqa: BLE001
        problems.append(f"Dagster's storage cannot be read: {type(error).__name__}.")
        return None
