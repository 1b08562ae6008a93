"""Previews of ticks in the UI and by `dagster sensor preview` over a real code server, and the daemon's ticks."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from automation_ticks import gather, start_run
from click.testing import CliRunner
from dagster_private import execute_sensor_iteration, launch_scheduled_runs, sensor_cli
from defs_factory import DefsFactory
from defs_fakes import paper_on, spec_on
from hook_receiver import Receiver
from imported_specs import GOOD

from factory_assets.cli.instance import open_instance
from factory_assets.defs.client import LOCATION, FactoryClient
from factory_assets.defs.dagster_private.workspace import (
    WorkspaceFileTarget,
    WorkspaceProcessContext,
    execute_query,
)
from factory_assets.defs.storage import open_storage
from factory_assets.domain.alerts import Alert
from factory_assets.domain.builds import WaitCause
from factory_assets.settings import Mode, Settings

pytestmark = pytest.mark.end_to_end

DAY = date(2026, 6, 17)
CANCELLED, LAUNCHED, HELD_BACK = "cache-probe", "tree-probe", "wave-probe"
_REPOSITORY = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__"}
_EVALUATION = """
  __typename
  ... on PythonError { message }
  ... on DryRunInstigationTick { evaluationResult {
    cursor skipReason error { message } runRequests { tags { key value } }
  } }
"""
_TEST_SENSOR = f"""
mutation Test($selector: SensorSelector!, $cursor: String) {{
  sensorDryRun(selectorData: $selector, cursor: $cursor) {{ {_EVALUATION} }}
}}
"""
_TEST_SCHEDULE = f"""
mutation Test($selector: ScheduleSelector!, $timestamp: Float) {{
  scheduleDryRun(selectorData: $selector, timestamp: $timestamp) {{ {_EVALUATION} }}
}}
"""


@dataclass(frozen=True)
class Ui:
    """An instance with a code server and no daemon; `outside` gets its alerts."""

    factory: DefsFactory
    context: WorkspaceProcessContext
    outside: Receiver
    workspace: Path
    environment: dict[str, str]

    def test_sensor(self, name: str) -> dict[str, object]:
        """What "Preview tick result" shows of a sensor ("Test sensor")."""
        variables = {"selector": {**_REPOSITORY, "sensorName": name}, "cursor": None}
        answer = execute_query(self.context, _TEST_SENSOR, variables)["data"]["sensorDryRun"]
        return _result(answer)

    def test_schedule(self, name: str) -> dict[str, object]:
        """The same of a schedule ("Test schedule"), for the next time that it is due."""
        now = datetime.now(UTC).timestamp()
        variables = {"selector": {**_REPOSITORY, "scheduleName": name}, "timestamp": now}
        answer = execute_query(self.context, _TEST_SCHEDULE, variables)["data"]["scheduleDryRun"]
        return _result(answer)

    def everything(self) -> dict[str, object]:
        """All that an evaluation could change: rows, runs and their tags, ticks, cursors, slots, files, alerts sent."""
        instance, settings = self.factory.instance, self.factory.settings
        limits = instance.event_log_storage.get_pool_limits()
        return {
            "registry": _rows(settings.registry_file),
            "runs": {run.run_id: (run.status, dict(run.tags)) for run in instance.get_runs()},
            "events": instance.event_log_storage.get_maximum_record_id(),
            "instigators": sorted(map(repr, instance.all_instigator_state())),
            "slots": sorted((limit.name, limit.limit) for limit in limits),
            "files": _files(settings.factory_data_dir),
            "sent": list(self.outside.bodies),
        }


def _result(answer: dict[str, object]) -> dict[str, object]:
    assert answer["__typename"] == "DryRunInstigationTick", answer
    result = answer["evaluationResult"]
    assert isinstance(result, dict)
    assert result["error"] is None, result
    return result


def _asked(result: dict[str, object]) -> list[str]:
    requests = result["runRequests"]
    assert isinstance(requests, list)
    tags = [{tag["key"]: tag["value"] for tag in request["tags"]} for request in requests]
    return [one["factory/repo"] for one in tags]


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {name: sorted(connection.execute(f"FROM {name}").fetchall(), key=repr) for name in tables}


def _files(folder: Path) -> dict[str, int]:
    """Every file with its size, but for the databases, whose contents are compared."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path): path.stat().st_size
        for path in found
        if ".db" not in path.name and "duckdb" not in path.name
    }


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    folder, outside = tmp_path_factory.mktemp("factory"), Receiver()
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        patch.chdir(folder)
        environment = _environment(folder / "home", outside)
        for name, value in environment.items():
            patch.setenv(name, value)
        prepared = open_instance()
        with open_storage(prepared.settings.factory_data_dir) as instance:
            factory = DefsFactory(prepared.settings, instance)
            _something_for_everyone(factory)
            files = WorkspaceFileTarget([str(prepared.workspace)])
            with WorkspaceProcessContext(instance, files) as context:
                yield Ui(factory, context, outside, prepared.workspace, environment)
    outside.close()


