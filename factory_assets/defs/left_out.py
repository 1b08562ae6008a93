"""Checks that did not judge in a run that fails are grey, not failed.

Dagster plans every check of an asset with its run, and shows a planned one without a result by how its latest run has
ended: skipped where that succeeded, failed where it failed (AssetCheckExecutionRecord.resolve_status in 1.13). So a
small run in this process plans them once more, and ends green without a result.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import dagster as dg

LEFT_OUT_JOB = "checks_left_out"
# The run that has left them out.
LEFT_OUT_TAG = "factory/left-out-of"


def leave_out(context: dg.AssetExecutionContext, judged: Collection[str]) -> None:
    """Have this step's checks, but for those in `judged`, shown as skipped when its run fails."""
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
    job = dg.define_asset_job(LEFT_OUT_JOB, selection=dg.AssetSelection.checks(none_judges))
    is_by_partition = any(spec.partitions_def is not None for spec in specs)
    dg.Definitions(assets=assets, asset_checks=[none_judges], jobs=[job]).resolve_job_def(
        LEFT_OUT_JOB
    ).execute_in_process(
        instance=context.instance,
        partition_key=context.partition_key if is_by_partition else None,
        tags={LEFT_OUT_TAG: context.run.run_id},
    )
