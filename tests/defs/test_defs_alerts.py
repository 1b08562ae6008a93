"""The alert sensor: failed runs grouped by cause, budget stops and refused credentials, each told once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster_private import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    RegisteredCodeLocationOrigin,
    RemoteRepositoryOrigin,
    ScheduleInstigatorData,
    SensorInstigatorData,
    SerializableErrorInfo,
    TickData,
    TickStatus,
)
from hook_receiver import Receiver
from registry_samples import spec

from factory_assets.alerts.send import AlertPlaces
from factory_assets.defs.alerts import _Seen, look
from factory_assets.defs.runs import OUTCOME_TAG, REPO_TAG
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import GateVerdict, Phase, WaitCause
from factory_assets.registry import Registry

LINK = "http://ui.example"


@dg.asset(config_schema={"text": str})
def built_repos(context) -> None:
    raise dg.Failure(context.op_execution_context.op_config["text"], allow_retries=False)


@pytest.fixture
def instance(tmp_path):
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path / "registry.duckdb")
    now = datetime.now(UTC)
    specs = [spec(name) for name in ("tool-a", "tool-b", "tool-c")]
    day = date(2026, 6, 3)
    queued = registry.queue.add(day, specs, [], dropped=0, ranks=range(1, 4), late_ranks=range(4, 5), now=now)
    for item in queued[:2]:
        registry.builds.start(item.id, run_id="run", now=now)
        refused = GateVerdict(gate="tests-pass", phase=Phase.REVIEW, passed=False, saw="no")
        registry.builds.record_verdict(item.id, 1, refused, now=now)
        registry.builds.fail(item.id, "no")
    return registry


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


class Looking:
    """Looks again and again, each time from where the last look ended."""

    def __init__(self, instance, registry, receiver) -> None:
        self.instance, self.registry, self.receiver = instance, registry, receiver
        self.seen = _Seen()

    def __call__(self) -> str:
        line, self.seen = look(
            self.instance,
            self.registry,
            AlertPlaces(self.receiver.url, None),
            self.seen,
            link=LINK,
            now=datetime.now(UTC),
        )
        return line


@pytest.fixture
def looking(instance, registry, receiver) -> Looking:
    looking = Looking(instance, registry, receiver)
    looking()
    return looking


def fail(instance, text: str, **tags: str) -> str:
    result = dg.materialize(
        [built_repos],
        instance=instance,
        tags=tags,
        run_config={"ops": {"built_repos": {"config": {"text": text}}}},
        raise_on_error=False,
    )
    return result.run_id


def test_builds_that_failed_at_one_gate_are_one_message_that_names_them(looking, instance, receiver):
    for name in ("tool-a", "tool-b"):
        last = fail(instance, f"{name}: refused", **{REPO_TAG: name, OUTCOME_TAG: "failed"})
    assert looking() == "Told: build failed: tests-pass."
    (body,) = receiver.bodies
    assert body["title"] == "Builds failed: tests-pass"
    assert body["text"] == "tool-a, tool-b.\ntool-b: refused"
    assert body["times"] == 2
    assert body["link"] == f"{LINK}/runs/{last}"
    assert looking() == "Nothing to tell."


def test_a_run_that_is_no_build_is_named_by_its_asset(looking, instance, receiver):
    fail(instance, "arXiv does not answer.")
    looking()
    assert receiver.bodies[0]["cause"].startswith("run failed: ")
    assert receiver.bodies[0]["text"] == "arXiv does not answer."


def test_what_failed_before_the_first_look_is_not_told(instance, registry, receiver):
    fail(instance, "long ago")
    assert Looking(instance, registry, receiver)() == "Nothing to tell."
    assert receiver.bodies == []


def test_a_run_whose_process_was_killed_says_so(looking, instance, receiver):
    run = instance.create_run_for_job(
        dg.define_asset_job("build").resolve(asset_graph=graph()),
        run_config={"ops": {"built_repos": {"config": {"text": ""}}}},
    )
    instance.report_run_failed(run)
    looking()
    assert "killed, or the machine went down" in receiver.bodies[0]["text"]


def graph():
    return dg.Definitions(assets=[built_repos]).resolve_asset_graph()


def test_a_refused_credential_is_one_message_while_it_stands(looking, registry, receiver):
    hold = Hold(
        cause=WaitCause.CREDENTIAL,
        reason="The key was refused.",
        fix="Renew it.",
        since=datetime.now(UTC),
        credential="x",
    )
    registry.holds.record(hold)
    assert looking() == "Told: stopped: credential."
    assert receiver.bodies[0]["text"] == "The key was refused. Renew it."
    assert looking() == "Nothing to tell."


def test_specs_that_a_budget_stopped_are_one_message(looking, registry, receiver):
    waiting = registry.queue.named("tool-c")
    registry.builds.start(waiting.id, run_id="run", now=datetime.now(UTC))
    registry.builds.defer(waiting.id, cause=WaitCause.DAY_BUDGET, until=None, reason="spent", limit_usd=50.0)
    assert looking() == "Told: budget: day budget."
    assert receiver.bodies[0]["text"].startswith("tool-c. They go on when the setting is raised")
    assert looking() == "Nothing to tell."


def test_a_receiver_that_was_down_gets_it_at_the_next_look(looking, instance, receiver):
    fail(instance, "broken")
    receiver.status = 500
    assert looking().startswith("Could not be sent")
    receiver.status = 200
    assert looking().startswith("Told: run failed")


def ticked(instance, name: str, kind: InstigatorType, *statuses: TickStatus, at: datetime) -> None:
    """A schedule or sensor that the daemon has evaluated, a second apart, the last time at this moment."""
    location = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("factory"), "__repository__")
    origin = location.get_instigator_origin(name)
    if name not in {state.instigator_name for state in instance.all_instigator_state()}:
        data = SensorInstigatorData()
        if kind is InstigatorType.SCHEDULE:
            data = ScheduleInstigatorData("* * * * *", None)
        instance.add_instigator_state(InstigatorState(origin, kind, InstigatorStatus.RUNNING, data))
    (state,) = (state for state in instance.all_instigator_state() if state.instigator_name == name)
    error = SerializableErrorInfo("UnknownPartition: 2026-06-10", [], None)
    for number, status in enumerate(statuses):
        moment = at - timedelta(seconds=len(statuses) - 1 - number)
        instance.create_tick(
            TickData(
                instigator_origin_id=state.instigator_origin_id,
                instigator_name=name,
                instigator_type=kind,
                status=status,
                timestamp=moment.timestamp(),
                end_timestamp=moment.timestamp(),
                error=error if status is TickStatus.FAILURE else None,
                selector_id=state.selector_id,
            )
        )


def test_a_schedule_whose_tick_failed_is_told_once_with_its_reason(looking, instance, receiver):
    now = datetime.now(UTC)
    ticked(instance, "analyze_daily", InstigatorType.SCHEDULE, TickStatus.FAILURE, at=now)
    assert looking() == "Told: tick failed: analyze_daily."
    assert receiver.bodies[0]["text"] == "UnknownPartition: 2026-06-10"
    assert receiver.bodies[0]["link"] == f"{LINK}/automation"
    assert looking() == "Nothing to tell."


def test_a_sensor_is_told_when_it_fails_three_times_in_a_row(looking, instance):
    now = datetime.now(UTC)
    failed, done = TickStatus.FAILURE, TickStatus.SKIPPED
    ticked(instance, "queued_specs", InstigatorType.SENSOR, failed, done, failed, failed, at=now)
    assert looking() == "Nothing to tell."
    later = datetime.now(UTC) + timedelta(seconds=1)
    ticked(instance, "queued_specs", InstigatorType.SENSOR, failed, at=later)
    assert looking() == "Told: tick failed: queued_specs."


def test_a_tick_that_failed_before_the_first_look_is_not_told(instance, registry, receiver):
    long_ago = datetime.now(UTC) - timedelta(days=3)
    ticked(instance, "analyze_daily", InstigatorType.SCHEDULE, TickStatus.FAILURE, at=long_ago)
    assert Looking(instance, registry, receiver)() == "Nothing to tell."
