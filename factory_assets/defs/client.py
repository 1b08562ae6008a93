"""Launching runs on an instance and following them, for the command line: the same API that the UI uses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, Field

from factory_assets.defs.automation import SPENDING_SCHEDULES, SPENDING_SENSORS
from factory_assets.defs.daemons import daemon_is_running, runs_going_on
from factory_assets.defs.dagster_private.workspace import (
    WorkspaceFileTarget,
    WorkspaceProcessContext,
    execute_query,
)
from factory_assets.defs.externals import PAPERS
from factory_assets.defs.factory_report import REPORT_JOB
from factory_assets.defs.holds import lift_by_hand
from factory_assets.defs.partitions import spec_key
from factory_assets.defs.queue import busy_repos, launches_so_far, settled_launches
from factory_assets.defs.runs import OUTCOME_TAG, spec_tags
from factory_assets.defs.storage import open_storage
from factory_assets.domain.automation import Hold
from factory_assets.domain.errors import FactoryError, InfrastructureError
from factory_assets.domain.specs import QueuedSpec
from factory_assets.registry import Registry

LOCATION = "factory"
_REPOSITORY = "__repository__"
_FINISHED = frozenset(
    {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
)
_QUEUED_OR_FINISHED = _FINISHED | {dg.DagsterRunStatus.QUEUED}
_POLL_SECONDS = 0.5

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
  }
}
"""


class _Result(BaseModel):
    """The union types that mutations answer with, as far as they are read here."""

    typename: str = Field(alias="__typename")
    message: str = ""


class _LaunchedRun(BaseModel):
    run_id: str = Field(alias="runId")


class _LaunchResult(_Result):
    run: _LaunchedRun | None = None


_START_SCHEDULE = """
mutation Start($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) { __typename ... on PythonError { message } }
}
"""
_STOP_SCHEDULE = """
mutation Reset($selector: ScheduleSelector!) {
  resetSchedule(scheduleSelector: $selector) { __typename ... on PythonError { message } }
}
"""
_START_SENSOR = """
mutation Start($selector: SensorSelector!) {
  startSensor(sensorSelector: $selector) { __typename ... on PythonError { message } }
}
"""
_STOP_SENSOR = """
mutation Reset($selector: SensorSelector!) {
  resetSensor(sensorSelector: $selector) { __typename ... on PythonError { message } }
}
"""


@dataclass(frozen=True)
class RunEnd:
    """How a run ended; `error` is what the failed step said, `outcome` what the run says of itself, if anything."""

    run_id: str
    succeeded: bool
    error: str
    outcome: str = ""


def _never() -> bool:
    return False