def _environment(home: Path, outside: Receiver) -> dict[str, str]:
    home.mkdir()
    # A replay instance is one that has its .env.
    (home / ".env").write_text("FACTORY_MODE=replay\n")
    return {
        "DAGSTER_HOME": str(home),
        "FACTORY_MODE": Mode.REPLAY,
        "FACTORY_DATA_DIR": str(home / "data"),
        "FACTORY_MIRROR_DIR": str(home / "mirrored"),
        "FACTORY_START_DATE": DAY.isoformat(),
        "FACTORY_END_DATE": DAY.isoformat(),
        "FACTORY_RANKS": "4",
        "FACTORY_SPECS_PER_DAY": "3",
        # The whole budget of one repo, so that a second one waits.
        "FACTORY_DAY_BUDGET_USD": "5",
        "FACTORY_ALERT_WEBHOOK": outside.url.get_secret_value(),
    }


def _something_for_everyone(factory: DefsFactory) -> None:
    """What each schedule and sensor would write something about."""
    now = datetime.now(UTC)
    factory.registry.queue.add(
        DAY,
        [spec_on(DAY, name) for name in (CANCELLED, LAUNCHED, HELD_BACK)],
        [],
        dropped=0,
        ranks=range(1, 4),
        late_ranks=range(4, 5),
        now=now,
    )
    start_run(factory, CANCELLED, dg.DagsterRunStatus.QUEUED)
    (run,) = factory.instance.get_runs(dg.RunsFilter(tags={"factory/repo": CANCELLED}))
    factory.instance.report_run_canceling(run)
    factory.instance.report_run_canceled(run)
    # It came after the analysis.
    factory.gathering.papers[DAY] = [paper_on(DAY, 1)]
    gather(factory, DAY)
    for number in range(3):
        failed = {"dagster/partition": DAY.isoformat(), "number": str(number)}
        start_run(factory, "", dg.DagsterRunStatus.FAILURE, job="analyze", tags=failed)
    factory.registry.alerts.note(Alert(cause="noted", title="Noted", text="", link=""), now=now)
    file = factory.settings.specs_dir / "one.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(GOOD))
    os.utime(file, (1, 1))


def test_testing_a_sensor_leaves_everything_as_it_was(ui: Ui) -> None:
    for sensor in ui.factory.defs.get_repository_def().sensor_defs:
        before = ui.everything()
        assert ui.test_sensor(sensor.name)["cursor"] is None, sensor.name
        assert ui.everything() == before, sensor.name


def test_testing_a_schedule_leaves_everything_as_it_was(ui: Ui) -> None:
    for schedule in ui.factory.defs.get_repository_def().schedule_defs:
        before = ui.everything()
        ui.test_schedule(schedule.name)
        assert ui.everything() == before, schedule.name


def test_a_test_button_tells_what_the_next_tick_would_do(ui: Ui) -> None:
    assert "2026-06-17 failed 3 times" in str(ui.test_schedule("analyze_daily")["skipReason"])
    assert _asked(ui.test_sensor("queued_specs")) == [LAUNCHED]
    assert _asked(ui.test_schedule("build_daily")) == [LAUNCHED]
    assert (
        ui.test_sensor("alerts")["skipReason"]
        == "The next tick tells, unless it was told within a day: noted."
    )
    words = "one.json: to be queued at the next tick: log-cutter"
    assert ui.test_sensor("imported_specs")["skipReason"] == words


def test_the_preview_of_a_sensor_leaves_everything_as_it_was(ui: Ui) -> None:
    before = ui.everything()
    arguments = ["preview", "queued_specs", "-w", str(ui.workspace)]
    done = CliRunner(env=ui.environment).invoke(sensor_cli, arguments)
    assert "Sensor returning run requests for 1 run(s)" in done.output
    assert ui.everything() == before


def test_a_tick_of_the_daemon_does_what_the_test_buttons_told(ui: Ui) -> None:
    FactoryClient(ui.context).enable()
    list(execute_sensor_iteration(ui.context, logging.getLogger("daemon"), None, None))
    registry, instance = ui.factory.registry, ui.factory.instance
    stopped = registry.queue.named(CANCELLED)
    assert stopped is not None
    assert stopped.wait_cause is WaitCause.CANCELLED
    (run,) = instance.get_runs(dg.RunsFilter(tags={"factory/repo": LAUNCHED}))
    assert registry.launches.asked_for().keys() == {LAUNCHED}
    assert registry.queue.named("log-cutter") is not None
    assert not (ui.factory.settings.specs_dir / "one.json").exists()
    assert "noted" in {body["cause"] for body in ui.outside.bodies}
    # The schedule's tick comes tomorrow, when no run is there any more.
    instance.report_run_canceled(run)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    list(launch_scheduled_runs(ui.context, logging.getLogger("daemon"), tomorrow, {}))
    (again, _) = instance.get_runs(dg.RunsFilter(tags={"factory/repo": LAUNCHED}))
    assert again.tags["dagster/schedule_name"] == "build_daily"
    assert "analysis keeps failing" in {alert.cause for alert in registry.alerts.due(tomorrow)}
