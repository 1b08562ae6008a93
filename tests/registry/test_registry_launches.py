"""Launches that were asked for: one of two who would launch the same repo gets it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from registry_samples import NOW

from factory_assets.registry import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.duckdb")


def test_a_launch_that_is_taken_is_not_given_to_another(registry: Registry) -> None:
    assert registry.launches.claim({"one": "a", "two": "a"}, settled={}, now=NOW) == {"one", "two"}
    assert registry.launches.claim({"two": "b", "three": "b"}, settled={}, now=NOW) == {"three"}
    assert registry.launches.asked_for() == {"one": NOW, "two": NOW, "three": NOW}


def test_who_asks_again_under_the_same_key_gets_it_again(registry: Registry) -> None:
    registry.launches.claim({"one": "a"}, settled={}, now=NOW)
    assert registry.launches.claim({"one": "a"}, settled={}, now=NOW) == {"one"}


def test_a_launch_is_free_again_when_it_is_settled_and_not_when_somebody_took_it_since(
    registry: Registry,
) -> None:
    registry.launches.claim({"one": "a"}, settled={}, now=NOW)
    seen = registry.launches.asked_for()
    later = NOW + timedelta(minutes=6)
    assert registry.launches.claim({"one": "b"}, settled=seen, now=later) == {"one"}
    assert registry.launches.claim({"one": "c"}, settled=seen, now=later) == set()


def test_a_launch_that_is_given_back_is_free_and_another_ones_is_not(registry: Registry) -> None:
    registry.launches.claim({"one": "a", "two": "a"}, settled={}, now=NOW)
    registry.launches.claim({"three": "b"}, settled={}, now=NOW)
    for name in ("one", "three"):
        registry.launches.release(name, run_key="a")
    assert registry.launches.asked_for().keys() == {"two", "three"}


def test_a_look_tells_which_launches_are_free_and_takes_none(registry: Registry) -> None:
    registry.launches.claim({"one": "a"}, settled={}, now=NOW)
    seen = registry.launches.asked_for()
    assert registry.launches.free({"one": "b", "two": "b"}, settled={}) == {"two"}
    assert registry.launches.free({"one": "b", "two": "b"}, settled=seen) == {"one", "two"}
    assert registry.launches.asked_for() == seen


def test_nothing_wanted_is_nothing_taken(registry: Registry) -> None:
    assert registry.launches.claim({}, settled={}, now=NOW) == set()
