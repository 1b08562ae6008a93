"""The dagster.yaml of an instance: the project's own, or what several machines need instead of parts of it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import yaml

from factory_assets.domain.errors import InputError
from factory_assets.settings import PROJECT_ROOT, Settings

# Builds wait at the broker for a machine that is free; Dagster fails what has not started by then.
_STARTS_WITHIN_SECONDS = 4 * 3600
_HEADER = (
    "# Made from the project's dagster.yaml and the settings FACTORY_DAGSTER_URL and FACTORY_CELERY_BROKER.\n"
)


def configuration_of(home: Path, settings: Settings) -> str:
    """The text of its dagster.yaml.

    Raises:
        InputError: the settings of several machines do not fit together, or what they need is not installed.
    """
    template = (PROJECT_ROOT / "dagster.yaml").read_text()
    if settings.factory_dagster_url is None and settings.factory_celery_broker is None:
        return template
    _check(home, settings)
    made = yaml.safe_load(template)
    made["storage"] = {
        "custom": {
            "module": "factory_assets.defs.postgres_storage",
            "class": "FactoryPostgresStorage",
            "config": {},
        }
    }
    if settings.factory_celery_broker is not None:
        made["run_launcher"] = {
            "module": "factory_assets.defs.celery_launcher",
            "class": "FactoryCeleryLauncher",
        }
        made["run_monitoring"]["start_timeout_seconds"] = _STARTS_WITHIN_SECONDS
    return _HEADER + yaml.safe_dump(made, sort_keys=False)


def _check(home: Path, settings: Settings) -> None:
    needed = {
        "FACTORY_REGISTRY_URL": settings.factory_registry_url,
        "FACTORY_DAGSTER_URL": settings.factory_dagster_url,
        "FACTORY_GIT_DIR": settings.factory_git_dir,
    }
    missing = [name for name, value in needed.items() if value is None]
    if settings.factory_celery_broker is not None and missing:
        raise InputError(
            f"Builds are to run on several machines, which must share what {' and '.join(missing)} would name.",
            where="FACTORY_CELERY_BROKER",
            fix="Set that too, to the same on each of them, or take FACTORY_CELERY_BROKER out.",
        )
    if home == PROJECT_ROOT:
        raise InputError(
            "An instance with FACTORY_DAGSTER_URL has a dagster.yaml of its own, and the project's is everybody's.",
            where=str(home),
            fix="Set DAGSTER_HOME to a folder of its own and move .env there.",
        )
    if not all(find_spec(name) for name in ("dagster_postgres", "dagster_celery", "redis")):
        raise InputError(
            "What several machines need is not installed.",
            where="FACTORY_DAGSTER_URL",
            fix="Give `pip install -c constraints.txt -e '.[cluster]'` in the project.",
        )