class FactoryClient:
    """One instance and its code location."""

    def __init__(self, context: WorkspaceProcessContext) -> None:
        self._context = context
        self._instance = context.instance

    @classmethod
    @contextmanager
    def open(cls, workspace: Path, data_dir: Path) -> Iterator[FactoryClient]:
        """Load the code location for the instance that DAGSTER_HOME names, with its storage in `data_dir`."""
        with (
            open_storage(data_dir) as instance,
            WorkspaceProcessContext(
                instance, WorkspaceFileTarget([str(workspace)]), code_server_log_level="WARNING"
            ) as context,
        ):
            client = cls(context)
            client.check_location()
            yield client

    def check_location(self) -> None:
        """Fail with the code's own error where the definitions do not load."""
        request = self._context.create_request_context()
        for entry in request.get_code_location_entries().values():
            if entry.load_error is not None:
                raise FactoryError(
                    entry.load_error.message.strip().splitlines()[-1],
                    where="factory_assets/definitions.py",
                    fix="Fix what it names; `dg check defs` shows the whole error.",
                )

    def launch_days(self, job: str, first: date, last: date) -> str:
        """Launch `job` over a range of dates in one run."""
        if first == last:
            return self._launch(job, {"dagster/partition": first.isoformat()})
        return self._launch(
            job,
            {
                "dagster/asset_partition_range_start": first.isoformat(),
                "dagster/asset_partition_range_end": last.isoformat(),
            },
        )

    def launch_spec(self, job: str, queued: QueuedSpec, tags: Mapping[str, str] | None = None) -> str:
        """Launch `job` on the spec's date and rank."""
        return self.launch_partition(job, spec_key(queued), {**spec_tags(queued), **(tags or {})})

    def launch_partition(
        self, job: str, key: dg.MultiPartitionKey, tags: Mapping[str, str] | None = None
    ) -> str:
        """Launch `job` on one date and rank."""
        dimensions = {f"dagster/partition/{name}": value for name, value in key.keys_by_dimension.items()}
        return self._launch(job, {"dagster/partition": str(key), **dimensions, **(tags or {})})

    def launch_report(self) -> str:
        """Launch the making of the factory's report."""
        return self._launch(REPORT_JOB, {})

    def busy_repos(self, registry: Registry) -> dict[str, str]:
        """The repos that have a queued or running build, each with the id of that run."""
        graph = self._context.create_request_context().asset_graph
        return busy_repos(self._instance, registry, graph, now=datetime.now(UTC))

    def settled_launches(self, registry: Registry) -> dict[str, datetime]:
        """See defs.queue; to be read before `busy_repos`."""
        return settled_launches(self._instance, registry, datetime.now(UTC))

    def launches_so_far(self) -> int:
        """How many builds were ever launched here."""
        return launches_so_far(self._instance)

    def gathered_days(self) -> set[date]:
        """The dates that were gathered, empty ones too."""
        return {date.fromisoformat(key) for key in self._instance.get_materialized_partitions(PAPERS)}

    def going_on(self) -> list[str]:
        """The ids of the runs that have started and not ended."""
        return runs_going_on(self._instance)

    def cancel_queued(
        self, run_ids: Sequence[str], why: str = "The command that had launched it was interrupted."
    ) -> None:
        """Take back those of the runs that still wait in the queue."""
        if not run_ids:
            return
        filters = dg.RunsFilter(run_ids=list(run_ids), statuses=[dg.DagsterRunStatus.QUEUED])
        for run in self._instance.get_runs(filters=filters):
            self._instance.report_run_canceled(run, why)

    def wait(
        self,
        run_ids: Sequence[str],
        on_change: Callable[[str, str], None],
        is_stopped: Callable[[], bool] = _never,
    ) -> list[RunEnd]:
        """Wait for all runs to end. `on_change` gets a run's id and its new status.

        Runs that wait in the queue once `is_stopped` are taken back, because they would wait for ever.
        """
        seen: dict[str, dg.DagsterRunStatus] = {}
        while True:
            runs = self._instance.get_runs(filters=dg.RunsFilter(run_ids=list(run_ids)))
            for run in runs:
                if seen.get(run.run_id) is not run.status:
                    seen[run.run_id] = run.status
                    on_change(run.run_id, run.status.value.lower())
            if all(run.status in _FINISHED for run in runs):
                return [self._end(run) for run in sorted(runs, key=lambda run: run_ids.index(run.run_id))]
            if all(run.status in _QUEUED_OR_FINISHED for run in runs) and is_stopped():
                self.cancel_queued(run_ids, "The queue is stopped: `factory status` says why.")
            elif not self.daemon_is_running():
                raise InfrastructureError(
                    "The daemon that was to start the runs has stopped; they wait in the queue.",
                    fix="Run the command again, or start the factory with `make up`.",
                )
            time.sleep(_POLL_SECONDS)

    def daemon_is_running(self) -> bool:
        """See defs.daemons."""
        return daemon_is_running(self._instance)

    def resume_queue(self, registry: Registry, workers: int) -> list[Hold]:
        """Lift every stop of the queue by hand, and return what was lifted."""
        return lift_by_hand(self._instance, registry, workers)

    def set_pool(self, pool: str, slots: int) -> None:
        """Set how many runs of a pool go on at once."""
        self._instance.event_log_storage.set_concurrency_slots(pool, slots)

    def enable(self) -> list[str]:
        """Start the schedules and the sensor that spend money or publish."""
        for name in SPENDING_SCHEDULES:
            self._change(_START_SCHEDULE, _selector("scheduleName", name))
        for name in SPENDING_SENSORS:
            self._change(_START_SENSOR, _selector("sensorName", name))
        return [*SPENDING_SCHEDULES, *SPENDING_SENSORS]

    def disable(self) -> list[str]:
        """Put the same back to their default, which is stopped."""
        for name in SPENDING_SCHEDULES:
            self._change(_STOP_SCHEDULE, _selector("scheduleName", name))
        for name in SPENDING_SENSORS:
            self._change(_STOP_SENSOR, _selector("sensorName", name))
        return [*SPENDING_SCHEDULES, *SPENDING_SENSORS]

    def _launch(self, job: str, tags: Mapping[str, str]) -> str:
        params = {
            "selector": {
                "repositoryLocationName": LOCATION,
                "repositoryName": _REPOSITORY,
                "jobName": job,
            },
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        result = _LaunchResult.model_validate(self._query(_LAUNCH, {"params": params})["launchRun"])
        if result.run is None:
            raise InfrastructureError(
                f"Dagster did not launch the run: {result.message or result.typename}", where=job
            )
        return result.run.run_id

    def _change(self, mutation: str, selector: Mapping[str, str]) -> None:
        for answer in self._query(mutation, {"selector": selector}).values():
            result = _Result.model_validate(answer)
            if result.typename.endswith("Error"):
                raise InfrastructureError(f"Dagster refused: {result.message or result.typename}")

    def _query(self, query: str, variables: Mapping[str, object]) -> dict[str, Any]:
        answer = execute_query(self._context, query, variables)
        if "errors" in answer:
            raise InfrastructureError(f"Dagster refused: {answer['errors'][0]['message']}")
        return dict(answer["data"])

    def _end(self, run: dg.DagsterRun) -> RunEnd:
        if run.status is dg.DagsterRunStatus.SUCCESS:
            return RunEnd(run.run_id, succeeded=True, error="", outcome=run.tags.get(OUTCOME_TAG, ""))
        for entry in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
            event = entry.dagster_event
            data = event.step_failure_data if event else None
            if data and data.user_failure_data and data.user_failure_data.description:
                return RunEnd(run.run_id, succeeded=False, error=data.user_failure_data.description)
            if data and data.error:
                root = data.error.cause or data.error
                return RunEnd(run.run_id, succeeded=False, error=root.message.strip())
        return RunEnd(run.run_id, succeeded=False, error=f"the run was {run.status.value.lower()}")


def _selector(field: str, name: str) -> dict[str, str]:
    return {"repositoryLocationName": LOCATION, "repositoryName": _REPOSITORY, field: name}
