"""The asset `factory_days`, a page for each date, and the sensor that keeps the pages true between runs."""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from factory_assets.defs.by_hand import REPORTABLE, is_by_hand
from factory_assets.defs.day_page import CODE_VERSION, DATA_VERSION_TAG, DAY_DEPS, read_day
from factory_assets.defs.externals import FACTORY_DAYS, GROUP
from factory_assets.defs.partitions import Partitions, days_of
from factory_assets.defs.ticks import is_tick
from factory_assets.registry import Registry

_PAGES_A_TICK = 20
_REPORTS_A_TICK = 200


def build_factory_days(partitions: Partitions, *, owner: str) -> dg.AssetsDefinition:
    """The asset over the instance's dates; a range of them is made in one run."""

    @dg.asset(
        key=FACTORY_DAYS,
        partitions_def=partitions.dates,
        deps=DAY_DEPS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        group_name=GROUP,
        kinds={"duckdb"},
        owners=[owner],
        tags={"stage": "report"},
        code_version=CODE_VERSION,
        metadata={"settings": "FACTORY_RANKS"},
        description=(
            "A day at a glance: every spec of the date with its verdict, the gate or reason in one line, its dollars"
            " and links. Each analysis, build and mirror of the date makes it again, a refused build too; what"
            " changes without a run is on it within a minute (sensor `day_pages`). To materialize it costs nothing."
        ),
    )
    def factory_days(
        context: dg.AssetExecutionContext, registry: dg.ResourceParam[Registry]
    ) -> Iterator[dg.AssetMaterialization]:
        for day in days_of(context):
            yield read_day(context.instance, registry, day).materialization()

    return factory_days


def build_day_sensor(partitions: Partitions) -> dg.SensorDefinition:
    """The sensor `day_pages`, on from the start. It launches no run: a page is one event."""

    @dg.sensor(
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Makes the page of a date in factory_days again where something has changed without a run of its own: an"
            " import, a retry, a run that was killed, a materialization that a person reported by hand."
        ),
    )
    def day_pages(
        context: dg.SensorEvaluationContext, registry: dg.ResourceParam[Registry]
    ) -> dg.SensorResult:
        instance = context.instance
        reported, seen_to = _reported_since(instance, context.cursor)
        made = instance.event_log_storage.get_latest_tags_by_partition(
            FACTORY_DAYS, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG]
        )
        due = [
            day
            for day, digest in registry.stories.day_digests().items()
            if (str(day) in reported or made.get(str(day), {}).get(DATA_VERSION_TAG) != digest)
            and partitions.dates.has_partition_key(str(day))
        ]
        # The newest first; where an instance is new to this, the rest comes in the next ticks.
        chosen: Sequence[date] = sorted(due, reverse=True)[:_PAGES_A_TICK]
        names = ", ".join(map(str, chosen))
        if not is_tick(context):
            return dg.SensorResult(
                skip_reason=f"To be made again: {names}." if chosen else "Every page is as it should be."
            )
        return dg.SensorResult(
            skip_reason=f"Made again: {names}." if chosen else "Every page is as it should be.",
            asset_events=[read_day(instance, registry, day).materialization() for day in chosen],
            cursor=str(seen_to),
        )

    return day_pages


def _reported_since(instance: dg.DagsterInstance, cursor: str | None) -> tuple[set[str], int]:
    """The dates on which a person reported something since that event, and the event to go on from."""
    newest = instance.event_log_storage.get_maximum_record_id() or 0
    if cursor is None:
        return set(), newest
    days: set[str] = set()
    for asset in REPORTABLE:
        chosen = dg.AssetRecordsFilter(asset_key=asset, after_storage_id=int(cursor))
        records = instance.fetch_materializations(chosen, limit=_REPORTS_A_TICK, ascending=True).records
        if len(records) == _REPORTS_A_TICK:
            newest = min(newest, records[-1].storage_id)
        days |= {(record.partition_key or "").partition("|")[0] for record in records if is_by_hand(record)}
    return days, newest
