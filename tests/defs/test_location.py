"""The code location beside an `.env` that somebody edits: what cannot hold keeps what held, and is told."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster import partition_loading_context
from dagster_private import AssetGraphSubset, AssetKeyPartitionKey
from hook_receiver import Receiver
from registry_samples import spec

from factory_assets.alerts.send import AlertPlaces
from factory_assets.cli.instance import open_instance
from factory_assets.defs.alerts import _Seen, look
from factory_assets.defs.dagster_private.core import AssetBackfillData, BulkActionStatus, PartitionBackfill
from factory_assets.defs.dagster_private.daemon import DaemonHeartbeat
from factory_assets.domain.errors import InputError
from factory_assets.location import load_location
from factory_assets.registry import Registry
from factory_assets.settings import Settings

SENSOR = "settings_in_force"
DAY = date(2026, 6, 17)
GOOD = {
    "FACTORY_MODE": "replay",
    "FACTORY_START_DATE": "2026-06-17",
    "FACTORY_END_DATE": "2026-06-19",
    "FACTORY_RANKS": "4",
    "FACTORY_SPECS_PER_DAY": "2",
    "GITHUB_TOKEN": "ghp_of_the_file_0123456789",
}


class Home:
    """An instance whose `.env` a person edits, with a code location that has loaded once."""

    def __init__(self, folder: Path) -> None:
        self.env_file = folder / ".env"
        self.remembered = folder / ".env-last-good"
        self.data = folder / "data"
        self.write(GOOD)

    def write(self, values: dict[str, str]) -> None:
        self.env_file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def edit(self, **values: str) -> dg.Definitions:
        """Write these settings into `.env` too, and load the code location again."""
        self.write(GOOD | {"FACTORY_DATA_DIR": str(self.data)} | values)
        return load_location()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    home = Home(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("FACTORY_DATA_DIR", str(home.data))
    monkeypatch.chdir(tmp_path)
    open_instance()
    monkeypatch.delenv("FACTORY_MODE")
    load_location()
    return home


def partitions(defs: dg.Definitions) -> set[str]:
    """The ranks that are partitions."""
    found = defs.resolve_asset_graph().get(dg.AssetKey("built_repos")).partitions_def
    assert found is not None
    return {key.split("|")[1] for key in found.get_partition_keys()}


def told(defs: dg.Definitions) -> str:
    """What the tick of the sensor fails with; empty where it does not fail."""
    with dg.build_sensor_context() as context:
        try:
            defs.resolve_sensor_def(SENSOR).evaluate_tick(context)
        except InputError as error:
            return str(error)
    return ""


@pytest.mark.parametrize(
    ("edited", "named"),
    [
        ({"BUILD_WORKERS": "two"}, "BUILD_WORKERS"),
        ({"FACTORY_RANK": "8"}, "FACTORY_RANK"),
        ({"FACTORY_MODE": "replya"}, "FACTORY_MODE"),
        ({"FACTORY_MODE": "live"}, "this is a replay instance"),
        ({"FACTORY_SPECS_PER_DAY": "9"}, "FACTORY_SPECS_PER_DAY"),
        ({"FACTORY_PROMPTS_DIR": "/nowhere"}, "FACTORY_PROMPTS_DIR"),
        ({"FACTORY_BUILD_CRON": "'every morning'"}, "FACTORY_BUILD_CRON"),
        ({"FACTORY_UI_HOST": "'127.0.0.1"}, ".env, line"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_mistake_in_the_env_file_keeps_the_last_good_code_location_and_is_told(
    home: Home, edited: dict[str, str], named: str
) -> None:
    kept = home.edit(**edited)
    assert partitions(kept) == {"01", "02", "03", "04"}
    assert named in told(kept)
    fixed = home.edit(BUILD_WORKERS="2")
    assert told(fixed) == ""


def test_what_dagster_has_put_into_the_environment_is_kept_out_too(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its programs load `.env` over their environment when they start.
    monkeypatch.setenv("BUILD_WORKERS", "two")
    assert "BUILD_WORKERS" in told(home.edit(BUILD_WORKERS="two"))


def test_a_mistake_beside_a_running_factory_is_told_before_it_is_started_again(home: Home) -> None:
    running = home.edit()
    home.write(GOOD | {"BUILD_WORKERS": "two"})
    assert "BUILD_WORKERS" in told(running)


def test_a_mistake_is_one_message_however_often_it_is_looked_at(home: Home, receiver: Receiver) -> None:
    registry, places = Registry(home.data / "registry.duckdb"), AlertPlaces(receiver.url, None)
    seen = _Seen()
    with dg.DagsterInstance.get() as instance:
        for refused in ("BUILD_WORKERS is not valid", "BUILD_WORKERS is not valid", ""):
            _, seen = look(
                instance, registry, places, seen, link="http://ui", now=datetime.now(UTC), refused=refused
            )
    (body,) = receiver.bodies
    assert (body["title"], body["times"]) == ("What .env says is not in force", 1)
    assert body["text"] == "BUILD_WORKERS is not valid"
    assert body["link"] == "http://ui/automation"


def test_a_mistake_before_anything_has_ever_loaded_is_refused(home: Home) -> None:
    home.remembered.unlink()
    with pytest.raises(InputError, match="BUILD_WORKERS"):
        home.edit(BUILD_WORKERS="two")


def test_only_a_secret_of_the_env_file_is_remembered_and_only_for_its_owner(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-the-environment-0123456789")
    home.edit()
    text = home.remembered.read_text()
    assert GOOD["GITHUB_TOKEN"] in text
    assert "sk-ant-of-the-environment" not in text
    assert stat.S_IMODE(home.remembered.stat().st_mode) == 0o600


def queue_on_rank(home: Home, rank: int) -> None:
    registry = Registry(home.data / "registry.duckdb")
    late = range(rank, rank + 1)
    registry.queue.add(
        DAY, [spec("cache-probe")], [], dropped=0, ranks=late, late_ranks=late, now=datetime.now(UTC)
    )


def back_fill(instance: dg.DagsterInstance, defs: dg.Definitions, key: str) -> None:
    """A backfill in flight over this partition of built_repos."""
    graph, asset = defs.resolve_asset_graph(), dg.AssetKey("built_repos")
    now = datetime.now(UTC).timestamp()
    with partition_loading_context(dynamic_partitions_store=instance):
        data = AssetBackfillData.from_asset_graph_subset(
            AssetGraphSubset.from_asset_partition_set({AssetKeyPartitionKey(asset, key)}, graph),
            dynamic_partitions_store=instance,
            backfill_start_timestamp=now,
        )
    instance.add_backfill(
        PartitionBackfill(
            backfill_id="in-flight",
            status=BulkActionStatus.REQUESTED,
            from_failure=False,
            tags={},
            backfill_timestamp=now,
            asset_selection=[asset],
            asset_backfill_data=data,
        )
    )


def test_fewer_ranks_are_refused_while_a_backfill_is_in_flight_on_those_that_would_go(home: Home) -> None:
    with dg.DagsterInstance.get() as instance:
        back_fill(instance, home.edit(), "2026-06-17|03")
        kept = home.edit(FACTORY_RANKS="2", FACTORY_SPECS_PER_DAY="1")
        assert partitions(kept) == {"01", "02", "03", "04"}
        assert "the backfill in-flight" in told(kept)
        record = instance.get_backfill("in-flight")
        assert record is not None
        instance.update_backfill(record.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    after = home.edit(FACTORY_RANKS="2", FACTORY_SPECS_PER_DAY="1")
    assert (partitions(after), told(after)) == ({"01", "02"}, "")


def test_fewer_ranks_are_refused_while_a_spec_stands_on_those_that_would_go(home: Home) -> None:
    queue_on_rank(home, 3)
    kept = home.edit(FACTORY_RANKS="2", FACTORY_SPECS_PER_DAY="1")
    assert "1 spec (cache-probe)" in told(kept)
    assert partitions(home.edit(FACTORY_RANKS="3")) == {"01", "02", "03"}


@pytest.mark.parametrize("edited", [{"FACTORY_START_DATE": "2026-06-18"}, {"FACTORY_END_DATE": "2026-06-17"}])
def test_fewer_dates_are_refused_while_a_run_is_to_work_on_those_that_would_go(
    home: Home, edited: dict[str, str]
) -> None:
    day = "2026-06-17" if "FACTORY_START_DATE" in edited else "2026-06-18"
    with dg.DagsterInstance.get() as instance:
        run = instance.create_run_for_job(
            home.edit().resolve_job_def("gather"),
            status=dg.DagsterRunStatus.STARTED,
            tags={"dagster/partition": day},
        )
        assert f"the run {run.run_id}" in told(home.edit(**edited))
        instance.report_run_canceled(run)
    assert told(home.edit(**edited)) == ""


def test_another_data_folder_is_refused_while_a_daemon_works_in_the_one_there_is(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {"FACTORY_DATA_DIR": str(tmp_path / "elsewhere")}
    with dg.DagsterInstance.get() as instance:
        beat = DaemonHeartbeat(time.time(), "QUEUED_RUN_COORDINATOR", "daemon", [])
        instance.add_daemon_heartbeat(beat)
        # As Dagster's programs put it there, over what they were started with.
        for name, value in elsewhere.items():
            monkeypatch.setenv(name, value)
        assert f"a daemon is at work in {home.data}" in told(home.edit(**elsewhere))
        assert os.environ["FACTORY_DATA_DIR"] == str(home.data)
        instance.wipe_daemon_heartbeats()
    monkeypatch.setenv("FACTORY_DATA_DIR", elsewhere["FACTORY_DATA_DIR"])
    assert told(home.edit(**elsewhere)) == ""
