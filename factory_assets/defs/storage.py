"""The storage of a Dagster instance, which one process at a time may make."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import yaml

from factory_assets.defs.dagster_private.core import InstanceRef
from factory_assets.locks import folder_lock
from factory_assets.registry import Registry
from factory_assets.settings import REGISTRY_FILE, load_settings


@contextmanager
def open_storage(data_dir: Path) -> Iterator[dg.DagsterInstance]:
    """The instance at DAGSTER_HOME, whose storage is in `data_dir` and is made where it is new.

    Processes that open new storage together would each make its SQLite tables, and those that come second would fail,
    some of them for good.
    """
    with ExitStack() as stack:
        with folder_lock(data_dir):
            instance = stack.enter_context(dg.DagsterInstance.get())
            instance.get_runs_count()
            instance.event_log_storage.get_maximum_record_id()
            instance.all_instigator_state()
        yield instance


@contextmanager
def storage_at(home: Path, data_dir: Path) -> Iterator[dg.DagsterInstance]:
    """The instance at `home` with its storage in `data_dir`, whatever the environment says of it.

    A storage that is a database is the same for whatever folder.
    """
    storage = yaml.safe_load((home / "dagster.yaml").read_text()).get("storage", {})
    overrides = {"storage": {"sqlite": {"base_dir": str(data_dir)}}} if "sqlite" in storage else {}
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(home), overrides=overrides)) as instance:
        yield instance


def data_dir_of(instance: dg.DagsterInstance) -> Path:
    """The data directory of the factory whose instance this is: the base of its storage, as dagster.yaml says."""
    return Path(instance.storage_directory()).parent


def registry_of(instance: dg.DagsterInstance) -> Registry:
    """The factory's registry, for a plug-in of Dagster, which is given nothing but the instance.

    Raises:
        FactoryError: `.env` is not valid, so that nobody knows where the registry is.
    """
    settings = load_settings()
    if settings.factory_registry_url is not None:
        return Registry(settings.registry_place)
    return Registry(data_dir_of(instance) / REGISTRY_FILE)
