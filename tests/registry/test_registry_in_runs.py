"""Who waits for a registry that somebody else holds: a run does, whose slot is its own; a sensor's tick does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from registry_samples import NOW

from factory_assets.build_defs import build_defs
from factory_assets.domain.errors import RegistryBusyError
from factory_assets.registry import Patience, Registry
from factory_assets.registry.duckdb_file import DuckDBFile
from factory_assets.settings import Settings

DAY = NOW.date()


@contextmanager
def held(path: Path, *, for_seconds: float) -> Iterator[None]:
    """Another user of the registry, who lets go after a while."""
    holds, lets_go = threading.Event(), threading.Event()

    def hold() -> None:
        with DuckDBFile(path).transaction():
            holds.set()
            lets_go.wait(for_seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert holds.wait(20)
        yield
    finally:
        lets_go.set()
        thread.join()


@dg.asset
def reader(registry: dg.ResourceParam[Registry]) -> None:
    registry.papers.of_day(DAY)


def test_a_run_waits_longer_than_a_tick_for_the_registry(
    replay_settings: Settings,
) -> None:
    resource = (build_defs(replay_settings).resources or {})["registry"]
    with dg.build_resources({"registry": resource}) as resources:
        resources.registry.wait_with(Patience(0.2))
        with held(replay_settings.registry_file, for_seconds=20), pytest.raises(RegistryBusyError):
            resources.registry.papers.of_day(DAY)
    with held(replay_settings.registry_file, for_seconds=1.5):
        assert dg.materialize([reader], resources={"registry": resource}).success
