"""Running jobs of the definitions in this process, over fake stages or real ones, and looking at the results."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import dagster as dg
from dagster_private import CachingStaleStatusResolver, LoadingContextForTest, StaleStatus
from defs_fakes import (
    FakeAnalysis,
    FakeBuilding,
    FakeCredential,
    FakeGathering,
    FakeMirroring,
    FakeScouting,
    FakeSynthesis,
)

from factory_assets.build_defs import build_defs
from factory_assets.defs.partitions import date_rank_key
from factory_assets.instance import Instance
from factory_assets.registry import Registry
from factory_assets.settings import Settings

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


class DefsRuns:
    """Some definitions on an instance: a run of any of the four jobs at a call, and what it left to look at."""

    def __init__(self, defs: dg.Definitions, instance: dg.DagsterInstance) -> None:
        self.defs = defs
        self.instance = instance

    # Runs

    def run(
        self,
        job: str,
        key: str,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, object] | None = None,
    ) -> dg.ExecuteInProcessResult:
        """Run a job on one partition; a failure is a result, not an exception."""
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=key,
            tags=dict(tags or {}),
            run_config=dict(config or {}),
            raise_on_error=False,
        )

    def run_day(self, job: str, day: date) -> dg.ExecuteInProcessResult:
        return self.run(job, day.isoformat())

    def run_rank(self, job: str, day: date, rank: int) -> dg.ExecuteInProcessResult:
        return self.run(job, date_rank_key(day, rank))

    def run_days(self, job: str, first: date, last: date) -> dg.ExecuteInProcessResult:
        """One run over a range of dates, as schedules and backfills ask for it."""
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            tags={RANGE_START: first.isoformat(), RANGE_END: last.isoformat()},
            raise_on_error=False,
        )

    # What a user looks at

    def tags(self, result: dg.ExecuteInProcessResult) -> Mapping[str, str]:
        """The tags that the run has now."""
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        return run.tags

    def materialized(self, asset: str) -> set[str]:
        """The partitions that are green or were."""
        return self.instance.get_materialized_partitions(dg.AssetKey(asset))

    def data_version(self, asset: str, key: str) -> str:
        record = self.instance.get_latest_data_version_record(dg.AssetKey(asset), partition_key=key)
        assert record is not None
        materialization = record.asset_materialization
        assert materialization is not None
        return (materialization.tags or {})["dagster/data_version"]

    def is_stale(self, asset: str, key: str) -> bool:
        """What the UI's badge says of this partition."""
        resolver = CachingStaleStatusResolver(
            instance=self.instance,
            asset_graph=self.defs.resolve_asset_graph(),
            loading_context=LoadingContextForTest(self.instance),
        )
        return resolver.get_status(dg.AssetKey(asset), key) is StaleStatus.STALE


class DefsFactory(DefsRuns):
    """The real definitions over fake stages, with a registry on disk."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings = settings
        self.registry = Registry(settings.registry_place)
        self.gathering = FakeGathering(self.registry)
        self.analysis = FakeAnalysis(self.registry)
        self.synthesis = FakeSynthesis(self.registry)
        self.scouting = FakeScouting(self.registry)
        self.credential = FakeCredential()
        self.building = FakeBuilding(self.registry, self.credential)
        self.mirroring = FakeMirroring(self.registry)
        self.parts = Instance(
            settings,
            registry=self.registry,
            gathering=self.gathering,
            analysis=self.analysis,
            synthesis=self.synthesis,
            scouting=self.scouting,
            builds=self.building,
            credential=self.credential,
            mirroring=self.mirroring,
        )
        resources = {"registry": self.registry, "instance": self.parts}
        super().__init__(build_defs(settings, resources), instance)


def metadata(result: dg.ExecuteInProcessResult, asset: str, key: str | None = None) -> dict[str, object]:
    """The plain values on the materialization of that asset (of that partition, where one is named)."""
    found = [
        event.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(asset) and key in {None, event.partition}
    ]
    assert len(found) == 1, [item.partition for item in found]
    return {name: value.value for name, value in found[0].metadata.items()}


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Every asset check that the run recorded."""
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def failure_of(result: dg.ExecuteInProcessResult) -> tuple[str, dict[str, object]]:
    """The text and the metadata of the red step."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None, event.step_failure_data.error
    return failure.description or "", {name: value.value for name, value in failure.metadata.items()}
