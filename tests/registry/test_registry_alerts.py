"""What the operator is to be told of, counted by its cause."""

from __future__ import annotations

from datetime import timedelta

import pytest
from memory_registry import memory_registry
from registry_samples import NOW

from factory_assets.domain.alerts import Alert
from factory_assets.registry import Registry

ALERT = Alert(cause="program daemon ended", title="The daemon ended", text="It ended with code -9.", link="")


@pytest.fixture
def registry(database: None) -> Registry:
    return memory_registry()


def test_what_happens_again_is_counted_under_its_cause(registry: Registry) -> None:
    for minutes in (0, 5):
        registry.alerts.note(ALERT, now=NOW + timedelta(minutes=minutes))
    (due,) = registry.alerts.due(NOW + timedelta(hours=1))
    assert (due.cause, due.times, due.first_at) == (ALERT.cause, 2, NOW)


def test_what_was_noted_since_then_is_not_counted_again(registry: Registry) -> None:
    for minutes, since in ((0, None), (5, NOW), (10, NOW + timedelta(minutes=1))):
        registry.alerts.note(ALERT, now=NOW + timedelta(minutes=minutes), unless_since=since)
    (due,) = registry.alerts.due(NOW + timedelta(hours=1))
    assert due.times == 2


def test_what_was_told_is_counted_from_none_again(registry: Registry) -> None:
    registry.alerts.note(ALERT, now=NOW)
    registry.alerts.mark_told(ALERT.cause, now=NOW + timedelta(minutes=1))
    assert registry.alerts.due(NOW + timedelta(hours=1)) == []
