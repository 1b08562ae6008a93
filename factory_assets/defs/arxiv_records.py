"""The asset `arxiv_records`: the records that arXiv changed on each date, in the archive; and when it is harvested."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from factory_assets.archive.report import HarvestReport
from factory_assets.defs.externals import ARCHIVE_GROUP, ARXIV_OAI, ARXIV_RECORDS
from factory_assets.defs.left_out import with_checks_left_out
from factory_assets.defs.markdown import table
from factory_assets.defs.partitions import Partitions, days_of
from factory_assets.defs.runs import failure
from factory_assets.defs.stages import Archiving, InstanceParts
from factory_assets.domain.errors import FactoryError
from factory_assets.domain.places import Places

HARVEST_SCHEDULE = "harvest_daily"
# arXiv announces at 20:00 in New York, and its list follows within two and a half hours
# (https://info.arxiv.org/help/oa/index.html).
_CRON = "30 5 * * *"
_MOST_SHOWN = 50
WHOLE = dg.AssetCheckSpec(
    "date_is_whole",
    asset=ARXIV_RECORDS,
    description=(
        "The dates of the latest harvest were over when it began. A warning names those that were not: the next"
        " harvest asks for them again."
    ),
)
READ = dg.AssetCheckSpec(
    "every_record_read",
    asset=ARXIV_RECORDS,
    description="Every record that arXiv sent was read. A warning names those that were left out.",
)
Event = dg.MaterializeResult[None] | dg.AssetCheckResult


def build_arxiv_records(partitions: Partitions, *, owner: str) -> dg.AssetsDefinition:
    """The asset over the instance's dates; a range of dates is one list for each set, in one run."""

    @dg.asset(
        key=ARXIV_RECORDS,
        partitions_def=partitions.dates,
        deps=[ARXIV_OAI],
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        check_specs=[WHOLE, READ],
        group_name=ARCHIVE_GROUP,
        kinds={"arxiv", "duckdb"},
        owners=[owner],
        tags={"stage": "gather"},
        code_version="1",
        metadata={"settings": "FACTORY_ARCHIVE, FACTORY_OAI_URL, FACTORY_OAI_SETS, FACTORY_ARXIV_INTERVAL"},
        pool="archive",
        description=(
            "Records that arXiv changed on this date (UTC), new papers among them, kept in the archive by month of"
            " first submission. A harvest that was killed goes on from the page it had reached."
        ),
    )
    def arxiv_records(
        context: dg.AssetExecutionContext, instance: dg.ResourceParam[InstanceParts]
    ) -> Iterator[Event]:
        yield from with_checks_left_out(context, _harvest(context, instance.archiving))

    return arxiv_records


def build_harvest_schedule(places: Places, timezone: str, *, is_wanted: bool) -> dg.ScheduleDefinition:
    """Daily, once the archive is wanted: the dates since the last harvest, those of nights that failed among them."""
    job = dg.define_asset_job(
        "harvest",
        selection=dg.AssetSelection.assets(ARXIV_RECORDS),
        description="Harvest the records that arXiv changed on one date or on a range of dates.",
        tags={"stage": "gather"},
    )

    @dg.schedule(
        name=HARVEST_SCHEDULE,
        job=job,
        cron_schedule=_CRON,
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if is_wanted else dg.DefaultScheduleStatus.STOPPED,
        description="Daily: harvest what arXiv changed since the start of the last harvest less a day.",
    )
    def harvest_daily(
        context: dg.ScheduleEvaluationContext, instance: dg.ResourceParam[InstanceParts]
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        first, last = instance.archiving.next_dates()
        first, last = max(first, places.first), min(last, places.last or last)
        if first > last:
            yield dg.SkipReason(f"No date from {places.first} on is left to harvest.")
            return
        yield dg.RunRequest(
            run_key=f"harvest {context.scheduled_execution_time:%Y-%m-%d}",
            tags={
                "dagster/asset_partition_range_start": first.isoformat(),
                "dagster/asset_partition_range_end": last.isoformat(),
            },
        )

    return harvest_daily


def _harvest(context: dg.AssetExecutionContext, archiving: Archiving) -> Iterator[Event]:
    days = days_of(context)
    reports: list[HarvestReport] = []
    try:
        for report in archiving.harvest(days[0], days[-1], context.log.info):
            reports.append(report)
            for day in report.days:
                context.log_event(
                    dg.AssetMaterialization(
                        ARXIV_RECORDS, partition=day.isoformat(), metadata=_metadata(report, day)
                    )
                )
    except FactoryError as error:
        raise failure(error) from error
    if len(context.job_def.asset_layer.selected_asset_keys) > 1:
        # Dagster skips whatever rests on a step without a result, and the run goes on. The result stands for each date
        # once more, with what is known of it.
        for report in reports:
            for day in report.days:
                context.add_asset_metadata(_metadata(report, day), ARXIV_RECORDS, day.isoformat())
        yield dg.MaterializeResult()
    yield _whole(reports)
    yield _read(reports)


def _metadata(report: HarvestReport, day: date) -> dict[str, dg.MetadataValue]:
    counts = report.counts
    return {
        "records of this date": dg.MetadataValue.int(report.by_day[day]),
        "dates asked for together": dg.MetadataValue.text(f"{report.first} to {report.last}"),
        "new": dg.MetadataValue.int(counts.new),
        "changed": dg.MetadataValue.int(counts.changed),
        "deleted": dg.MetadataValue.int(counts.deleted),
        "as they were": dg.MetadataValue.int(counts.unchanged),
        "months written": dg.MetadataValue.int(counts.months),
        "was over": dg.MetadataValue.bool(report.is_whole(day)),
        "requests": dg.MetadataValue.int(report.requests),
        "seconds": dg.MetadataValue.float(round(report.seconds, 1)),
    }


def _whole(reports: list[HarvestReport]) -> dg.AssetCheckResult:
    early = [day for report in reports for day in report.days if not report.is_whole(day)]
    empty = [
        day
        for report in reports
        for day in report.days
        # arXiv announces from Sunday to Thursday, New York's evening, which is the next date here.
        if report.is_whole(day) and day.weekday() < 5 and not report.by_day[day]
    ]
    return dg.AssetCheckResult(
        check_name=WHOLE.name,
        passed=not early,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "not over": dg.MetadataValue.text(", ".join(map(str, early)) or "none"),
            "working days without a record": dg.MetadataValue.text(
                ", ".join(map(str, empty[:_MOST_SHOWN])) or "none"
            ),
        },
    )


def _read(reports: list[HarvestReport]) -> dg.AssetCheckResult:
    unread = [one for report in reports for one in report.unread]
    return dg.AssetCheckResult(
        check_name=READ.name,
        passed=not unread,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "left out": dg.MetadataValue.md(
                table(["record", "why"], [(one.id, one.why) for one in unread[:_MOST_SHOWN]])
            )
        },
    )
