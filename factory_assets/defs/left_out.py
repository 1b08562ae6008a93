"""Checks that did not judge in a run that fails are grey, not failed.

Dagster plans every check of an asset with its run, and shows a planned one without a result by how its latest run has
ended: skipped where that succeeded, failed where it failed (AssetCheckExecutionRecord.resolve_status in 1.13). So a
small run in this process plans them once more, and ends green without a result.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

import dagster as dg

from factory_assets.domain.errors import FactoryError

LEFT_OUT_JOB = "checks_left_out"
# The run that has left them out.
LEFT_OUT_TAG = "factory/left-out-of"
_PARTITION_TAG = "dagster/partition"


Event = TypeVar("Event")


def with_checks_left_out(context: dg.AssetExecutionContext, events: Iterator[Event]) -> Iterator[Event]:
    """The events of a step, without those of checks that it is not asked for.

    Where it fails, the checks that it has not yielded by then are shown as skipped.
    """
    asked, judged = {key.name for key in context.selected_asset_check_keys}, set[str | None]()
    try:
        for event in events:
            if isinstance(event, dg.AssetCheckResult):
                if event.check_name not in asked:
                    continue
                judged.add(event.check_name)
            yield event
    except (dg.Failure, FactoryError) as failed:
        try:
            _leave_out(context, judged)
        finally:
            # Whatever becomes of that, this is why the step fails.
            raise failed


def _leave_out(context: dg.AssetExecutionContext, judged: Collection[str | None]) -> None:
    specs = [
        dg.AssetCheckSpec(spec.name, asset=spec.asset_key, partitions_def=spec.partitions_def)
        for spec in context.assets_def.check_specs
        if spec.key in context.selected_asset_check_keys and spec.name not in judged
    ]
    if not specs:
        return

    @dg.multi_asset_check(name=LEFT_OUT_JOB, specs=specs, can_subset=True)
    def none_judges() -> Iterator[dg.AssetCheckResult]:
        yield from ()

    assets = [
        dg.AssetSpec(key, partitions_def=context.assets_def.partitions_def)
        for key in {spec.asset_key for spec in specs}
    ]
    # The partition goes by tag: a job of checks alone takes no key.
    partition = {name: value for name, value in context.run.tags.items() if name.startswith(_PARTITION_TAG)}
    job = dg.define_asset_job(LEFT_OUT_JOB, selection=dg.AssetSelection.checks(none_judges))
    dg.Definitions(assets=assets, asset_checks=[none_judges], jobs=[job]).resolve_job_def(
        LEFT_OUT_JOB
    ).execute_in_process(instance=context.instance, tags={**partition, LEFT_OUT_TAG: context.run.run_id})
