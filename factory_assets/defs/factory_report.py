"""The asset `factory_report`, its job and its daily schedule: what the factory did, at a glance."""

import base64
from datetime import timedelta
from pathlib import Path

import dagster as dg

from factory_assets.defs.externals import GROUP
from factory_assets.defs.markdown import table
from factory_assets.domain.builds import IN_PROGRESS, BuildStatus
from factory_assets.domain.clock import Clock
from factory_assets.domain.places import Places
from factory_assets.registry import Registry
from factory_assets.report.page import summary, tables, write_page
from factory_assets.report.plots import plot

FACTORY_REPORT = dg.AssetKey("factory_report")
REPORT_JOB = "report"
REPORT_DAYS = 30


def build_factory_report(*, owner: str, folder: Path, places: Places) -> dg.AssetsDefinition:
    """The asset. It reads the registry alone, so it depends on no partition and is never shown as stale."""

    @dg.asset(
        key=FACTORY_REPORT,
        group_name=GROUP,
        kinds={"duckdb", "matplotlib"},
        owners=[owner],
        tags={"stage": "report"},
        code_version="1",
        metadata={
            "pages": dg.MetadataValue.path(folder),
            "settings": "FACTORY_REPORT_CRON, FACTORY_DATA_DIR",
        },
        description=(
            f"The last {REPORT_DAYS} days: funnel, ship rate, cost per shipped repo, dollars by day and model, time per"
            " phase, failures by class, age of the queue; as a picture, as tables, and as a page in"
            " FACTORY_DATA_DIR/reports. Made at FACTORY_REPORT_CRON, every morning unless you change it."
        ),
    )
    def factory_report(
        registry: dg.ResourceParam[Registry], clock: dg.ResourceParam[Clock]
    ) -> dg.MaterializeResult[None]:
        now = clock.now()
        today = now.date()
        statistics = registry.reports.statistics(today - timedelta(days=REPORT_DAYS - 1), today)
        lacking = {
            queued.spec.name: f"a {lacks.missing}"
            for queued in registry.queue.specs({BuildStatus.QUEUED, *IN_PROGRESS})
            if (lacks := places.lacking(queued, today)) is not None
        }
        statistics = statistics.waiting_for(lacking)
        picture = plot(statistics, now=now)
        page = write_page(statistics, picture, folder=folder, now=now)
        rate, cost = statistics.ship_rate, statistics.cost_per_shipped
        figures: dict[str, dg.MetadataValue] = {
            "shipped": dg.MetadataValue.int(statistics.shipped),
            "failed": dg.MetadataValue.int(len(statistics.failed)),
            "waiting": dg.MetadataValue.int(len(statistics.waiting)),
            "dollars": dg.MetadataValue.float(round(statistics.dollars, 2)),
        }
        # Left out while there is none: Dagster draws numbers over time, and a made-up one would show there.
        if rate is not None:
            figures["ship rate"] = dg.MetadataValue.float(round(rate[0], 3))
        if cost is not None:
            figures["dollars per shipped repo"] = dg.MetadataValue.float(round(cost, 2))
        return dg.MaterializeResult(
            metadata={
                "plots": dg.MetadataValue.md(
                    f"![the factory at a glance](data:image/png;base64,{base64.b64encode(picture).decode()})"
                ),
                "summary": dg.MetadataValue.md(table(["", ""], summary(statistics))),
                **{
                    part.title.lower(): dg.MetadataValue.md(table(part.heads, part.rows))
                    for part in tables(statistics, now=now)
                    if part.rows
                },
                **figures,
                "page": dg.MetadataValue.path(page),
            }
        )

    return factory_report


def build_report_schedule(cron: str, timezone: str) -> dg.ScheduleDefinition:
    """Every morning, from the start: it costs nothing."""
    job = dg.define_asset_job(
        REPORT_JOB,
        selection=dg.AssetSelection.assets(FACTORY_REPORT),
        description="Make the factory's report.",
    )
    return dg.ScheduleDefinition(
        name="report_daily",
        job=job,
        cron_schedule=cron,
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every morning: make the report of the last days.",
    )
