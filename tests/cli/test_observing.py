"""What the factory tells whoever watches over it, and the page that says what to alert on."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import promql_parser
import pytest
from defs_commands import Commands
from prometheus_client.parser import text_string_to_metric_families
from registry_samples import queue
from starlette.testclient import TestClient

from factory_assets.cli.instance import OpenedInstance
from factory_assets.cli.metrics_page import page
from factory_assets.cli.observe_commands import app_of
from factory_assets.cli.observing import observe
from factory_assets.cli.supervisor import Ports, programs_of
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import BuildStatus, WaitCause
from factory_assets.domain.errors import RegistryBusyError
from factory_assets.domain.observed import DagsterState, FactoryState, RegistryState, daemon_problem
from factory_assets.json_logs import JsonFormatter
from factory_assets.registry import Registry
from factory_assets.router.health import Status
from factory_assets.router.metrics import Metrics
from factory_assets.router.shapes import Outcome
from factory_assets.settings import PROJECT_ROOT, Settings

NOW = datetime(2026, 6, 5, 6, 0, tzinfo=UTC)
DOCUMENT = (PROJECT_ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
# A pipe within a table's cell is written with a backslash.
ALERTS = [
    (name, expression.replace("\\|", "|"), lasts)
    for name, expression, lasts in re.findall(r"^\| (\w+) \| `(.+?)` \| (\w+) \|", DOCUMENT, re.MULTILINE)
]


@pytest.fixture
def commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Commands:
    made = Commands(tmp_path / "home", monkeypatch, _Decoded(capsysbinary))
    made.write_replay()
    return made


class _Decoded:
    """What `factory metrics` writes is bytes."""

    def __init__(self, captured: pytest.CaptureFixture[bytes]) -> None:
        self._captured = captured

    def readouterr(self) -> object:
        out, err = self._captured.readouterr()
        return type("Read", (), {"out": out.decode(), "err": err.decode()})


@pytest.fixture
def instance(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> OpenedInstance:
    commands("status", "--json")
    for name, value in commands.environment().items():
        monkeypatch.setenv(name, value)
    return OpenedInstance(commands.home, Settings(_env_file=commands.home / ".env"))


def _state(**changes: object) -> FactoryState:
    whole = FactoryState(
        at=NOW,
        day_budget_usd=50.0,
        registry=RegistryState(
            specs={"queued": 2, "shipped": 7},
            waiting={"a slot": 2},
            oldest_queued_at=NOW - timedelta(days=2),
            unmirrored=3,
            leases=1,
            oldest_lease_seconds=4.5,
            holds=("credential",),
            spent_usd=12.5,
        ),
        dagster=DagsterState(
            runs={"queued": 1, "started": 4},
            failed_runs=2,
            materialized_at={"papers": NOW - timedelta(hours=1)},
            daemons_seen_at={"SENSOR": NOW},
            failing_ticks=("alerts",),
        ),
    )
    return whole.model_copy(update=changes)


def _values(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_page_tells_each_count_and_time_by_its_label() -> None:
    values = _values(page(_state).decode())
    assert values["factory_specs", ("queued",)] == 2
    assert values["factory_waiting_specs", ("a slot",)] == 2
    assert values["factory_oldest_queued_timestamp_seconds", ()] == (NOW - timedelta(days=2)).timestamp()
    assert values["factory_spent_today_dollars", ()] == 12.5
    assert values["factory_runs", ("started",)] == 4
    assert (
        values["factory_last_materialization_timestamp_seconds", ("papers",)]
        == (NOW - timedelta(hours=1)).timestamp()
    )
    assert values["factory_holds", ("credential",)] == 1


def test_a_registry_that_is_away_hides_nothing_of_dagster(
    instance: OpenedInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> RegistryState:
        raise RegistryBusyError("The registry stayed locked by another program.")

    monkeypatch.setattr(instance.parts.registry.reports, "state", busy, raising=False)
    state = observe(instance, NOW)
    values = _values(page(lambda: state).decode())
    assert values["factory_up", ("registry",)] == 0
    assert values["factory_up", ("dagster",)] == 1
    assert ("factory_runs", ("queued",)) in values
    assert "stayed locked" in state.problems[0]


def test_a_command_prints_the_page_and_the_same_as_json(commands: Commands) -> None:
    commands("status", "--json")
    queue(Registry(commands.data / "registry.duckdb"), "cache-probe", "draft-budget")
    ended = commands("metrics")
    assert ended.code == 0
    assert 'factory_specs{status="queued"} 2.0' in ended.out
    told = commands("status", "--json")
    assert json.loads(told.out)["registry"]["specs"]["queued"] == 2
    # No daemon runs.
    assert told.code == 1
    assert "No daemon has given a sign of life" in json.loads(told.out)["problems"][0]


def test_health_says_what_is_wrong_and_is_well_without(
    instance: OpenedInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = TestClient(app_of(instance))
    answer = client.get("/health")
    assert answer.status_code == 503
    assert "No daemon" in answer.json()["problems"][0]
    monkeypatch.setattr("factory_assets.cli.observing.daemon_problem", lambda *_: None)
    assert client.get("/health").json() == {"status": "ok", "problems": []}
    shown = client.get("/metrics")
    assert shown.headers["content-type"].startswith("text/plain; version=")
    assert 'factory_up{part="dagster"} 1.0' in shown.text


def test_a_queue_that_is_stopped_is_not_healthy(instance: OpenedInstance) -> None:
    instance.parts.registry.holds.record(
        Hold(WaitCause.CREDENTIAL, reason="Refused: 401.", fix="Another key.", since=NOW, credential="one")
    )
    state = observe(instance, NOW)
    assert f"The queue is stopped: {WaitCause.CREDENTIAL}" in " ".join(state.problems)


def test_a_daemon_that_died_is_told_by_name() -> None:
    seen = {"SENSOR": NOW - timedelta(minutes=9), "SCHEDULER": NOW - timedelta(seconds=20)}
    assert "of: SENSOR." in str(daemon_problem(seen, NOW))
    assert daemon_problem({"SCHEDULER": NOW - timedelta(seconds=20)}, NOW) is None


def test_a_log_line_is_one_object_whatever_it_says() -> None:
    failed = ValueError("line one\nline two")
    wrong = (ValueError, failed, None)
    record = logging.LogRecord("factory_assets.x", logging.ERROR, "x.py", 1, "a\n%s", ("b",), wrong)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["logger"], told["event"]) == ("error", "factory_assets.x", "a\nb")
    assert "line two" in told["exception"]


def test_the_settings_start_the_metrics_and_make_dagsters_programs_write_json(tmp_path: Path) -> None:
    ports = Ports("127.0.0.1", 3000, 3001, 3002)
    usual = programs_of(Settings(_env_file=None), ports, tmp_path)
    assert "metrics" not in usual
    assert not any("--log-format" in argv for argv in usual.values())
    settings = Settings(_env_file=None, factory_metrics_port=9464, factory_log_format="json")
    programs = programs_of(settings, ports, tmp_path)
    assert programs["metrics"][-4:] == ["--port", "9464", "--host", "127.0.0.1"]
    assert [name for name, argv in programs.items() if argv[-2:] == ["--log-format", "json"]] == [
        "code-server",
        "daemon",
        "webserver",
    ]


def _named(expression: str) -> list[promql_parser.VectorSelector]:
    """The metrics of an expression."""
    found: list[promql_parser.VectorSelector] = []

    def walk(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        for name in ("lhs", "rhs", "expr", "vector_selector"):
            if (child := getattr(node, name, None)) is not None:
                walk(child)
        for child in getattr(node, "args", ()):
            walk(child)

    walk(promql_parser.parse(expression))
    return found


_VALUES = {
    "part": {"registry", "dagster"},
    "asset": {"papers", "built_repos"},
    "status": {*BuildStatus, *Status, *(status.value.lower() for status in dg.DagsterRunStatus)},
    "outcome": set(Outcome),
}


def _shown() -> dict[str, set[str]]:
    """The metrics of the factory's page and of the router's, each with its labels."""
    router = Metrics(models=(), phases=(), backends=list, limits=list)
    texts = [page(_state).decode(), router.page()[0].decode()]
    families = [family for text in texts for family in text_string_to_metric_families(text)]
    names: dict[str, set[str]] = {}
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        names[name] = {label for sample in family.samples for label in sample.labels}
    return names


def test_there_are_alerts_and_each_has_its_own_name() -> None:
    assert len(ALERTS) >= 15
    assert len({name for name, _, _ in ALERTS}) == len(ALERTS)


@pytest.mark.parametrize(("name", "expression", "lasts"), ALERTS)
def test_each_expression_parses_and_asks_for_what_there_is(name: str, expression: str, lasts: str) -> None:
    shown, asked = _shown(), _named(expression)
    assert asked, name
    for metric in asked:
        assert metric.name in shown
        for matcher in metric.matchers.matchers:
            # The router's counters have no samples until there were calls.
            assert matcher.name in shown[metric.name] or not shown[metric.name]
            for value in matcher.value.split("|"):
                assert value in _VALUES[matcher.name]
    assert re.fullmatch(r"\d+[mhd]", lasts)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\bFACTORY_[A-Z_]+", DOCUMENT))))
def test_the_settings_that_the_page_names_exist(name: str) -> None:
    assert name.lower() in Settings.model_fields
