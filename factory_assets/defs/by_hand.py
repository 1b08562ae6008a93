"""Materializations that a person has reported in the UI: they are green, and no run of the factory made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg

from factory_assets.defs.externals import BUILT_REPOS, MIRRORED_REPOS, PAPERS, SPECS
from factory_assets.defs.partitions import spec_key
from factory_assets.domain.outcomes import moment
from factory_assets.domain.specs import QueuedSpec

REPORTABLE = (PAPERS, SPECS, BUILT_REPOS, MIRRORED_REPOS)


@dataclass(frozen=True)
class HandReport:
    """The latest materialization of a partition, where a person reported it; `said` is the description."""

    asset: dg.AssetKey
    partition: str
    at: datetime
    said: str

    def __str__(self) -> str:
        asset = self.asset.to_user_string()
        said = f', with the words "{self.said}"' if self.said else ""
        return (
            f"{asset}[{self.partition}] was reported as materialized by hand at {moment(self.at)}{said}: no run of"
            " the factory made it."
        )


def reports_on_spec(instance: dg.DagsterInstance, queued: QueuedSpec) -> list[HandReport]:
    """Those that stand on the partition of this spec."""
    if queued.day is None or queued.rank is None:
        return []
    key = str(spec_key(queued))
    return _standing(instance, {BUILT_REPOS: [key], MIRRORED_REPOS: [key]})


def reports_on_day(instance: dg.DagsterInstance, day: date, specs: Sequence[QueuedSpec]) -> list[HandReport]:
    """Those that stand on the date and on the partitions of these specs of it."""
    keys = [str(spec_key(queued)) for queued in specs if queued.day is not None and queued.rank is not None]
    return _standing(
        instance, {PAPERS: [str(day)], SPECS: [str(day)], BUILT_REPOS: keys, MIRRORED_REPOS: keys}
    )


def _standing(
    instance: dg.DagsterInstance, partitions: Mapping[dg.AssetKey, Sequence[str]]
) -> list[HandReport]:
    found = []
    for asset, keys in partitions.items():
        latest = instance.event_log_storage.get_latest_storage_id_by_partition(
            asset, dg.DagsterEventType.ASSET_MATERIALIZATION, set(keys)
        )
        ids = list(latest.values())
        if not ids:
            continue
        chosen = dg.AssetRecordsFilter(asset_key=asset, storage_ids=ids)
        for record in instance.fetch_materializations(chosen, limit=len(ids)).records:
            made = record.asset_materialization
            if is_by_hand(record) and made is not None and made.partition is not None:
                at = datetime.fromtimestamp(record.timestamp, UTC)
                found.append(HandReport(asset, made.partition, at, made.description or ""))
    return found


def is_by_hand(record: dg.EventLogRecord) -> bool:
    """Whether no run stands behind the event; of these assets the factory itself writes none without one."""
    return not record.run_id
