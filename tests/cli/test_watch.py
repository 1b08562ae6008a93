"""What the supervisor tells of its programs must never stop it from keeping them running."""

from __future__ import annotations

import logging
from typing import Any, cast

import pytest

from factory_assets.cli.watch import RunWatch
from factory_assets.domain.errors import InfrastructureError


class _Broken:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def note(self, *_: object, **__: object) -> None:
        raise self._error


@pytest.mark.parametrize("error", [InfrastructureError("It is away."), RuntimeError("a fault of its own")])
def test_a_registry_that_keeps_no_alert_stops_nothing(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    watch = RunWatch(alerts=cast("Any", _Broken(error)), places=cast("Any", None), url="", link="")
    with caplog.at_level(logging.WARNING):
        watch.ended("daemon", -9)
    assert "could not be kept" in caplog.text
    assert str(error) in caplog.text
