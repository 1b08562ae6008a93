"""The sensor that takes specs from a folder, in the instance's own definitions."""

import json
import os

import dagster as dg
import pytest
from automation_ticks import number_in_log_key
from imported_specs import GOOD

from factory_assets.build_defs import build_defs
from factory_assets.registry import Registry


@pytest.fixture
def tick(replay_settings):
    def evaluate() -> dg.SensorResult:
        defs = build_defs(replay_settings)
        sensor = defs.get_repository_def().get_sensor_def("imported_specs")
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(instance=instance) as context,
        ):
            context._log_key = number_in_log_key("imported_specs", "7")
            return sensor(context, instance=defs.resources["instance"], clock=defs.resources["clock"])

    return evaluate


@pytest.fixture
def inbox(replay_settings):
    folder = replay_settings.specs_dir
    folder.mkdir(parents=True)
    return folder


def test_a_tick_takes_what_lies_in_the_folder_and_says_so(tick, inbox, replay_settings):
    path = inbox / "one.json"
    path.write_text(json.dumps(GOOD))
    os.utime(path, (1, 1))
    result = tick()
    assert result.skip_reason.skip_message == "one.json: 1 queued"
    (event,) = result.asset_events
    assert event.asset_key == dg.AssetKey("specs")
    queued = Registry(replay_settings.registry_place).queue.named("log-cutter")
    # The instance replays the past: an import takes its last date, and the last of its four ranks.
    assert (queued.day, queued.rank) == (replay_settings.factory_end_date, 4)


def test_a_tick_without_files_says_that_there_are_none(tick):
    assert tick().skip_reason.skip_message == "No new file."


def test_a_tick_tells_why_a_file_was_rejected(tick, inbox):
    path = inbox / "bad.json"
    path.write_text("{")
    os.utime(path, (1, 1))
    assert tick().skip_reason.skip_message.startswith("bad.json: rejected: it is no JSON")


def test_the_sensor_is_on_from_the_start(replay_settings):
    sensor = build_defs(replay_settings).get_repository_def().get_sensor_def("imported_specs")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
