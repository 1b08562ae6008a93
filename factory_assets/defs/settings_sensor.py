"""The sensor that shows in the UI, as a tick that fails, that what `.env` says is not in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg

from factory_assets.domain.alerts import Alert
from factory_assets.domain.errors import InputError

SETTINGS_SENSOR = "settings_in_force"

# Why what `.env` says is not in force; empty where it is.
Refused = Callable[[], str]


def build_settings_sensor(refused: Refused) -> dg.SensorDefinition:
    """The sensor `settings_in_force`, on from the start. It launches nothing and writes nothing."""

    @dg.sensor(
        name=SETTINGS_SENSOR,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Checks .env every minute. While something in it is not valid, its ticks fail and say what; the factory"
            " goes on with the last settings that were."
        ),
    )
    def settings_in_force(_context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if told := refused():
            raise InputError(told)
        return dg.SkipReason("What .env says can be taken on.")

    return settings_in_force


def alerts_of_settings(told: str, seen: str, link: str) -> Iterator[tuple[Alert, int]]:
    """A message of what is not in force, unless it was `seen` at the last look."""
    if told and told != seen:
        yield (
            Alert(
                # Another mistake on the same day is another message.
                cause=f"settings refused: {told.partition(' Fix: ')[0]}",
                title="What .env says is not in force",
                text=told,
                link=f"{link}/automation",
            ),
            1,
        )
